"""The database on Google Cloud: whether it answers, its indexes, and whose clock is wrong."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from engine.bootstrap import open_store
from engine.bootstrap.provisioning import Provisioned, Standing, diagnose_store
from engine.domain.errors import WeftError
from engine.settings import BadSettings, Settings
from engine.storage.port import DocumentStore
from weft.cli.diagnosis.finding import Finding, bad, good, warning

_SKEW_SECONDS, _TOO_MUCH_SKEW_SECONDS = 1.0, 30.0
_SYNCHRONISE = "synchronise this machine's clock (NTP): leases, timers and schedules of all processes go by the time"


async def database(settings: Settings) -> AsyncIterator[Finding]:
    """Nothing more where it does not answer."""
    where = settings.firestore_emulator or f"project {settings.project or 'of the credentials'}"
    try:
        store = await open_store(settings)
    except (WeftError, BadSettings) as error:
        yield bad("store", str(error), "do what it says, then run `weft doctor` again")
        return
    try:
        yield good("store", f"firestore, database {settings.database}, {where}, answers")
        yield await _clock(store)
    except WeftError as error:
        yield bad("store", error.message, "do what it says, then run `weft doctor` again")
        return
    finally:
        await store.close()
    async for finding in _indexes(settings):
        yield finding


async def _clock(store: DocumentStore) -> Finding:
    before = datetime.now(UTC)
    theirs = await store.now()
    after = datetime.now(UTC)
    if theirs is None:
        return good("clock", "the only one")
    return clock_finding(before, theirs, after)


def clock_finding(before: datetime, theirs: datetime, after: datetime) -> Finding:
    """`theirs` is the store's time, read between two moments of this machine."""
    # What the clocks differ by for sure, however long the answer was on its way.
    ahead, behind = (before - theirs).total_seconds(), (theirs - after).total_seconds()
    skew, way = max(ahead, behind), "ahead of" if ahead > behind else "behind"
    if skew <= _SKEW_SECONDS:
        return good("clock", f"within {_SKEW_SECONDS:g} s of the store's")
    message = f"this machine is {skew:.1f} s {way} the store"
    if skew > _TOO_MUCH_SKEW_SECONDS:
        return bad("clock", message, _SYNCHRONISE)
    return warning("clock", message, _SYNCHRONISE)


async def _indexes(settings: Settings) -> AsyncIterator[Finding]:
    try:
        found = await diagnose_store(settings)
    except WeftError as error:
        yield warning("indexes", f"not looked at: {error.message}", "let an account look that may, with `weft doctor`")
        return
    for each in found:
        if each.standing is not Standing.SOUND:
            yield _index(each)
    sound = sum(each.standing is Standing.SOUND for each in found)
    yield good("indexes", f"{sound} of {len(found)} as they should be" if len(found) > 1 else found[0].detail)


def _index(found: Provisioned) -> Finding:
    message = f"{found.what}: {found.state}{f' ({found.detail})' if found.detail else ''}"
    if found.standing is Standing.MISSING:
        return bad("index", message, "run `weft provision`")
    if found.state == "building":
        return warning("index", message, "wait: its queries fail until it is built")
    if found.standing is Standing.WORTH_A_LOOK:
        return warning("index", message, "delete it, unless something else needs it")
    return bad("index", message, "do what Firestore's message says, then run `weft provision`")
