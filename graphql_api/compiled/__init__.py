"""Executes operations by Python that is made for them once, with the very results of graphql-core.

`CompiledOperation` is what an operation of a valid document becomes. Its selections become functions (`objects`), which
read plain fields in line; other fields get their value by their resolver (`resolving`) and are completed by their type
(`completion`). What is merged, skipped and included graphql-core decides, while compiling. What is awaited together is
what graphql-core awaits together. What cannot be compiled is `Unsupported`, which is known before anything is executed.
"""

from graphql_api.compiled.operation import CompiledOperation
from graphql_api.compiled.unsupported import Reason, Unsupported

__all__ = ["CompiledOperation", "Reason", "Unsupported"]
