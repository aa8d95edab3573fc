"""Mutations of one execution."""

from typing import Annotated

import strawberry

from engine.usecases.cancel_execution import cancel_execution
from engine.usecases.complete_step import complete_step
from engine.usecases.edit_execution import EditResult, edit_execution
from engine.usecases.fork_execution import fork_execution
from engine.usecases.pause_execution import pause_execution
from engine.usecases.resume_execution import resume_execution
from engine.usecases.retry_execution import retry_execution
from engine.usecases.signal_execution import signal_execution
from engine.usecases.start_execution import start_execution
from engine.usecases.views import ExecutionView
from graphql_api.context import Info
from graphql_api.errors import attempt
from graphql_api.types.errors import UserError
from graphql_api.types.execution import Execution
from graphql_api.types.execution_inputs import (
    CancelExecutionInput,
    CompleteStepInput,
    EditExecutionInput,
    ExecutionInput,
    ForkExecutionInput,
    ResumeExecutionInput,
    RetryExecutionInput,
    SignalExecutionInput,
    StartExecutionInput,
    budget_of,
    edits_of,
    start_of,
)
from graphql_api.types.inputs import INPUT
from graphql_api.types.payloads import EditExecutionPayload, ExecutionPayload
from graphql_api.types.resolvers import mutation
from graphql_api.types.scalars import JSON


@strawberry.type
class ExecutionMutations:
    @mutation("Starts an execution. Once it is answered, the execution is never lost.")
    async def start_execution(self, info: Info, given: Annotated[StartExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await start_execution(info.context.services, info.context.caller, start_of(given))

        return _answer(*await attempt(given, act))

    @mutation("Ends an execution: nothing more is started, what has a `compensate` is undone, then it is CANCELLED.")
    async def cancel_execution(self, info: Info, given: Annotated[CancelExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await cancel_execution(
                info.context.services, info.context.caller, given.id, reason=given.reason, force=given.force
            )

        return _answer(*await attempt(given, act))

    @mutation("Starts no further step; those that run end and are recorded.")
    async def pause_execution(self, info: Info, given: Annotated[ExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await pause_execution(info.context.services, info.context.caller, given.id, reason=given.reason)

        return _answer(*await attempt(given, act))

    @mutation("Lets a paused execution go on.")
    async def resume_execution(self, info: Info, given: Annotated[ResumeExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await resume_execution(
                info.context.services,
                info.context.caller,
                given.id,
                reason=given.reason,
                budget=budget_of(given.budget),
            )

        return _answer(*await attempt(given, act))

    @mutation("Sends a signal. One that comes before its step waits for it counts too.")
    async def signal_execution(self, info: Info, given: Annotated[SignalExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await signal_execution(
                info.context.services,
                info.context.caller,
                given.id,
                name=given.name,
                payload=given.payload,
                idempotency_key=given.idempotency_key,
            )

        return _answer(*await attempt(given, act))

    @mutation("Answers an approval, an interrupt or any other waiting step.")
    async def complete_step(self, info: Info, given: Annotated[CompleteStepInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await complete_step(
                info.context.services,
                info.context.caller,
                given.execution_id,
                given.step_id,
                interrupt_id=given.interrupt_id,
                output=given.output,
                failure=given.failure,
                idempotency_key=given.idempotency_key,
            )

        return _answer(*await attempt(given, act))

    @mutation(
        "A new execution (forkedFrom the old) that keeps what a failed, cancelled or timed-out one recorded and runs "
        "the rest, or from the chosen step on."
    )
    async def retry_execution(self, info: Info, given: Annotated[RetryExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await retry_execution(
                info.context.services, info.context.caller, given.id, from_step=given.from_step
            )

        return _answer(*await attempt(given, act))

    @mutation("A new execution that keeps the recorded results before the chosen step.")
    async def fork_execution(self, info: Info, given: Annotated[ForkExecutionInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            other = given.input is not strawberry.UNSET and given.input is not None
            return await fork_execution(
                info.context.services,
                info.context.caller,
                given.id,
                from_step=given.from_step,
                input=given.input if other else None,
                input_given=other,
                idempotency_key=given.idempotency_key,
            )

        return _answer(*await attempt(given, act))

    @mutation("Changes the steps of a live execution that have not begun. All edits are made, or none.")
    async def edit_execution(self, info: Info, given: Annotated[EditExecutionInput, INPUT]) -> EditExecutionPayload:
        async def act() -> EditResult:
            return await edit_execution(
                info.context.services,
                info.context.caller,
                given.id,
                expected_revision=given.expected_revision,
                edits=edits_of(given.edits),
                dry_run=given.dry_run,
            )

        result, errors = await attempt(given, act)
        return EditExecutionPayload(
            execution=Execution(view=result.execution) if result else None,
            diff=JSON(result.diff) if result else None,
            errors=errors,
        )


def _answer(view: ExecutionView | None, errors: list[UserError]) -> ExecutionPayload:
    return ExecutionPayload(execution=Execution(view=view) if view else None, errors=errors)
