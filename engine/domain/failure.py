"""Why a step or an execution failed."""

from typing import Any

import msgspec

from engine.domain.status import FailureKind

LARGEST_DETAILS = 16 * 1024
"""Bytes of JSON. A failure is part of the execution's state, which is one document."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`code` is a short stable word in snake_case; `message` is for people; `details` is JSON, left out where it is larger
    than `LARGEST_DETAILS`.
    """

    kind: FailureKind
    code: str
    message: str
    step_id: str | None = None
    retryable: bool = True
    details: Any = None

    def __post_init__(self) -> None:
        size = 0 if self.details is None else len(msgspec.json.encode(self.details))
        if size > LARGEST_DETAILS:
            left_out = f"{size:,} bytes of details were left out; at most {LARGEST_DETAILS:,} are kept"
            msgspec.structs.force_setattr(self, "details", {"omitted": left_out})


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What model calls consumed; cost in US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    model_calls: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            model_calls=self.model_calls + other.model_calls,
        )

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Budget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an execution may consume; None is without limit. Reaching it pauses the execution."""

    max_tokens: int | None = None
    max_cost_usd: float | None = None
    max_model_calls: int | None = None
