"""Steps that wait for a person."""

from functools import partial

import strawberry

from engine.usecases.paging import Page, PageRequest
from engine.usecases.read_executions import executions_by_id
from engine.usecases.read_step_runs import step_run
from engine.usecases.waiting_steps import count_waiting_steps, list_waiting_steps
from graphql_api.context import Context
from graphql_api.types.execution import Execution
from graphql_api.types.pages import Connection, connection
from graphql_api.types.step_run import StepRun


@strawberry.type(description="A step that waits for a person.")
class WaitingStep:
    execution: Execution = strawberry.field(description="The execution.")
    step: StepRun = strawberry.field(description="The step run, with what it waits for.")


async def waiting_step_page(context: Context, assignee: str | None, request: PageRequest) -> Connection[WaitingStep]:
    """What was answered while the page was read is left out, so a page may be shorter than `first` and yet not the
    last.
    """
    services, caller = context.services, context.caller
    page = await list_waiting_steps(services, caller, assignee, request)
    views = await executions_by_id(services, caller, [ref.execution_id for ref in page.items])
    items, cursors = [], []
    for ref, cursor, view in zip(page.items, page.cursors, views, strict=True):
        run = await step_run(services, caller, view, ref.step_id) if view else None
        if view and run:
            items.append(WaitingStep(execution=Execution(view=view), step=StepRun.of(run)))
            cursors.append(cursor)
    found = Page(items=items, cursors=cursors, has_next=page.has_next, has_previous=page.has_previous)
    return connection(found, lambda item: item, partial(count_waiting_steps, services, caller, assignee))
