"""Any workflow, under any schedule of results, failures, repetitions, crashes and commands, stays within the rules and ends."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain.edits import EditAction, StepEdit, apply_edits, as_json
from engine.domain.errors import InvalidState, ValidationFailed
from engine.domain.events import ModelCalled, StepStarted, StepSucceeded
from engine.domain.execution import commands as c
from engine.domain.execution import next_due
from engine.domain.failure import Failure, Usage
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus
from engine.domain.validation import DefinitionLimits, validate_definition
from engine.domain.waiting import WaitingFor, WaitKind
from engine.usecases.kept_runs import kept_events, with_descendants
from tests.domain.driven_execution import KINDS, DrivenExecution, JsonObject
from tests.domain.log_rules import check_log
from tests.domain.random_workflows import steps

E = ExecutionStatus
MOST_STEPS_TO_THE_END = 2_000


class Schedule:
    """Does to an execution what hypothesis draws."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], driven: DrivenExecution) -> None:
        self.draw = draw
        self.driven = driven
        self.reports: list[c.Command] = []

    def report(self, command: c.Command) -> None:
        self.reports.append(command)
        self.driven.do(command)

    def one_of(self, paths: list[str]) -> str | None:
        return self.draw(st.sampled_from(paths)) if paths else None

    # -------------------------------------------------------------- what workers report

    def succeed(self) -> None:
        if path := self.one_of(list(self.driven.running)):
            self.report(c.StepDone(path=path, attempt=self.driven.running[path], output=self.draw(st.integers(0, 9))))

    def fail(self) -> None:
        if path := self.one_of(list(self.driven.running)):
            failure = Failure(
                kind=self.draw(st.sampled_from([FailureKind.TASK, FailureKind.TASK, FailureKind.INFRA])),
                code=self.draw(st.sampled_from(["broken", "final"])),
                message="no",
                retryable=self.draw(st.booleans()),
            )
            self.report(c.StepErred(path=path, attempt=self.driven.running[path], failure=failure))

    def suspend(self) -> None:
        if path := self.one_of(list(self.driven.running)):
            waits = self.draw(st.sampled_from(SUSPENSIONS))
            self.report(c.StepSuspends(path=path, attempt=self.driven.running[path], waits=waits))

    def run_out_of_budget(self) -> None:
        if path := self.one_of(list(self.driven.running)):
            self.report(c.BudgetStops(path=path, attempt=self.driven.running[path]))

    def repeat_a_report(self) -> None:
        if self.reports:
            self.driven.do(self.draw(st.sampled_from(self.reports)))

    def look_inside(self) -> None:
        if path := self.one_of(list(self.driven.running)):
            at, inner = self.driven.now, f"{path}.{self.draw(st.sampled_from(['node', 'compensate']))}"
            self.report(c.Observe(event=StepStarted(at=at, step_id=inner, attempt=1, kind="llm", watched=True)))
            self.report(c.Observe(event=ModelCalled(at=at, step_id=inner, model="m", usage=Usage(model_calls=1))))
            self.report(
                self.draw(st.sampled_from([c.ChildRunDone(path=inner), c.ChildRunDone(path=inner, waiting_for=ASKED)]))
            )

    def crash(self) -> None:
        self.driven.crash()

    def pass_time(self) -> None:
        if next_due(self.driven.x) is not None:
            self.driven.advance_to_next()
        else:
            self.driven.advance(1)

    # -------------------------------------------------------------- what others ask

    def answer(self) -> None:
        waiting = [path for path, run in self.driven.x.runs.items() if run.waits and not run.watched]
        if path := self.one_of(waiting):
            wait = self.draw(st.sampled_from(self.driven.x.runs[path].waits))
            failure = self.draw(st.sampled_from([None, None, None, "no"]))
            self.ask(c.Answer(path=path, interrupt_id=wait.interrupt_id, output=1, failure=failure))

    def signal(self) -> None:
        self.ask(c.Signal(name="go", payload=self.draw(st.sampled_from([1, "x"]))))

    def pause(self) -> None:
        self.ask(c.Pause())

    def resume(self) -> None:
        self.ask(c.Resume())

    def cancel(self) -> None:
        self.ask(c.Cancel(force=self.draw(st.booleans())))

    def ask(self, command: c.Command) -> None:
        """Refusals change nothing. The driver finds out by itself, or not at all before its next report."""
        before = self.driven.x
        try:
            self.driven.do(command)
        except (InvalidState, ValidationFailed):
            assert self.driven.x is before
        if self.draw(st.booleans()):
            self.driven.advance()

    def end_the_child(self) -> None:
        waiting = [path for path, run in self.driven.x.runs.items() if any(wait.execution_id for wait in run.waits)]
        if path := self.one_of(waiting):
            status = self.draw(st.sampled_from([E.SUCCEEDED, E.FAILED]))
            self.ask(c.ChildEnded(path=path, child_id="ex_2", status=status, output=1))

    def edit(self) -> None:
        """Valid edits only: what others need stays, and nothing that was there needs what is new."""
        definition, runs = self.driven.x.plan.definition, self.driven.x.runs
        needed = {need for each in definition["steps"] for need in each["needs"]}
        free = [each["id"] for each in definition["steps"] if each["id"] not in runs and each["id"] != "h"]
        edits = [
            StepEdit(action=EditAction.INSERT, step_id=f"n{len(definition['steps'])}", definition=self._inserted())
        ]
        edits += [StepEdit(action=EditAction.UPDATE, step_id=each, definition={"when": each in "ace"}) for each in free]
        edits += [StepEdit(action=EditAction.DELETE, step_id=each) for each in free if each not in needed]
        chosen = as_json([self.draw(st.sampled_from(edits))])
        if not validate_definition(apply_edits(definition, chosen), KINDS, DefinitionLimits()):
            self.ask(c.Edit(edits=chosen, expected_revision=self.driven.x.state.revision))

    def _inserted(self) -> JsonObject:
        ids = [each["id"] for each in self.driven.x.plan.definition["steps"]]
        return {"kind": "task", "needs": self.draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))}

    # -------------------------------------------------------------- all the rest

    def to_the_end(self) -> None:
        for _ in range(MOST_STEPS_TO_THE_END):
            if self.driven.status().terminal:
                return
            self.push()
        raise AssertionError(f"no end in sight: {self.driven.status()}, {self.driven.statuses()}")

    def push(self) -> None:
        driven = self.driven
        waits = [path for path in driven.x.open if driven.x.runs[path].waits]
        if driven.status() is E.PAUSED:
            driven.do(c.Resume())
            driven.advance()
        elif driven.running:
            path = next(iter(driven.running))
            driven.do(c.StepDone(path=path, attempt=driven.running[path], output=1))
        elif driven.status() is E.RUNNING and next_due(driven.x) is None:
            raise AssertionError(f"RUNNING, and nothing to do: {driven.statuses()}")
        elif waits and driven.status() is E.WAITING:
            wait = driven.x.runs[waits[0]].waits[0]
            driven.do(c.Answer(path=waits[0], interrupt_id=wait.interrupt_id, output=1))
            driven.advance()
        else:
            driven.advance_to_next()


