"""The topics and subscriptions on Google Cloud, and whether they may be used."""

from collections.abc import AsyncIterator

from engine.bootstrap.provisioning import Provisioned, Standing, diagnose_bus
from engine.domain.errors import WeftError
from engine.settings import BadSettings, Settings
from weft.cli.diagnosis.finding import Finding, bad, good, warning


async def topics(settings: Settings) -> AsyncIterator[Finding]:
    try:
        found = await diagnose_bus(settings)
    except (WeftError, BadSettings) as error:
        yield bad("bus", str(error), "do what it says, then run `weft doctor` again")
        return
    missing = [each.what for each in found if each.standing is Standing.MISSING]
    if missing:
        yield _missing(", ".join(missing), settings)
    for each in found:
        if each.standing is Standing.WRONG:
            yield _wrong(each)
    where = settings.pubsub_emulator or f"project {settings.project or 'of the credentials'}"
    sound = sum(each.standing is Standing.SOUND for each in found)
    yield good("bus", f"pubsub, {where}, answers; {sound} of {len(found)} topics and subscriptions can be used")


def _missing(what: str, settings: Settings) -> Finding:
    if settings.provision == "auto":
        return warning("bus", f"missing: {what}", "run `weft provision`, or let a start create them")
    return bad("bus", f"missing: {what}", "run `weft provision`")


def _wrong(found: Provisioned) -> Finding:
    if found.state == "forbidden":
        return bad(
            "bus",
            f"{found.what}: this account lacks {found.detail}",
            "give it roles/pubsub.editor, or roles/pubsub.publisher and roles/pubsub.subscriber",
        )
    return bad(
        "bus", f"{found.what}: {found.detail}", "check GOOGLE_CLOUD_PROJECT, and give the account roles/pubsub.viewer"
    )
