"""The public enums. Most are the domain's own, which get here the descriptions that clients see.

Strawberry looks at annotations when it decorates a class and would register a bare enum by itself, without
descriptions. So the domain's enums are registered as soon as this module is imported, and types take them from here.
"""

from enum import Enum
from typing import Any

import strawberry

from engine.domain.batch import BatchAction, BatchMode, BatchStatus
from engine.domain.edits import EditAction
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus, WorkflowStatus
from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.trigger import OverlapPolicy, TriggerKind, TriggerStatus, WebhookSignature
from engine.usecases.health import HealthStatus

__all__ = [
    "BatchAction",
    "BatchMode",
    "BatchStatus",
    "DeliveryOutcome",
    "EditAction",
    "ErrorCode",
    "ExecutionOrderField",
    "ExecutionStatus",
    "FailureKind",
    "HealthStatus",
    "OrderDirection",
    "OverlapPolicy",
    "StepStatus",
    "TriggerKind",
    "TriggerStatus",
    "WebhookSignature",
    "WorkflowStatus",
]


def value(text: str, description: str) -> Any:
    """A member of an enum that the API alone knows."""
    return strawberry.enum_value(text, description=description)


@strawberry.enum(description="What kind of refusal an error is; stable.")
class ErrorCode(Enum):
    VALIDATION_FAILED = value(
        "VALIDATION_FAILED", "The input does not fit its rules; `path` and `hint` say where and how."
    )
    NOT_FOUND = value("NOT_FOUND", "What the input names does not exist, or belongs to somebody else.")
    ALREADY_EXISTS = value("ALREADY_EXISTS", "The name is taken; see `existingId`.")
    CONFLICT = value("CONFLICT", "The thing was changed since it was read; see `currentRevision`.")
    IDEMPOTENCY_MISMATCH = value("IDEMPOTENCY_MISMATCH", "The idempotency key was used before with another input.")
    INVALID_STATE = value("INVALID_STATE", "The thing exists, but its status does not allow this.")
    PERMISSION_DENIED = value("PERMISSION_DENIED", "The caller's role does not allow this.")
    LIMIT_EXCEEDED = value("LIMIT_EXCEEDED", "A count, rate or concurrency limit; `retryAfter` says when to try again.")
    PAYLOAD_TOO_LARGE = value("PAYLOAD_TOO_LARGE", "A value is larger than can be kept.")
    CONFIRMATION_REQUIRED = value("CONFIRMATION_REQUIRED", "It would concern everything there is: say `confirm: true`.")
    UNAVAILABLE = value("UNAVAILABLE", "The item could not be carried out for now; nothing was changed.")


@strawberry.enum(description="What executions can be ordered by.")
class ExecutionOrderField(Enum):
    CREATED_AT = value("CREATED_AT", "The moment the execution was accepted.")


@strawberry.enum(description="The direction of an order.")
class OrderDirection(Enum):
    ASC = value("ASC", "Smallest, or oldest, first.")
    DESC = value("DESC", "Largest, or newest, first.")


