"""Why a request is not believed. The sender learns that it is not, the log learns why."""

from enum import StrEnum

from engine.domain.errors import WeftError


class Refusal(StrEnum):
    """What a counter tells apart; every value is safe as a label."""

    NO_SECRET = "no_secret"  # noqa: S105  # names a reason
    """The trigger has no secret by which anything could be checked, or one that is not of the scheme's form."""
    MISSING = "missing"
    MALFORMED = "malformed"
    SEVERAL = "several"
    """One header, more than one value: which of them is meant would be a guess."""
    NOT_ASCII = "not_ascii"
    WRONG = "wrong"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"


class BadSignature(WeftError):
    """`reason` is for the log. It names headers and ages, never a value that was sent, and never the secret.

    The message says less on purpose: whoever tries signatures shall not learn how near they came.
    """

    code = "UNAUTHENTICATED"

    def __init__(self, refusal: Refusal, reason: str) -> None:
        super().__init__("the request is not signed as this webhook asks for")
        self.refusal = refusal
        self.reason = reason