ASKED = WaitingFor(kind=WaitKind.APPROVAL, prompt="?")
_INTERRUPTS = [WaitingFor(kind=WaitKind.INTERRUPT, interrupt_id=each, prompt=each) for each in ("i1", "i2")]
_SIGNAL = WaitingFor(kind=WaitKind.SIGNAL, signal="go", interrupt_id="i3")
SUSPENSIONS: list[tuple[WaitingFor, ...]] = [
    tuple(_INTERRUPTS[:1]),
    tuple(_INTERRUPTS),
    (_SIGNAL,),
    (_INTERRUPTS[0], _SIGNAL),
    (WaitingFor(kind=WaitKind.CHILD, execution_id="ex_2"),),
    (),
]
ACTIONS = (
    [Schedule.succeed] * 12
    + [Schedule.fail] * 4
    + [Schedule.suspend, Schedule.run_out_of_budget, Schedule.look_inside, Schedule.crash, Schedule.signal] * 2
    + [Schedule.pass_time, Schedule.answer] * 4
    + [Schedule.end_the_child, Schedule.edit] * 2
    + [Schedule.repeat_a_report, Schedule.pause, Schedule.cancel]
    + [Schedule.resume] * 3
)


FLAGS = st.sampled_from([{"flag": True}, {"flag": False}])
MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def settled(driven: DrivenExecution) -> None:
    """What holds whenever the driver has decided."""
    x = driven.x
    leaves = [x.runs[path].status for path in x.open if x.runs[path].fan is None]
    if driven.status() is E.WAITING:
        assert leaves
        assert set(leaves) == {StepStatus.WAITING}
    if driven.status() is E.RUNNING and not driven.running:
        assert next_due(x) is not None


def run(data: st.DataObject, driven: DrivenExecution, most: int) -> Schedule:
    schedule = Schedule(data.draw, driven)
    driven.claim()
    settled(driven)
    for action in data.draw(st.lists(st.sampled_from(ACTIONS), max_size=most)):
        action(schedule)
        driven.advance()
        settled(driven)
    return schedule


def require_ended_well(driven: DrivenExecution, *, taken_over: int = 0) -> None:
    check_log(driven.plan.definition, driven.log, taken_over=taken_over)
    assert driven.status().terminal
    assert driven.fold() == driven.x
    assert driven.do(c.Advance()) == []
    assert not driven.x.open
    assert not driven.x.watched


@given(st.data(), steps(), FLAGS, st.sampled_from([None, None, "2m"]))
@MANY
def test_whatever_happens_an_execution_keeps_the_rules_and_ends(
    data: st.DataObject, workflow: list[JsonObject], flag: JsonObject, timeout: str | None
) -> None:
    driven = DrivenExecution(*workflow, input=flag, timeout=timeout)
    run(data, driven, most=40).to_the_end()
    require_ended_well(driven)


@given(st.data(), steps(), FLAGS)
@MANY
def test_whatever_was_recorded_a_retry_or_a_fork_goes_on_from_it_and_ends(
    data: st.DataObject, workflow: list[JsonObject], flag: JsonObject
) -> None:
    old = DrivenExecution(*workflow, input=flag)
    run(data, old, most=25)
    from_step = data.draw(st.sampled_from([None, *old.x.plan.steps.nodes]))
    without = with_descendants(old.x.plan, from_step) if from_step else frozenset[str]()
    kept = kept_events(old.x, old.now, without=without)
    new = DrivenExecution(*workflow, input=flag, kept=kept, queued={"edits": old.x.state.edits})
    succeeded = {event.step_id for event in kept if isinstance(event, StepSucceeded)}
    run(data, new, most=10).to_the_end()
    require_ended_well(new, taken_over=len(kept))
    assert not succeeded & set(new.started())