_DOMAIN: dict[type[Enum], tuple[str, dict[str, str]]] = {
    HealthStatus: (
        "Whether something serves.",
        {
            "SERVING": "All is well.",
            "DEGRADED": "It works, with restrictions; `checks` say which.",
            "NOT_SERVING": "It does not work.",
        },
    ),
    WorkflowStatus: (
        "Whether a workflow can be started.",
        {
            "DRAFT": "No version is active yet: nothing can be started.",
            "ACTIVE": "New executions use the active version.",
            "ARCHIVED": "Nothing new can be started; what runs goes on. Activating a version brings it back.",
        },
    ),
    ExecutionStatus: (
        "Where an execution stands. SUCCEEDED, FAILED, CANCELLED and TIMED_OUT are terminal and final.",
        {
            "QUEUED": "Accepted, not begun: waits for a worker, its delay, its lane or its concurrency key.",
            "RUNNING": "A step is ready, running or between retries, or compensation is under way.",
            "WAITING": "Every open step waits for something outside: a person, a signal, a time, a child or an agent.",
            "PAUSED": "Starts no step; those that run end and are recorded.",
            "SUCCEEDED": "All its steps are done, and none failed for good.",
            "FAILED": "A step failed for good, and its definition does not say to go on.",
            "CANCELLED": "Somebody cancelled it.",
            "TIMED_OUT": "Its deadline, or the timeout of its workflow, passed.",
        },
    ),
    StepStatus: (
        "Where a step run stands.",
        {
            "PENDING": "Not begun, or answered and about to begin again.",
            "RUNNING": "A worker carries it out.",
            "WAITING": "Waits for something outside; see `waitingFor`.",
            "RETRYING": "Failed, and will be tried again at a recorded time.",
            "SUCCEEDED": "Done; its output is recorded and it is never run again.",
            "FAILED": "Failed for good.",
            "SKIPPED": "Not run: its condition was false, or all it needs were skipped.",
            "CANCELLED": "Not run to its end: the execution ended before it did.",
            "COMPENSATED": "Succeeded, and was undone later.",
        },
    ),
    FailureKind: (
        "What kind of thing went wrong.",
        {
            "TASK": "The work failed: user code, a model or a called service.",
            "INFRA": "The machinery under the work failed: a lost worker, the store, the bus. Retried without "
            "spending attempts.",
            "TIMEOUT": "It took, or waited, longer than allowed.",
            "CANCELLED": "It was cancelled.",
            "BUDGET": "The execution's budget of tokens, cost or model calls is used up.",
        },
    ),
    BatchMode: (
        "What happens to a batch when some of its items are refused.",
        {
            "ATOMIC": "All items are admitted or none.",
            "REJECT_FAILED_ITEMS": "Items that fail the checks are rejected; the others are admitted together.",
            "BEST_EFFORT": "As REJECT_FAILED_ITEMS; and an item that cannot be carried out later is recorded as "
            "rejected too.",
        },
    ),
    BatchStatus: (
        "Where a batch stands.",
        {
            "ACCEPTED": "Admitted; nothing was carried out yet.",
            "RUNNING": "Items are being carried out, or their executions are not terminal yet.",
            "COMPLETED": "All its executions are terminal.",
            "CANCELLED": "Stopped before all items were carried out.",
        },
    ),
    BatchAction: (
        "What a batch does with each item.",
        {
            "START": "Starts an execution.",
            "CANCEL": "Cancels the execution.",
            "RETRY": "Starts a new execution that keeps what the failed one recorded.",
            "PAUSE": "Pauses the execution.",
            "RESUME": "Resumes the execution.",
            "SIGNAL": "Sends a signal to the execution.",
            "PURGE": "Deletes the execution and all that belongs to it.",
        },
    ),
    EditAction: (
        "What a live edit does.",
        {
            "INSERT": "Adds a step. Its `needs`, and the `needs` of others, decide when it runs.",
            "UPDATE": "Replaces the given members of a step that has not begun; a member that is null is removed.",
            "DELETE": "Removes a step that has not begun.",
        },
    ),
    TriggerKind: (
        "What a trigger listens to.",
        {
            "PUBSUB": "Messages of a Pub/Sub topic.",
            "SCHEDULE": "Times.",
            "WEBHOOK": "HTTP requests to an address of its own.",
            "EVENT": "CloudEvents: those that are published here, and what executions tell of themselves.",
        },
    ),
    TriggerStatus: (
        "Whether a trigger does anything.",
        {
            "ENABLED": "It takes what comes.",
            "PAUSED": "It starts nothing until it is resumed; see `pausedBecause`.",
        },
    ),
    DeliveryOutcome: (
        "What a trigger did with an event.",
        {
            "STARTED": "It started an execution.",
            "FILTERED": "The condition did not hold.",
            "DUPLICATE": "The event came before, or another one with the same `dedupKey` within the window.",
            "THROTTLED": "As many executions as the throttle allows were started already.",
            "BUFFERED": "It waits for others; STARTED follows when the execution that gets them all has been started.",
            "SKIPPED_OVERLAP": "The former execution of the schedule had not ended.",
            "FAILED": "Nothing could be started; `failure` says why, and whether it is tried again.",
        },
    ),
    OverlapPolicy: (
        "What becomes of a scheduled time while the former execution of its trigger has not ended.",
        {
            "ALLOW": "It starts all the same.",
            "SKIP": "It starts nothing.",
            "BUFFER_ONE": "The first one starts when the former execution has ended; those after it start nothing.",
            "CANCEL_RUNNING": "It starts, and the former execution is cancelled.",
        },
    ),
    WebhookSignature: (
        "How the sender of a request proves that it is its own.",
        {
            "NONE": "Not at all: whoever knows the address is believed.",
            "HMAC_SHA256": "HMAC-SHA256 over the body, in `X-Weft-Signature` as sha256= and hexadecimal digits.",
            "GITHUB": "As GitHub signs, in `X-Hub-Signature-256`.",
            "STRIPE": "As Stripe signs, in `Stripe-Signature`, with a time.",
            "SLACK": "As Slack signs, in `X-Slack-Signature`, with a time; its URL challenge is answered.",
            "STANDARD_WEBHOOKS": "As standardwebhooks.com has it: `webhook-id`, `webhook-timestamp`, `webhook-signature`.",
        },
    ),
}


def _register(enum: type[Enum], description: str, values: dict[str, str]) -> None:
    """Descriptions of values are filled in afterwards, since Strawberry reads them from wrappers inside an enum alone,
    which the domain must not know. Raises KeyError for a value without description.
    """
    strawberry.enum(enum, name="StepEditAction" if enum is EditAction else None, description=description)
    for member in enum.__strawberry_definition__.values:  # type: ignore[attr-defined] # set above
        member.description = values[member.name]


for _enum, (_description, _values) in _DOMAIN.items():
    _register(_enum, _description, _values)
