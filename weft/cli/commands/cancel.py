"""`weft cancel`"""

from typing import Annotated

import typer

from weft.cli.changing import change_execution
from weft.cli.documents import CANCEL
from weft.cli.options import AsJson, ExecutionId, Reason, Url


def command(
    execution: ExecutionId,
    *,
    reason: Reason = None,
    force: Annotated[bool, typer.Option("--force", help="Stop at once, and undo nothing.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    change_execution(url, CANCEL, {"id": execution, "reason": reason, "force": force}, as_json=as_json)
