"""What Pub/Sub's refusals mean, and what can be done about them."""

from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.domain.errors import Unavailable

TRANSIENT = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.ABORTED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
        StatusCode.CANCELLED,
    }
)
"""Trying again may help."""
PROVISION = "run `weft provision` with an account that may create topics and subscriptions"
_LOG_IN = "run `gcloud auth application-default login`, or give the process a service account"
_CREDENTIALS_FAILED = "Getting metadata from plugin failed"


def unavailable(error: AioRpcError, doing: str, *, project: str, emulator: str | None) -> Unavailable:
    """`doing` is a clause such as "publish to weft.wake"."""
    code, details = error.code(), (error.details() or "").strip()
    if code is StatusCode.UNAUTHENTICATED or _CREDENTIALS_FAILED in details:
        return Unavailable(f"Pub/Sub does not accept the credentials, to {doing}: {_LOG_IN} ({details})")
    if code is StatusCode.PERMISSION_DENIED:
        return Unavailable(
            f"the credentials may not {doing} in the project {project!r}: check GOOGLE_CLOUD_PROJECT and the account's roles "
            f"(roles/pubsub.editor is enough), or {PROVISION} ({details})"
        )
    if code is StatusCode.RESOURCE_EXHAUSTED:
        return Unavailable(
            f"a Pub/Sub quota of the project {project!r} is used up, so Weft cannot {doing}: "
            f"see its quotas in the Google Cloud console ({details})"
        )
    if code is StatusCode.NOT_FOUND:
        return Unavailable(
            f"cannot {doing}: it does not exist in the project {project!r}; check GOOGLE_CLOUD_PROJECT, or {PROVISION} ({details})"
        )
    where = f"the Pub/Sub emulator at {emulator}" if emulator else "Pub/Sub"
    if code not in TRANSIENT:
        return Unavailable(f"cannot {doing}: {where} refuses it ({code.name.lower()}: {details})")
    hint = "; start it, or unset PUBSUB_EMULATOR_HOST" if emulator and code is StatusCode.UNAVAILABLE else ""
    return Unavailable(f"cannot {doing}: {where} does not answer{hint} ({code.name.lower()}: {details})")
