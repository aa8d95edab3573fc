"""Read workflows and their versions."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.usecases.caller import Caller
from engine.usecases.paging import Cursors, Page, PageRequest, check_first, decode_cursor
from engine.usecases.services import Services

_SCOPE, _VERSIONS = "workflows", "versions"
_LOOKED_AT = 5000
"""Workflows that a search by name looks through."""
_AT_ONCE = 200


class WorkflowFilter(msgspec.Struct, frozen=True, kw_only=True):
    status: tuple[WorkflowStatus, ...] | None = None
    name_contains: str | None = None
    label: tuple[str, str] | None = None


async def workflow_by_name(services: Services, caller: Caller, name: str) -> Workflow | None:
    stored = await services.workflows.by_name(caller.tenant, name)
    return stored.workflow if stored else None


async def workflows_by_id(services: Services, caller: Caller, ids: Sequence[str]) -> list[Workflow | None]:
    return [stored.workflow if stored else None for stored in await services.workflows.by_id(caller.tenant, ids)]


async def list_workflows(
    services: Services, caller: Caller, asked: WorkflowFilter, page: PageRequest
) -> Page[Workflow]:
    """Newest first. Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    after = decode_cursor(_SCOPE, page.after, (datetime, str)) if page.after is not None else None
    start = (after[0], after[1]) if after else None
    found = await _matching(services, caller, asked, start, first + 1)
    items = found[:first]
    return Page(
        items=items,
        cursors=Cursors(_SCOPE, items, lambda workflow: (workflow.created_at, workflow.id)),
        has_next=len(found) > first,
        has_previous=after is not None,
    )


async def count_workflows(services: Services, caller: Caller, asked: WorkflowFilter) -> int:
    if asked.status is not None and not asked.status:
        return 0
    if asked.name_contains:
        return len(await _matching(services, caller, asked, None, _LOOKED_AT))
    return await services.workflows.count(caller.tenant, statuses=asked.status, label=_label(asked))


async def _matching(
    services: Services, caller: Caller, asked: WorkflowFilter, start: tuple[datetime, str] | None, limit: int
) -> list[Workflow]:
    """Names are searched in memory: there are few workflows, and no index finds a part of a name."""
    found: list[Workflow] = []
    if asked.status is not None and not asked.status:
        return found
    wanted = asked.name_contains or ""
    for _ in range(0, _LOOKED_AT, _AT_ONCE):
        size = _AT_ONCE if wanted else limit
        read = await services.workflows.page(
            caller.tenant, statuses=asked.status, label=_label(asked), start_after=start, limit=size
        )
        found.extend(workflow for workflow in read if wanted in workflow.name)
        if len(found) >= limit or len(read) < size:
            break
        start = (read[-1].created_at, read[-1].id)
    return found[:limit]


def _label(asked: WorkflowFilter) -> str | None:
    return "=".join(asked.label) if asked.label else None


async def versions_by_number(
    services: Services, caller: Caller, keys: Sequence[tuple[str, int]]
) -> list[WorkflowVersion | None]:
    """Keys are (workflow id, number)."""
    return await services.workflows.versions(caller.tenant, keys)


async def version_by_id(services: Services, caller: Caller, version_id: str) -> WorkflowVersion | None:
    """The inverse of `engine.domain.workflow.version_id`."""
    rest, _, number = version_id.removeprefix("wv_").rpartition("_")
    if not rest or not (number.isascii() and number.isdigit()) or len(number) > 9:  # noqa: PLR2004  # fits an Int
        return None
    return await services.workflows.version(caller.tenant, f"wf_{rest}", int(number))


async def list_versions(
    services: Services, caller: Caller, workflow_id: str, page: PageRequest
) -> Page[WorkflowVersion]:
    """Newest first. Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    below = decode_cursor(_VERSIONS, page.after, (int,))[0] if page.after is not None else None
    found = await services.workflows.version_page(caller.tenant, workflow_id, below=below, limit=first + 1)
    items = found[:first]
    return Page(
        items=items,
        cursors=Cursors(_VERSIONS, items, lambda version: (version.number,)),
        has_next=len(found) > first,
        has_previous=below is not None,
    )


async def count_versions(services: Services, caller: Caller, workflow_id: str) -> int:
    """Versions are numbered without gaps and never deleted one by one."""
    (stored,) = await services.workflows.by_id(caller.tenant, [workflow_id])
    return stored.workflow.latest_version if stored else 0
