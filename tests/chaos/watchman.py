"""Looks at every commit of a simulation, at the moment when it is applied, and says what must not be."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.bootstrap import Engine
from engine.domain import events as e
from engine.domain.status import FailureKind
from engine.runtime.worker import Worker
from engine.storage.port import Document
from engine.storage.repositories.head import HeadBody, Lease, decode_head
from tests.chaos.effects import Call
from tests.chaos.process import World
from tests.chaos.sim_database import Change
from tests.chaos.sim_store import true_time
from tests.chaos.slots import Slots

EXECUTED = frozenset({"function", "llm"})
"""Kinds whose results only the process that holds the lease can have."""

ANSWERED = frozenset({"rejected"})
"""Failures that come from people."""

_page = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(e.DurableEvent)


class Violation(Exception):
    """Something that must never happen did."""


class Log:
    """What the log of one execution is known to say: once written, for good."""

    def __init__(self) -> None:
        self.raws: list[bytes] = []
        self.events: list[e.DurableEvent] = []
        self.told = 0
        """How many of them were looked at."""
        self.kinds: dict[str, str] = {}
        self.succeeded: dict[str, float] = {}
        self.starts: Counter[tuple[str, int, str]] = Counter()
        """By path, attempt and the process that recorded it."""
        self.owners: dict[int, str] = {}
        """By epoch."""

    def executed(self, path: str) -> bool:
        return self.kinds.get(path) in EXECUTED

    @property
    def ended(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], e.TERMINAL)


class Watchman:
    """`workers` tells the worker ids of each process."""

    def __init__(self, world: World, *, lanes: dict[str, int], limits: dict[str, int]) -> None:
        self._trace = world.trace
        self.violated = world.violated
        self._lanes = lanes
        self._limits = limits
        self.workers: dict[str, set[str]] = defaultdict(set)
        self._engines: dict[str, Worker] = {}
        self.logs: defaultdict[str, Log] = defaultdict(Log)
        self.heads: dict[str, HeadBody] = {}
        self._in_lanes = world.effects.in_lanes
        self.calls: Counter[tuple[str, str, int, str]] = Counter()
        self.slots = Slots()
        self.tolerance = 5.0
        """Seconds that the clocks of processes may be apart."""
        world.effects.observers.append(self.on_call)
        world.database.observers.append(self.on_commit)

    def serves(self, process: str, engine: Engine) -> None:
        if engine.worker is not None:
            self.workers[process].add(engine.worker.worker_id)
            self._engines[engine.worker.worker_id] = engine.worker

    def dies(self, process: str) -> None:
        """What it held, nobody works on any more."""
        for worker_id in self.workers[process]:
            self._engines.pop(worker_id, None)

    def drives(self, worker_id: str, execution_id: str) -> bool:
        """Whether the worker is at it. It may have given up before its lease runs out."""
        worker = self._engines.get(worker_id)
        return worker is not None and execution_id in worker._driving

    # -------------------------------------------------------------- commits

    def on_commit(self, by: str, changes: Sequence[Change]) -> None:
        said = []
        for before, after in changes:
            document = after or before
            assert document is not None
            kind = document.path.rpartition("/")[0].rpartition("/")[2]
            if kind == "log":
                self._on_page(before, after)
            if kind == "slots":
                self.slots.on_write(before, after)
            if kind not in ("executions", "log", "workers"):
                name = document.path if kind == "slots" else f"{kind}/{document.id[:9]}"
                said.append(f"{'deletes' if after is None else 'writes'} {name}")
        for before, after in changes:
            document = after or before
            assert document is not None
            if document.path.rpartition("/")[0].endswith("/executions"):
                said.insert(0, self._on_head(by, before, after))
        if said:
            self._trace.add(by, "commits " + ", ".join(said))

    def _on_page(self, before: Document | None, after: Document | None) -> None:
        if before is not None or after is None:
            self.violated("a page of a log was changed or deleted")
            return
        raws = _page.decode(after.body)
        last = int(after.id)
        self._append(after.path.split("/")[-3], last - len(raws), raws)

    def _append(self, execution_id: str, after_seq: int, raws: Sequence[msgspec.Raw]) -> None:
        """Events behind `after_seq`; those that are known must be the same."""
        log = self.logs[execution_id]
        if after_seq > len(log.raws):
            self.violated(f"{execution_id}: the log has a gap behind {len(log.raws)}")
        for seq, raw in enumerate(map(bytes, raws), start=after_seq + 1):
            if seq <= len(log.raws):
                if log.raws[seq - 1] != raw:
                    self.violated(f"{execution_id}: entry {seq} was changed to {raw!r}")
                continue
            if log.ended:
                self.violated(f"{execution_id}: {raw!r} comes after the end")
            log.raws.append(raw)
            log.events.append(_event.decode(raw))

    def _on_head(self, by: str, before: Document | None, after: Document | None) -> str:
        if after is None:
            assert before is not None
            self.violated(f"{before.id}: the execution was deleted")
            return ""
        execution_id = after.id
        old = self.heads.get(execution_id)
        new = decode_head(after)
        log = self.logs[execution_id]
        self._append(execution_id, new.flushed, new.tail)
        fresh, log.told = log.events[log.told :], len(log.events)
        self.heads[execution_id] = new
        if new.state.seq != len(log.raws):
            self.violated(f"{execution_id}: the head says seq {new.state.seq}, the log has {len(log.raws)} entries")
        self._on_lease(by, execution_id, old, new)
        self._on_events(by, execution_id, old, new, fresh)
        self._on_budget(execution_id, new)
        self._on_key(execution_id, new)
        names = " ".join(_short(event) for event in fresh)
        lease = f" lease {new.lease.epoch}" if new.lease else ""
        return f"{execution_id[:9]} rev {after.rev} {new.state.status}{lease}: {names or '-'}"

    # -------------------------------------------------------------- leases

    def _on_lease(self, by: str, execution_id: str, old: HeadBody | None, new: HeadBody) -> None:
        was, is_ = old.lease if old else None, new.lease
        if new.epoch < (old.epoch if old else 0):
            self.violated(f"{execution_id}: the epoch went back")
        if is_ is not None:
            self._on_holder(by, execution_id, old, new)
        elif was is not None and was.owner not in self.workers[by] and not new.state.terminal and self._in_force(was):
            self.violated(f"{execution_id}: {by} dropped the lease of {was.owner}")

    def _on_holder(self, by: str, execution_id: str, old: HeadBody | None, new: HeadBody) -> None:
        was, is_, owners = old.lease if old else None, new.lease, self.logs[execution_id].owners
        assert is_ is not None
        if is_.epoch != new.epoch or owners.setdefault(is_.epoch, is_.owner) != is_.owner:
            self.violated(f"{execution_id}: epoch {is_.epoch} has two owners")
        claimed = was is None or was.epoch != is_.epoch
        if claimed and old is not None and is_.epoch <= old.epoch:
            self.violated(f"{execution_id}: {by} claimed under the used epoch {is_.epoch}")
        if claimed and was is not None and was.owner not in self.workers[by] and self._in_force(was):
            self.violated(f"{execution_id}: {by} took the lease of {was.owner}, which is good until {was.until}")
        if is_ != was and is_.owner not in self.workers[by]:
            self.violated(f"{execution_id}: {by} wrote a lease for {is_.owner}")
        if claimed:
            self._on_lane(execution_id, new.state.lane)

    def _in_force(self, lease: Lease) -> bool:
        return (lease.until - true_time()).total_seconds() > self.tolerance

    def _on_lane(self, execution_id: str, lane: str) -> None:
        """More than the limit may be driven only where a slot ran out while its holder could not renew it."""
        limit = self._lanes.get(lane)
        if limit is None:
            return
        held = [
            (each.state.id, each.lease.owner)
            for each in self.heads.values()
            if each.lease is not None and each.lease.until > true_time() and each.state.lane == lane
            if self.drives(each.lease.owner, each.state.id)
        ]
        excused = sum(owner in self.slots.lost[lane] for _, owner in held)
        if len(held) - excused > limit:
            self.violated(f"{execution_id}: {len(held)} executions run in lane {lane}, which has {limit}: {held}")

    # -------------------------------------------------------------- events

    def _on_events(
        self, by: str, execution_id: str, old: HeadBody | None, new: HeadBody, fresh: Sequence[e.DurableEvent]
    ) -> None:
        log, now = self.logs[execution_id], asyncio.get_running_loop().time()
        held = old is not None and old.lease is not None and old.lease.owner in self.workers[by]
        for event in fresh:
            if isinstance(event, e.StepStarted) and not event.watched:
                log.kinds[event.step_id] = event.kind
                log.starts[event.step_id, event.attempt, by] += 1
            elif not held and isinstance(event, e.StepEvent) and _result(event) and log.executed(event.step_id):
                self.violated(f"{execution_id}: {by} recorded {_short(event)} without the lease")
            if isinstance(event, e.StepSucceeded):
                if event.step_id in log.succeeded:
                    self.violated(f"{execution_id}: {event.step_id} succeeded twice")
                log.succeeded[event.step_id] = now
        del new

    def _on_budget(self, execution_id: str, new: HeadBody) -> None:
        budget, usage = new.state.budget, new.state.usage
        if budget is None:
            return
        calls = budget.max_model_calls is not None and usage.model_calls > budget.max_model_calls
        tokens = budget.max_tokens is not None and usage.tokens > budget.max_tokens
        cost = budget.max_cost_usd is not None and usage.cost_usd > budget.max_cost_usd + 1e-9
        if calls or tokens or cost:
            self.violated(f"{execution_id}: used {usage}, beyond its budget {budget}")

    def _on_key(self, execution_id: str, new: HeadBody) -> None:
        key, limit = new.state.concurrency_key, self._limits.get(new.state.workflow)
        if key is None or limit is None or new.state.terminal or not new.state.admitted:
            return
        live = [
            each.state.id
            for each in self.heads.values()
            if each.state.concurrency_key == key and each.state.admitted and not each.state.terminal
        ]
        if len(live) > limit:
            self.violated(
                f"{execution_id}: {len(live)} executions hold one concurrency key, the limit is {limit}: {live}"
            )

    # -------------------------------------------------------------- effects

    def on_call(self, call: Call) -> None:
        """Before a function does anything."""
        log = self.logs[call.execution_id]
        recorded = sum(
            count for (path, attempt, _), count in log.starts.items() if (path, attempt) == (call.path, call.attempt)
        )
        if not recorded:
            self.violated(f"{call.execution_id}: {call.path} runs before its start was recorded")
        own = log.starts[call.path, call.attempt, call.process]
        self.calls[call.execution_id, call.path, call.attempt, call.process] += 1
        if self.calls[call.execution_id, call.path, call.attempt, call.process] > own:
            self.violated(
                f"{call.execution_id}: {call.process} runs attempt {call.attempt} at {call.path} more often than it began"
            )
        if call.path in log.succeeded:
            self.violated(f"{call.execution_id}: {call.path} is run again after its result was recorded")
        lease = self.heads[call.execution_id].lease
        if lease is not None and lease.owner not in self.workers[call.process]:
            self.violated(f"{call.execution_id}: {call.process} runs {call.path}, and {lease.owner} has the lease")
        if call.lane is not None:
            self._on_step_lane(call, call.lane)

    def _on_step_lane(self, call: Call, lane: str) -> None:
        """As for executions; what a dead process began runs no more."""
        running = [
            each for each in self._in_lanes if each.lane == lane and each.ended is None and self._lives(each.process)
        ]
        excused = sum(bool(self.workers[each.process] & self.slots.lost[lane]) for each in running)
        if len(running) - excused > self._lanes[lane]:
            self.violated(f"{call.execution_id}: {len(running)} steps run in lane {lane}: {running}")

    def _lives(self, process: str) -> bool:
        return any(worker_id in self._engines for worker_id in self.workers[process])


def _result(event: Any) -> bool:
    """What only the executor of a step can know."""
    if isinstance(event, e.StepSucceeded):
        return not event.kept
    if not isinstance(event, e.StepFailed | e.StepRetryScheduled):
        return False
    return event.failure.kind is FailureKind.TASK and event.failure.code not in ANSWERED


def _short(event: e.DurableEvent) -> str:
    name = type(event).__name__
    return f"{name}({event.step_id})" if isinstance(event, e.StepEvent) else name
