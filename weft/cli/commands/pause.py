"""`weft pause`"""

from weft.cli.changing import change_execution
from weft.cli.documents import PAUSE
from weft.cli.options import AsJson, ExecutionId, Reason, Url


def command(execution: ExecutionId, *, reason: Reason = None, as_json: AsJson = False, url: Url = None) -> None:
    change_execution(url, PAUSE, {"id": execution, "reason": reason}, as_json=as_json)
