"""Executes operations by Python that is made for them once, with the very results of graphql-core.

`Programs` are the operations of a valid document, and a `CompiledOperation` is what one of them becomes. Its selections
become functions (`objects`), which read plain fields in line; other fields get their value by their resolver (`resolving`)
and are completed by their type (`completion`). What is merged, skipped and included graphql-core decides, while compiling.
What is awaited together is what graphql-core awaits together. What cannot be compiled has a `Reason` and is left to
graphql-core, which is known before anything is executed.
"""

from graphql_api.compiled.operation import CompiledOperation
from graphql_api.compiled.program import MOST_FIELDS, Prepared, Program, Programs
from graphql_api.compiled.unsupported import Reason, Unsupported

__all__ = ["MOST_FIELDS", "CompiledOperation", "Prepared", "Program", "Programs", "Reason", "Unsupported"]
