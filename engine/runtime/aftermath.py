"""Carries out what is left to do when an execution has ended. Every item may be done twice."""

import logging

from engine.domain.errors import InvalidState, NotFound
from engine.domain.execution.commands import Cancel, ChildEnded
from engine.domain.status import ExecutionStatus
from engine.executors.checkpoint_upkeep import delete_checkpoints
from engine.storage.port import Conflict
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.storage.repositories.head import Stored, execution_path
from engine.usecases.admission import release
from engine.usecases.aftermath import CLOSE_CHILDREN, DROP_CHECKPOINTS, FREE_CONCURRENCY_KEY, TELL_PARENT
from engine.usecases.services import Services

_LIVE = tuple(status for status in ExecutionStatus if not status.terminal)
_CHILDREN_AT_ONCE = 100

_log = logging.getLogger(__name__)


class TooEarly(Exception):
    """A child ended before its parent recorded that it waits for it."""


class Aftermath:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def carry_out(self, stored: Stored) -> bool:
        """All of it, and strikes it out. False where it is too early for something: look again in a moment."""
        if not stored.todo:
            return True
        steps = {
            TELL_PARENT: self._tell_parent,
            CLOSE_CHILDREN: self._close_children,
            FREE_CONCURRENCY_KEY: self._free_concurrency_key,
            DROP_CHECKPOINTS: self._drop_checkpoints,
        }
        try:
            for name in stored.todo:
                await steps[name](stored)
        except TooEarly:
            return False
        state = stored.state
        try:
            await self._services.journal.settle(stored, self._services.clock(), ())
        except Conflict:
            self._services.journal.forget(state.tenant, state.id)
            _log.info("somebody else settled execution %s", state.id)
        return True

    async def _tell_parent(self, stored: Stored) -> None:
        state = stored.state
        if state.parent_id is None or state.parent_step is None:
            return
        command = ChildEnded(
            path=state.parent_step,
            child_id=state.id,
            status=state.status,
            output=await self._services.executions.value(state.tenant, state.id, state.output),
            failure=state.failure,
        )
        try:
            await self._services.journal.change(state.tenant, state.parent_id, command)
        except NotFound:
            _log.info("execution %s has ended; its parent %s is gone", state.id, state.parent_id)
        except InvalidState as error:
            raise TooEarly from error

    async def _close_children(self, stored: Stored) -> None:
        state = stored.state
        start_after = None
        query = ExecutionQuery(parent_id=state.id, statuses=_LIVE)
        while True:
            children = await self._services.queries.page(
                state.tenant, query, descending=False, start_after=start_after, limit=_CHILDREN_AT_ONCE
            )
            for child in children:
                if child.state.on_parent_close == "cancel":
                    await self._cancel(child.state.tenant, child.state.id, f"its parent {state.id} is {state.status}")
            if len(children) < _CHILDREN_AT_ONCE:
                return
            start_after = (children[-1].state.created_at, children[-1].state.id)

    async def _cancel(self, tenant: str, child_id: str, reason: str) -> None:
        try:
            await self._services.journal.change(tenant, child_id, Cancel(reason=reason))
        except (InvalidState, NotFound):
            _log.debug("child %s ended by itself", child_id)

    async def _free_concurrency_key(self, stored: Stored) -> None:
        key = stored.state.concurrency_key
        if key is not None:
            await release(self._services, stored.state.tenant, stored.state.id, key)

    async def _drop_checkpoints(self, stored: Stored) -> None:
        await delete_checkpoints(self._services.store, execution_path(stored.state.tenant, stored.state.id))
