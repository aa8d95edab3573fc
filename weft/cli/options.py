"""Options and arguments that several commands take."""

from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option("--url", help="The server. [default: $WEFT_URL, or http://127.0.0.1:8000]", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]
ExecutionId = Annotated[str, typer.Argument(metavar="EXECUTION", help="The execution's id.")]
Reason = Annotated[str | None, typer.Option(help="Why; shown in the execution's log.")]
IdempotencyKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="The same key with the same request is carried out once.")
]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
TriggerName = Annotated[str, typer.Argument(metavar="NAME", help="The trigger's name.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Watch the execution until it ends.")]
