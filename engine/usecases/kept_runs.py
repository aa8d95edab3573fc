"""What a retried or forked execution takes over from the old one, as events for its own log."""

from datetime import datetime

from engine.domain.events import DurableEvent, StepFailed, StepSkipped, StepSucceeded
from engine.domain.execution import Execution, Run
from engine.domain.paths import segments
from engine.domain.plan import Plan, Steps
from engine.domain.status import StepStatus


def kept_events(old: Execution, at: datetime, *, without: frozenset[str]) -> tuple[DurableEvent, ...]:
    """The recorded ends of steps, in the order in which they came, but for the top-level steps in `without` and what is below
    them. What was compensated, cancelled, or failed for good is not kept: it runs again.
    """
    ended = sorted(
        ((path, run) for path, run in old.runs.items() if _kept(old, path, run, without)),
        key=lambda item: item[1].ended_seq or 0,
    )
    return tuple(_event(old, path, run, at) for path, run in ended)


def _kept(old: Execution, path: str, run: Run, without: frozenset[str]) -> bool:
    if run.watched or segments(path)[0] in without or _summed_up(old, path):
        return False
    node = old.plan.find(path)
    if node is None or node.id == "compensate":
        return False
    if run.status is StepStatus.FAILED:
        return node.continue_on_error or node.handler is not None
    return run.status in (StepStatus.SUCCEEDED, StepStatus.SKIPPED)


def _summed_up(old: Execution, path: str) -> bool:
    """Nested runs of a step that is done are not needed: its output is what counts."""
    return "." in path and old.status_of(segments(path)[0]) is StepStatus.SUCCEEDED


def _event(old: Execution, path: str, run: Run, at: datetime) -> DurableEvent:
    if run.status is StepStatus.SKIPPED:
        return StepSkipped(at=at, step_id=path, reason=f"skipped in {old.state.id}")
    if run.status is StepStatus.FAILED:
        assert run.failure is not None
        return StepFailed(at=at, step_id=path, attempt=run.attempt, failure=run.failure)
    return StepSucceeded(
        at=at, step_id=path, attempt=run.attempt, output=old.values.get(path), usage=run.usage, kept=True
    )


def with_descendants(plan: Plan, step_id: str) -> frozenset[str]:
    """A top-level step and every one that could only run after it."""
    found, frontier = {step_id}, [step_id]
    steps: Steps = plan.steps
    while frontier:
        for dependent in steps.dependents[frontier.pop()]:
            if dependent not in found:
                found.add(dependent)
                frontier.append(dependent)
    return frozenset(found)
