"""`http`: one HTTP request."""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from engine.executors.http_with import HttpWith
from engine.executors.late import HTTP_RUN, Late
from engine.executors.pinned_transport import Transport
from engine.executors.port import Executor, Result, StepContext

if TYPE_CHECKING:
    from engine.executors.http_run import HttpRun


class Http(Executor):
    """`transport` decides what may be reached (see `PinnedTransport`); its owner closes it. `longest` bounds the whole
    exchange, redirects and a body that trickles in included, for steps without a timeout of their own.
    """

    name: ClassVar[str] = "http"
    description: ClassVar[str] = (
        "Sends an HTTP request; its output is `{status, headers, body}`, with JSON bodies parsed, text as a string and "
        "anything else as `{base64}`."
    )
    With = HttpWith

    def __init__(
        self,
        transport: Transport,
        *,
        connect_timeout: timedelta = timedelta(seconds=10),
        longest: timedelta = timedelta(minutes=10),
    ) -> None:
        self._late: Late[HttpRun] = Late(
            HTTP_RUN, lambda module: module.HttpRun(transport, connect_timeout=connect_timeout, longest=longest)
        )

    async def run(self, step: StepContext) -> Result:
        return await (await self._late.get()).run(step)
