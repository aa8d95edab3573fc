"""`weft trigger backfill`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.documents import BACKFILL_TRIGGER
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, IdempotencyKey, TriggerName, Url
from weft.cli.session import with_server


def command(
    name: TriggerName,
    *,
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="The first time that counts, as 2026-01-31T09:30:00Z.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The end, which does not count any more.")],
    idempotency_key: IdempotencyKey = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """1,000 times at the most; they become one batch."""
    given: dict[str, Any] = {"name": name, "from": begin, "to": end, "idempotencyKey": idempotency_key}

    async def backfill(api: Api) -> dict[str, Any]:
        batch = (await api.mutate(BACKFILL_TRIGGER, **given))["batch"]
        assert isinstance(batch, dict)
        return batch

    batch = with_server(url, backfill)
    if as_json:
        print_json(batch)
    else:
        refused = f", {batch['rejected']} refused" if batch["rejected"] else ""
        typer.echo(f"{batch['id']}: {batch['accepted']} executions{refused}")
