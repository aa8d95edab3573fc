"""Runs one attempt at one step through its executor, and reports how it ended."""

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from engine.domain.events import ModelCalled
from engine.domain.execution import Execution
from engine.domain.execution.begin import scope_frame
from engine.domain.execution.commands import BudgetStops, Command, Observe, StepDone, StepErred, StepSuspends
from engine.domain.execution.scope import scope_of
from engine.domain.expressions import ExpressionFailed, Scope, render
from engine.domain.failure import Failure, Usage
from engine.domain.plan import Node
from engine.domain.schemas import json_problems
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitingFor
from engine.executors.failures import failure_of
from engine.executors.port import Answer, BudgetReached, Done, Executor, Result, StepFailure
from engine.executors.prices import Prices
from engine.runtime.budget import BudgetMeter
from engine.runtime.lanes import Lanes
from engine.runtime.revealing import Revealer
from engine.runtime.step_cache import StepCache
from engine.runtime.step_run import Reports, StepRun
from engine.secrets.port import SecretSource, redact, redact_value
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.payloads import encode

if TYPE_CHECKING:  # see `engine.executors.late`
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.store.base import BaseStore

_log = logging.getLogger(__name__)

Checkpointers = Callable[[str, int, Callable[[], bool], Callable[[str], None]], "BaseCheckpointSaver[Any]"]
"""Given the execution's path, the lease's epoch, whether that is in force, and what to call when a checkpoint is saved."""
Memories = Callable[[str], "BaseStore"]
"""The long-term memory of a tenant."""


class _Attempt(msgspec.Struct, frozen=True, eq=False):
    """`number` is the attempt's; `epoch` that of the lease under which it runs."""

    driver: Reports
    x: Execution
    path: str
    node: Node
    number: int
    epoch: int
    revealer: Revealer
    scope: Scope


class StepRunner:
    def __init__(
        self,
        *,
        secrets: SecretSource,
        lanes: Lanes,
        cache: StepCache,
        checkpointers: Checkpointers,
        memories: Memories,
        prices: Prices,
        output_limit: int,
    ) -> None:
        self._secrets = secrets
        self._lanes = lanes
        self._cache = cache
        self._checkpointers = checkpointers
        self._memories = memories
        self._prices = prices
        self._output_limit = output_limit

    def meter(self, spent: Usage) -> BudgetMeter:
        """For one execution, from what it has spent so far."""
        return BudgetMeter(spent, self._prices)

    async def run(self, driver: Reports, path: str, number: int, epoch: int) -> None:
        """Posts exactly one command that ends the attempt, unless it is cancelled."""
        attempt = _attempt(driver, path, number, epoch, Revealer(self._secrets, driver.execution.state.tenant))
        command: Command
        try:
            command = await self._ending(attempt)
        except BudgetReached:
            command = BudgetStops(path=path, attempt=number)
        except Exception as error:  # noqa: BLE001  # user code raises anything; it becomes the step's recorded failure
            _log.debug("step %s of %s failed", path, attempt.x.state.id, exc_info=error)
            if isinstance(error, StepFailure) and error.usage is not None:
                _count(attempt, error.usage)
            command = StepErred(path=path, attempt=number, failure=_redacted(_failure(error, path), attempt.revealer))
        driver.post(command)

    async def _ending(self, attempt: _Attempt) -> Command:
        async with self._lanes.step(attempt.node.lane, attempt.x.state.priority):
            result = await (self._cached(attempt) if attempt.node.cache_key is not None else self._execute(attempt))
        if result.usage is not None:
            _count(attempt, result.usage)
        if not isinstance(result, Done):
            return StepSuspends(path=attempt.path, attempt=attempt.number, waits=_redacted_waits(result.waits, attempt))
        secrets = attempt.revealer.values
        output = redact_value(result.output, secrets) if secrets else result.output
        failure = self._unfit(output)
        if failure is not None:
            return StepErred(path=attempt.path, attempt=attempt.number, failure=failure)
        return StepDone(path=attempt.path, attempt=attempt.number, output=output)

    async def _cached(self, attempt: _Attempt) -> Result:
        """An output that an earlier run of this step left under the same key, else its own."""
        state, node = attempt.x.state, attempt.node
        key = [state.workflow_id, node.id, render(node.cache_key, attempt.scope)]
        found = await self._cache.get(state.tenant, key)
        if found is not None:
            return Done(found.value)
        result = await self._execute(attempt)
        if isinstance(result, Done) and self._unfit(result.output) is None:
            await self._cache.put(state.tenant, key, result.output, node.cache_ttl)
        return result

    async def _execute(self, attempt: _Attempt) -> Result:
        """Whatever was waited for before, a slot or the cache: a process that stood still meanwhile begins nothing."""
        if not attempt.driver.in_force():
            message = "the lease of the execution ran out before the step could begin"
            raise StepFailure(Failure(kind=FailureKind.INFRA, code="lease_lost", message=message))
        x, path, node = attempt.x, attempt.path, attempt.node
        executor = cast("Executor", node.kind)
        given = attempt.revealer.veil(node.with_, x.inputs.get(path) or {}, attempt.scope)
        root = execution_path(x.state.tenant, x.state.id)
        run = StepRun(
            tenant=x.state.tenant,
            execution_id=x.state.id,
            workflow=x.state.workflow,
            step_id=path,
            attempt=attempt.number,
            idempotency_key=_idempotency_key(attempt),
            with_=_validated(executor, node.complete(given)),
            answers=[Answer(interrupt_id, value) for interrupt_id, value in x.answers.get(path, ())],
            scope=attempt.scope,
            open_checkpointer=partial(self._checkpointers, root, attempt.epoch, attempt.driver.in_force),
            thread_id=path,
            open_store=partial(self._memories, x.state.tenant),
            reports=attempt.driver,
            revealer=attempt.revealer,
            trace=x.state.trace,
        )
        return await executor.run(run)

    def _unfit(self, output: Any) -> Failure | None:
        """Why an output cannot be recorded."""
        problems = json_problems(output, ("output",))
        if problems:
            return _refusal("bad_result", f"{'.'.join(problems[0].path)}: {problems[0].message}")
        size = len(encode(output))
        if size > self._output_limit:
            return _refusal("output_too_large", f"the output has {size:,} bytes; the limit is {self._output_limit:,}")
        return None


