"""Watch executions that match a filter: each, as it stands, whenever it changed."""

from collections.abc import AsyncIterator, Sequence

from engine.domain.errors import Unavailable
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.storage.repositories.head import label_set
from engine.usecases.caller import Caller
from engine.usecases.live import Changed, Lagged
from engine.usecases.read_executions import ExecutionFilter, executions_by_id, query_of
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView


async def watch_executions(services: Services, caller: Caller, asked: ExecutionFilter) -> AsyncIterator[ExecutionView]:
    """Starts with nothing and never ends. Changes that follow one another quickly come as one: the newest state.

    Raises `Unavailable` where the reader lagged so far behind that changes were dropped.
    """
    async with services.hub.changes(caller.tenant) as live:
        while True:
            changes = await live.next()
            if isinstance(changes, Lagged):
                raise Unavailable("more changed than this subscription could hold: read the list, and subscribe again")
            told = [change for change in changes if asked.status is None or change.status in asked.status]
            query = await query_of(services, caller, asked) if told else None
            if query is None:
                continue
            ids = [change.execution_id for change in told if _may_match(change, query)]
            for view in await _views(services, caller, ids):
                if _matches(view, query):
                    yield view


async def _views(services: Services, caller: Caller, ids: Sequence[str]) -> list[ExecutionView]:
    found = await executions_by_id(services, caller, ids) if ids else []
    return [view for view in found if view is not None]


def _may_match(change: Changed, query: ExecutionQuery) -> bool:
    return (query.workflow_id is None or change.workflow_id == query.workflow_id) and (
        query.batch_id is None or change.batch_id == query.batch_id
    )


def _matches(view: ExecutionView, query: ExecutionQuery) -> bool:
    state = view.state
    return (
        (query.workflow_id is None or state.workflow_id == query.workflow_id)
        and (query.statuses is None or state.status in query.statuses)
        and (query.label is None or query.label in label_set(state.labels))
        and (query.created_after is None or state.created_at > query.created_after)
        and (query.created_before is None or state.created_at < query.created_before)
        and (query.trigger_id is None or state.trigger_id == query.trigger_id)
        and (query.batch_id is None or state.batch_id == query.batch_id)
        and (query.parent_id is None or state.parent_id == query.parent_id)
    )
