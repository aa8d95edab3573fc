"""Repairs what those who watch missed: messages between processes may be lost, and then nothing else would tell them.

What is watched and was quiet for a second is looked at in the store, then less and less often; many watched executions are one read.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

from engine.domain.errors import Unavailable
from engine.runtime.hub import Hub
from engine.storage.repositories.decoding import IncompatibleData
from engine.storage.repositories.executions import ExecutionRepository
from engine.storage.repositories.head_view import HeadView
from engine.usecases.live import Changed

EVERY_SECONDS = 0.5
_AT_ONCE = 100

_log = logging.getLogger(__name__)


class Repair:
    def __init__(self, hub: Hub, executions: ExecutionRepository) -> None:
        self._hub = hub
        self._executions = executions

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled."""
        started.set()
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.once()
            except Unavailable as error:
                _log.warning("what is watched cannot be looked at: %s", error)
            except Exception:  # noqa: BLE001  # nobody else would tell those who wait for a message that was lost
                _log.exception("what is watched could not be looked at; the next round tries again")

    async def once(self) -> int:
        """How many executions had gone on without anybody being told."""
        loop = asyncio.get_running_loop()
        by_tenant: defaultdict[str, list[str]] = defaultdict(list)
        for tenant, execution_id in self._hub.overdue(loop.time()):
            by_tenant[tenant].append(execution_id)
        missed = 0
        for tenant, ids in by_tenant.items():
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                for execution_id, head in zip(some, await self._heads(tenant, some), strict=True):
                    if isinstance(head, IncompatibleData):
                        self._hub.unreadable((tenant, execution_id), loop.time())
                        continue
                    change = Changed(execution_id=execution_id, workflow_id="", status="", batch_id=None)
                    seq = 0
                    if head is not None:
                        state, seq = head.state, head.state.seq
                        change = Changed(
                            execution_id=state.id,
                            workflow_id=state.workflow_id,
                            status=state.status.value,
                            batch_id=state.batch_id,
                        )
                    missed += self._hub.found((tenant, execution_id), change, seq, loop.time())
        return missed

    async def _heads(self, tenant: str, ids: Sequence[str]) -> Sequence[HeadView | IncompatibleData | None]:
        """One by one where one of them cannot be read: the others are not its fault."""
        try:
            return await self._executions.views(tenant, ids)
        except IncompatibleData as error:
            if len(ids) == 1:
                return [error]
        return [head for each in ids for head in await self._heads(tenant, [each])]
