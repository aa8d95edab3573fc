"""The workflow language: what a definition may say. `validation.py` finds what is wrong with one; `plan.py` makes it executable."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.domain.durations import Duration

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
MOST_TRIGGERS = 50
STEP_ID = r"^[a-zA-Z_][a-zA-Z0-9_]*$"

WorkflowName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}$")]
StepId = Annotated[str, Field(pattern=STEP_ID, max_length=63)]


class Model(BaseModel):
    """Frozen, and strict about unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Retry(Model):
    """Back-off between attempts: `initial * backoff^(n-1)`, at most `max`, varied by the share `jitter`."""

    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 1
    initial: Duration = Field(default="1s", validate_default=True)
    backoff: Annotated[float, Field(ge=1, le=100)] = 2.0
    max: Duration = Field(default="1m", validate_default=True)
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    non_retryable: tuple[str, ...] = ()
    """Failure codes that are final at once."""


class Handler(Model):
    """Runs the step `step` when this one fails, then goes on as with `continue`."""

    step: StepId


OnError = Literal["fail", "continue"] | Handler


class Compensation(Model):
    """How to undo a step: run in reverse order of completion when the execution fails or is cancelled."""

    kind: str
    with_: Annotated[dict[str, Any], Field(alias="with")] = {}
    timeout: Duration | None = None
    retry: Retry | None = None


class Policies(Model):
    """What every step may say, and `defaults` may say for all."""

    timeout: Duration | None = None
    retry: Retry | None = None
    on_error: OnError | None = None
    lane: Annotated[str, Field(pattern=NAME)] | None = None


class StepDefinition(Policies):
    id: StepId
    kind: str
    title: str | None = None
    needs: tuple[StepId, ...] | None = None
    """None: the step above it. Empty: nothing, it starts at once."""
    when: str | bool | None = None
    join: Literal["all", "any", "always"] = "all"
    with_: Annotated[dict[str, Any], Field(alias="with")] = {}
    compensate: Compensation | None = None
    cache_key: str | None = None
    """Expression; a successful output is reused by later runs of the same workflow and step with an equal key."""
    cache_ttl: Duration | None = None
    idempotency: str | None = None
    """Expression giving the key that the step hands to what it calls; by default one derived from execution, step and attempt."""


class Concurrency(Model):
    """At most `limit` live executions of this workflow for one value of `key`."""

    key: str
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1
    on_limit: Literal["queue", "reject", "cancel_running"] = "queue"


class BudgetDefinition(Model):
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_cost_usd: Annotated[float, Field(gt=0)] | None = None
    max_model_calls: Annotated[int, Field(ge=1)] | None = None


class WorkflowDefinition(Model):
    """One workflow: a directed graph of steps."""

    name: WorkflowName
    title: Annotated[str, Field(max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    labels: dict[str, str] = {}
    input: dict[str, Any] | bool | None = None
    output: Any = None
    lane: Annotated[str, Field(pattern=NAME)] = "default"
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    timeout: Duration | None = None
    concurrency: Concurrency | None = None
    budget: BudgetDefinition | None = None
    defaults: Policies = Policies()
    triggers: Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_TRIGGERS)] = ()
    """Each as `triggers/form.py` has it."""
    steps: Annotated[tuple[StepDefinition, ...], Field(min_length=1)]
