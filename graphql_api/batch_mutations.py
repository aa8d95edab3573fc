"""Mutations over many executions."""

from typing import Annotated

import strawberry

from engine.domain import batch as domain
from engine.domain.batch import BatchAction
from engine.usecases.act_on_executions import act_on_executions
from engine.usecases.start_executions import start_executions
from graphql_api.context import Info
from graphql_api.errors import attempt
from graphql_api.types.batch import Batch
from graphql_api.types.batch_inputs import BulkExecutionsInput, StartExecutionsInput
from graphql_api.types.errors import UserError
from graphql_api.types.execution_inputs import start_of
from graphql_api.types.filters import execution_filter
from graphql_api.types.inputs import INPUT
from graphql_api.types.payloads import BatchPayload
from graphql_api.types.resolvers import mutation


@strawberry.type
class BatchMutations:
    @mutation("Starts many executions.")
    async def start_executions(self, info: Info, given: Annotated[StartExecutionsInput, INPUT]) -> BatchPayload:
        async def act() -> domain.Batch:
            return await start_executions(
                info.context.services,
                info.context.caller,
                [start_of(item) for item in given.items],
                given.mode,
                given.idempotency_key,
            )

        return _answer(*await attempt(given, act))

    @mutation("Cancels many executions.")
    async def cancel_executions(self, info: Info, given: Annotated[BulkExecutionsInput, INPUT]) -> BatchPayload:
        return await _act(info, BatchAction.CANCEL, given)

    @mutation("Pauses many executions.")
    async def pause_executions(self, info: Info, given: Annotated[BulkExecutionsInput, INPUT]) -> BatchPayload:
        return await _act(info, BatchAction.PAUSE, given)

    @mutation("Lets many paused executions go on.")
    async def resume_executions(self, info: Info, given: Annotated[BulkExecutionsInput, INPUT]) -> BatchPayload:
        return await _act(info, BatchAction.RESUME, given)

    @mutation("Retries many executions; see `retryExecution`.")
    async def retry_executions(self, info: Info, given: Annotated[BulkExecutionsInput, INPUT]) -> BatchPayload:
        return await _act(info, BatchAction.RETRY, given)


async def _act(info: Info, action: BatchAction, given: BulkExecutionsInput) -> BatchPayload:
    async def act() -> domain.Batch:
        return await act_on_executions(
            info.context.services,
            info.context.caller,
            action,
            given.ids,
            None if given.filter is None else execution_filter(given.filter),
            reason=given.reason,
            confirm=given.confirm,
            mode=given.mode,
            idempotency_key=given.idempotency_key,
        )

    return _answer(*await attempt(given, act))


def _answer(batch: domain.Batch | None, errors: list[UserError]) -> BatchPayload:
    return BatchPayload(batch=Batch.of(batch) if batch else None, errors=errors)
