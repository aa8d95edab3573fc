"""Brings a database to what the index plan asks for, and says how it stands: `weft provision` and `weft doctor`.

Creates what is missing, and waits only if asked. Nothing is deleted: what the plan does not know is reported.
"""

import asyncio
from datetime import timedelta

from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcAsyncIOTransport

from engine.storage.firestore.database_admin import DatabaseAdmin, Refused, open_admin
from engine.storage.firestore.findings import Finding, State, compare
from engine.storage.firestore.index_plan import Index, plan_indexes

POLL = timedelta(seconds=5)
_EMULATOR = Finding(state=State.NOT_NEEDED, what="indexes", detail="the emulator answers without any")


async def provision_firestore(
    *,
    project: str | None,
    database: str,
    emulator: str | None = None,
    dry_run: bool = False,
    wait: timedelta | None = None,
    poll: timedelta = POLL,
    transport: FirestoreAdminGrpcAsyncIOTransport | None = None,
) -> list[Finding]:
    """What was found; what was missing is CREATED or REFUSED, or still MISSING after a dry run.

    With `wait`, returns when nothing is being built any more, or the time is over. `transport` replaces Google's; it is closed.
    Raises `CannotOpenStore`, `Unavailable`.
    """
    if emulator is not None:
        return [_EMULATOR]
    async with open_admin(project=project, database=database, transport=transport) as admin:
        await admin.check()
        findings = await _compared(admin)
        if not dry_run:
            findings = [await _created(admin, each) for each in findings]
        if wait is not None:
            findings = await _settled(admin, findings, wait=wait, poll=poll)
        return findings


async def diagnose_firestore(
    *,
    project: str | None,
    database: str,
    emulator: str | None = None,
    transport: FirestoreAdminGrpcAsyncIOTransport | None = None,
) -> list[Finding]:
    """How every index and field stands; changes nothing. Raises `CannotOpenStore`, `Unavailable`."""
    return await provision_firestore(
        project=project, database=database, emulator=emulator, dry_run=True, transport=transport
    )


async def _compared(admin: DatabaseAdmin) -> list[Finding]:
    return list(compare(plan_indexes(), await admin.composites(), await admin.fields()))


async def _created(admin: DatabaseAdmin, finding: Finding) -> Finding:
    if finding.create is None:
        return finding
    try:
        if isinstance(finding.create, Index):
            await admin.create(finding.create)
        else:
            await admin.configure(finding.create)
    except Refused as error:
        return Finding(state=State.REFUSED, what=finding.what, detail=str(error))
    return Finding(state=State.CREATED, what=finding.what)


async def _settled(admin: DatabaseAdmin, findings: list[Finding], *, wait: timedelta, poll: timedelta) -> list[Finding]:
    """How they stand when nothing is being built, or at the end of the time. What was refused is not asked for again."""
    refused = {each.what: each for each in findings if each.state is State.REFUSED}
    try:
        async with asyncio.timeout(wait.total_seconds()):
            while any(each.state in {State.CREATED, State.BUILDING} for each in findings):
                await asyncio.sleep(poll.total_seconds())
                findings = [refused.get(each.what, each) for each in await _compared(admin)]
    except TimeoutError:
        pass  # the findings say what is still being built
    return findings
