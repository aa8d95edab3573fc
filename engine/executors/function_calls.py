"""Calls registered functions: JSON in, JSON out."""

import asyncio
import difflib
import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.failures import snake_case
from engine.executors.functions import Functions, RegisteredFunction
from engine.executors.port import StepFailure
from engine.executors.python_values import NotJson, to_json
from engine.executors.signatures import BadArguments, BoundArguments
from engine.executors.threads import Threads, ThreadsExhausted


class FunctionCalls:
    """Coroutine functions run on the event loop, all others in a thread. Context variables reach both."""

    def __init__(self, functions: Functions, threads: Threads) -> None:
        self.functions = functions
        self._threads = threads

    async def call(self, name: str, arguments: Mapping[str, Any], *, step_id: str) -> Any:
        """What the function returns, as JSON. Raises whatever it raises, and `StepFailure`: `function_not_found`,
        `bad_arguments`, `bad_result`, `threads_exhausted`.
        """
        function = self.functions.get(name)
        if function is None:
            raise StepFailure(_not_found(name, self.functions, step_id))
        try:
            bound = function.bind(arguments)
        except BadArguments as error:
            raise StepFailure(_bad_arguments(name, error, step_id)) from error
        result = await self._run(function, bound, step_id)
        try:
            return to_json(result)
        except NotJson as error:
            raise StepFailure(_bad_result(name, error, step_id)) from error

    async def _run(self, function: RegisteredFunction, bound: BoundArguments, step_id: str) -> Any:
        try:
            if function.asynchronous:
                return await function.call(*bound.positional, **bound.keyword)
            call = partial(function.call, *bound.positional, **bound.keyword)
            result = await self._threads.run(call, name=f"the function {function.name!r} of step {step_id!r}")
            return await result if inspect.isawaitable(result) else result
        except ThreadsExhausted as error:
            raise StepFailure(_failure(FailureKind.INFRA, "threads_exhausted", str(error), step_id)) from error
        except SystemExit as error:  # let through, it would end the whole worker
            message = f"the function {function.name!r} asked the process to exit ({error.code!r})"
            raise StepFailure(_failure(FailureKind.TASK, "system_exit", message, step_id)) from error
        except Exception:
            raise
        except asyncio.CancelledError as error:
            if _cancelled_from_outside():
                raise
            message = f"the function {function.name!r} was cancelled from within"
            raise StepFailure(_failure(FailureKind.TASK, "cancelled_error", message, step_id)) from error
        except (
            BaseException
        ) as error:  # KeyboardInterrupt, say: let through, it would end the worker or nobody would see it
            name = type(error).__name__
            message = f"the function {function.name!r} raised {name}"
            raise StepFailure(_failure(FailureKind.TASK, snake_case(name), message, step_id)) from error


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failure(kind: FailureKind, code: str, message: str, step_id: str) -> Failure:
    return Failure(kind=kind, code=code, message=message, step_id=step_id)


def _not_found(name: str, functions: Functions, step_id: str) -> Failure:
    close = difflib.get_close_matches(name, functions, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return Failure(
        kind=FailureKind.TASK,
        code="function_not_found",
        message=f"no function {name!r} is registered on this worker{hint}",
        step_id=step_id,
        retryable=False,
    )


def _bad_arguments(name: str, error: BadArguments, step_id: str) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="bad_arguments",
        message=f"the function {name!r} does not take these arguments: {error}",
        step_id=step_id,
        retryable=False,
        details={"problems": [{"path": list(problem.path), "message": problem.message} for problem in error.problems]},
    )


def _bad_result(name: str, error: NotJson, step_id: str) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="bad_result",
        message=f"what the function {name!r} returned cannot be stored: {error}",
        step_id=step_id,
        retryable=False,
        details={"path": list(error.path)},
    )
