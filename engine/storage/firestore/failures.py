"""What Firestore's failures mean to those who use the store. Clients see these messages, so the other side's own text, which names the
project and links to its console, goes to the log alone.
"""

import logging

from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.domain.errors import BadRequest, PayloadTooLarge, Unavailable, WeftError
from engine.storage.firestore.calls import PASSING, CallFailed

_log = logging.getLogger(__name__)

_REASONS = {
    StatusCode.RESOURCE_EXHAUSTED: "a quota of the Firestore database is used up; see its usage and limits in the project",
    StatusCode.PERMISSION_DENIED: "Firestore refuses this process; its account needs the role roles/datastore.user",
    StatusCode.UNAUTHENTICATED: "Firestore does not accept the credentials of this process; renew them",
    StatusCode.ABORTED: "too many processes write the same documents of Firestore at once",
    StatusCode.DEADLINE_EXCEEDED: "Firestore did not answer in time",
    StatusCode.UNAVAILABLE: "Firestore cannot be reached",
}
_TOO_LARGE = ("maximum entity size", "The value of property", "exceeds the maximum")


def failed(failure: CallFailed) -> WeftError:
    """For a call that will not be tried again; nothing was changed by it."""
    _log.warning("Firestore answered %s: %s", failure.code.name, failure.details)
    if failure.code is StatusCode.INVALID_ARGUMENT:
        if any(text in failure.details for text in _TOO_LARGE):
            return PayloadTooLarge("a document, or one of its fields, is larger than Firestore takes")
        return BadRequest("Firestore does not take a name or a value in this request")
    if no_such_database(failure):
        return Unavailable("the Firestore database does not exist")
    return Unavailable(reason(failure))


def query_failed(failure: CallFailed, collection: str, fields: tuple[str, ...]) -> WeftError:
    """`fields` are those that the query filters and orders by."""
    if failure.code is not StatusCode.FAILED_PRECONDITION or "index" not in failure.details:
        return failed(failure)
    _log.warning("Firestore answered %s: %s", failure.code.name, failure.details)
    wanted = f"{collection.rpartition('/')[2]} by {', '.join(fields) or 'name'}"
    if "building" in failure.details:
        return Unavailable(f"Firestore is still building its index for {wanted}, which can take minutes")
    return Unavailable(f"Firestore lacks an index for {wanted}: run `weft provision`")


def perhaps_committed(failure: CallFailed) -> Unavailable:
    _log.warning("Firestore answered a commit with %s: %s", failure.code.name, failure.details)
    return Unavailable(f"{reason(failure)}; what was to be written may or may not have been")


def reason(failure: CallFailed) -> str:
    return _REASONS.get(failure.code, f"Firestore failed ({failure.code.name})")


def no_such_database(failure: CallFailed) -> bool:
    return failure.code is StatusCode.NOT_FOUND and "database" in failure.details and "exist" in failure.details


def worth_another_try(failure: CallFailed) -> bool:
    """A request that is too large is refused with the code of a quota."""
    too_large = failure.code is StatusCode.RESOURCE_EXHAUSTED and "message" in failure.details
    return failure.code in PASSING and not too_large
