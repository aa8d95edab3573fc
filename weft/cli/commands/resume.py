"""`weft resume`"""

from typing import Annotated, Any

import typer

from weft.cli.changing import change_execution
from weft.cli.documents import RESUME
from weft.cli.options import AsJson, ExecutionId, Reason, Url


def command(
    execution: ExecutionId,
    *,
    reason: Reason = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="New budget, if the old one paused it.")] = None,
    max_cost_usd: Annotated[float | None, typer.Option(min=0, help="The same, in US dollars.")] = None,
    max_model_calls: Annotated[int | None, typer.Option(min=1, help="The same, in model calls.")] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    limits = {"maxTokens": max_tokens, "maxCostUsd": max_cost_usd, "maxModelCalls": max_model_calls}
    budget = {name: limit for name, limit in limits.items() if limit is not None}
    given: dict[str, Any] = {"id": execution, "reason": reason}
    change_execution(url, RESUME, {**given, "budget": budget} if budget else given, as_json=as_json)