def _attempt(driver: Reports, path: str, number: int, epoch: int, revealer: Revealer) -> _Attempt:
    x = driver.execution
    node = x.plan.node(path)
    scope = scope_of(x, scope_frame(path, node), driver.clock())
    return _Attempt(driver, x, path, node, number, epoch, revealer, scope)


def _validated(executor: Executor, given: dict[str, Any]) -> Any:
    """What user code raises is not taken for this: a placeholder, say, that does not fit the type of its field."""
    try:
        return executor.With.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StepFailure(_refusal("invalid_with", f"with.{where}: {first['msg']}")) from error


def _count(attempt: _Attempt, usage: Usage) -> None:
    """Usage that was not reported call by call."""
    driver = attempt.driver
    driver.meter.settle(attempt, usage)
    driver.post(Observe(event=ModelCalled(at=driver.clock(), step_id=attempt.path, model="", usage=usage)))


def _refusal(code: str, message: str) -> Failure:
    return Failure(kind=FailureKind.TASK, code=code, message=message, retryable=False)


def _failure(error: Exception, path: str) -> Failure:
    if isinstance(error, ExpressionFailed):
        return _refusal("expression_failed", error.message)
    return failure_of(error, path)


def _redacted(failure: Failure, revealer: Revealer) -> Failure:
    if not revealer.values:
        return failure
    return Failure(
        kind=failure.kind,
        code=failure.code,
        message=redact(failure.message, revealer.values),
        step_id=failure.step_id,
        retryable=failure.retryable,
        details=redact_value(failure.details, revealer.values),
    )


def _redacted_waits(waits: tuple[WaitingFor, ...], attempt: _Attempt) -> tuple[WaitingFor, ...]:
    secrets = attempt.revealer.values
    if not secrets:
        return waits
    return tuple(
        replace(
            wait,
            prompt=redact_value(wait.prompt, secrets),
            schema=redact_value(wait.schema, secrets),
            value=redact_value(wait.value, secrets),
        )
        for wait in waits
    )


def _idempotency_key(attempt: _Attempt) -> str:
    """The same for every try of this run, and different from every other run's."""
    if attempt.node.idempotency is not None:
        return str(render(attempt.node.idempotency, attempt.scope))
    return hashlib.sha256(f"{attempt.x.state.id}\x1f{attempt.path}".encode()).hexdigest()[:32]
