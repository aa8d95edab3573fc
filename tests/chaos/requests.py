"""What callers ask for in one simulation, drawn from its seed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from engine.domain.batch import BatchAction, BatchMode
from engine.domain.edits import EditAction, StepEdit
from engine.domain.errors import (
    InvalidState,
    LimitExceeded,
    NotFound,
    RevisionConflict,
    ValidationFailed,
)
from engine.domain.failure import Budget
from engine.domain.ids import derive
from engine.domain.status import ExecutionStatus
from engine.storage.repositories.head import HeadBody
from engine.storage.repositories.waits import WaitingStepRef
from engine.usecases.act_on_executions import act_on_executions
from engine.usecases.cancel_execution import cancel_execution
from engine.usecases.complete_step import complete_step
from engine.usecases.edit_execution import edit_execution
from engine.usecases.fork_execution import fork_execution
from engine.usecases.pause_execution import pause_execution
from engine.usecases.read_executions import executions_by_id
from engine.usecases.resume_execution import resume_execution
from engine.usecases.retry_execution import retry_execution
from engine.usecases.signal_execution import signal_execution
from engine.usecases.start_execution import StartExecution, start_execution
from engine.usecases.start_executions import start_executions
from tests.chaos.clients import CALLER, Clients, NoAnswer, Refused
from tests.chaos.sim_store import true_time

E = ExecutionStatus
_TOO_LATE = (InvalidState,)
_NOT_TAKEN = (LimitExceeded, ValidationFailed)
"""Its concurrency key is full, or its deadline over."""
_wait = msgspec.json.Decoder(WaitingStepRef)


class Requests:
    """`names` are the workflows' names."""

    def __init__(self, clients: Clients, names: Sequence[str]) -> None:
        self._clients = clients
        self._random = clients.random
        self._names = names
        self._keys = 0
        self.batches: dict[str, int] = {}
        """How many executions each accepted batch promised."""
        self.signals: list[tuple[str, int]] = []
        """Those that were acknowledged: the execution, and what the payload says."""

    async def some(self, count: int) -> None:
        """So many, one after the other or together."""
        kinds = [self._start] * 6 + [self._change] * 4 + [self._batch, self._retry, self._act, self._start_twice]
        under_way: list[asyncio.Task[None]] = []
        for number in range(count):
            kind = self._start if number == 0 else self._random.choice(kinds)
            under_way.append(asyncio.create_task(_tried(kind)))
            await asyncio.sleep(self._random.choice([0.0, 0.05, 1.0, 8.0]) * self._random.random())
        await asyncio.gather(*under_way)

    # -------------------------------------------------------------- starting

    def _request(self) -> StartExecution:
        random = self._random
        delay = timedelta(seconds=random.choice([1, 20])) if random.random() < 0.1 else None
        deadline = true_time() + timedelta(seconds=random.choice([5, 40, 200])) if random.random() < 0.1 else None
        return StartExecution(
            workflow=random.choice(self._names),
            input={"key": random.choice(["a", "b"]), "flag": random.random() < 0.5},
            priority=random.choice([None, None, 5, -5]),
            lane="narrow" if random.random() < 0.1 else None,
            delay=delay,
            deadline=deadline,
        )

    def _key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    async def _start(self) -> None:
        request = self._request()
        if self._random.random() < 0.3:
            await self._start_once(request)
        else:
            await self._start_with(request, self._key())

    async def _start_once(self, request: StartExecution) -> None:
        """Without a key nobody knows whether to try again."""
        try:
            view = await self._clients.ask(
                lambda engine: start_execution(engine.services, CALLER, request), allowed=_NOT_TAKEN
            )
        except (NoAnswer, *_NOT_TAKEN):
            return
        self._clients.told(view.state.id)

    async def _start_with(self, request: StartExecution, key: str) -> None:
        keyed = msgspec.structs.replace(request, idempotency_key=key)
        for _ in range(self._random.choice([1, 1, 2])):
            try:
                view = await self._clients.insist(
                    lambda engine: start_execution(engine.services, CALLER, keyed), allowed=_NOT_TAKEN
                )
            except _NOT_TAKEN:
                return
            self._clients.by_key.setdefault(key, set()).add(view.state.id)
            self._clients.told(view.state.id)

    async def _start_twice(self) -> None:
        """The same request at two processes at a time."""
        request, key = self._request(), self._key()
        await asyncio.gather(self._start_with(request, key), self._start_with(request, key))

    async def _batch(self) -> None:
        items = [self._request() for _ in range(self._random.randint(1, 6))]
        mode, key = self._random.choice(list(BatchMode)), self._key()
        batch = await self._clients.insist(
            lambda engine: start_executions(engine.services, CALLER, items, mode, idempotency_key=key)
        )
        self.batches[batch.id] = len(items)
        self._clients.watch_batch(batch.id)

    # -------------------------------------------------------------- changing

    def _heads(self, *statuses: ExecutionStatus) -> list[HeadBody]:
        heads = self._clients.watchman.heads.values()
        return [head for head in heads if (head.state.status in statuses if statuses else not head.state.terminal)]

    async def _change(self) -> None:
        heads = self._heads()
        if not heads:
            return
        head = self._random.choice(heads)
        change = self._random.choice([self._cancel, self._pause, self._pause, self._signal, self._edit, self._fork])
        try:
            await change(head)
        except (NoAnswer, InvalidState, NotFound, RevisionConflict, ValidationFailed, LimitExceeded):
            return

    async def _cancel(self, head: HeadBody) -> None:
        force = self._random.random() < 0.3
        await self._clients.ask(
            lambda engine: cancel_execution(engine.services, CALLER, head.state.id, reason="chaos", force=force),
            allowed=_TOO_LATE,
        )

    async def _pause(self, head: HeadBody) -> None:
        await self._clients.ask(
            lambda engine: pause_execution(engine.services, CALLER, head.state.id, reason="chaos"), allowed=_TOO_LATE
        )

    async def _signal(self, head: HeadBody) -> None:
        """Under a key, until it is acknowledged."""
        key, number = self._key(), self._keys
        await self._clients.insist(
            lambda engine: signal_execution(
                engine.services, CALLER, head.state.id, name="go", payload={"n": number}, idempotency_key=key
            ),
            allowed=_TOO_LATE,
        )
        self.signals.append((head.state.id, number))

    async def signal(self, execution_id: str) -> None:
        name = self._random.choice(["go", "stop"])
        await self._clients.ask(
            lambda engine: signal_execution(
                engine.services, CALLER, execution_id, name=name, payload=None, idempotency_key=None
            ),
            allowed=_TOO_LATE,
        )

    async def _edit(self, head: HeadBody) -> None:
        step_id = f"added{self._random.randrange(10**6)}"
        definition: dict[str, Any] = {"kind": "function", "needs": [], "with": {"call": "chaos.work", "args": {}}}
        edit = StepEdit(action=EditAction.INSERT, step_id=step_id, definition=definition)
        await self._clients.ask(
            lambda engine: edit_execution(
                engine.services,
                CALLER,
                head.state.id,
                expected_revision=head.state.revision,
                edits=[edit],
                dry_run=False,
            ),
            allowed=(InvalidState, RevisionConflict),
        )

    async def _fork(self, head: HeadBody) -> None:
        key = self._key()
        try:
            view = await self._clients.insist(
                lambda engine: fork_execution(
                    engine.services,
                    CALLER,
                    head.state.id,
                    from_step="s0",
                    input=None,
                    input_given=False,
                    idempotency_key=key,
                ),
                allowed=(NotFound, LimitExceeded),
            )
        except (NotFound, LimitExceeded):
            return
        self._clients.by_key.setdefault(key, set()).add(view.state.id)
        self._clients.told(view.state.id)

    async def _retry(self) -> None:
        heads = self._heads(E.FAILED, E.CANCELLED, E.TIMED_OUT)
        if not heads:
            return
        head = self._random.choice(heads)
        try:
            view = await self._clients.ask(
                lambda engine: retry_execution(engine.services, CALLER, head.state.id, from_step=None),
                allowed=(LimitExceeded,),
            )
        except (NoAnswer, LimitExceeded):
            return
        self._clients.told(view.state.id)

    async def _act(self) -> None:
        heads = list(self._clients.watchman.heads.values())
        if not heads:
            return
        ids = [head.state.id for head in self._random.sample(heads, min(3, len(heads)))]
        action = self._random.choice([BatchAction.CANCEL, BatchAction.PAUSE, BatchAction.RESUME, BatchAction.RETRY])
        mode, key = self._random.choice(list(BatchMode)), self._key()
        batch = await self._clients.insist(
            lambda engine: act_on_executions(
                engine.services,
                CALLER,
                action,
                ids,
                None,
                reason="chaos",
                confirm=False,
                mode=mode,
                idempotency_key=key,
            )
        )
        self.batches[batch.id] = len(ids)
        self._clients.watch_batch(batch.id)

    # -------------------------------------------------------------- answering

    async def answer(self) -> None:
        """Until cancelled: whatever waits for somebody gets what it waits for, sooner or later."""
        while True:
            await asyncio.sleep(self._random.uniform(1.0, 6.0))
            for head in self._heads(E.PAUSED):
                await self._answered(self._resume(head))
            for document in self._clients.world.database.find("waits"):
                await self._answered(self._complete(_wait.decode(document.body)))
            for head in self._heads(E.WAITING):
                await self._answered(self.signal(head.state.id))

    async def _answered(self, request: Any) -> None:
        try:
            await request
        except (NoAnswer, Refused, InvalidState, NotFound):
            return

    async def _resume(self, head: HeadBody) -> None:
        usage = head.state.usage
        more = Budget(
            max_model_calls=usage.model_calls + 20, max_tokens=usage.tokens + 1000, max_cost_usd=usage.cost_usd + 1.0
        )
        budget = more if head.state.budget is not None else None
        await self._clients.ask(
            lambda engine: resume_execution(engine.services, CALLER, head.state.id, reason=None, budget=budget),
            allowed=_TOO_LATE,
        )

    async def _complete(self, wait: WaitingStepRef) -> None:
        refused = "no" if self._random.random() < 0.15 else None
        key = derive("ke", wait.id, str(wait.since))
        await self._clients.ask(
            lambda engine: complete_step(
                engine.services,
                CALLER,
                wait.execution_id,
                wait.step_id,
                interrupt_id=None,
                output=None if refused else {"approved": True},
                failure=refused,
                idempotency_key=None if refused else key,
            ),
            allowed=(InvalidState, NotFound),
        )

    async def look(self, execution_id: str) -> None:
        """What was accepted can be found."""
        views = await self._clients.insist(lambda engine: executions_by_id(engine.services, CALLER, [execution_id]))
        if views[0] is None:
            self._clients.watchman.violated(f"{execution_id} was accepted and is not there")


async def _tried(request: Callable[[], Awaitable[None]]) -> None:
    """What was refused is in the list of violations."""
    try:
        await request()
    except Refused:
        return
