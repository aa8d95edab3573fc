"""What the settings' store and bus need before a start, and how it stands: `weft provision` and `weft doctor`."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from engine.bootstrap.google_clients import google_clients
from engine.settings import Settings


class Standing(StrEnum):
    SOUND = "sound"
    CHANGED = "changed"
    """It was missing, and has been created; an index is still being built."""
    MISSING = "missing"
    WORTH_A_LOOK = "worth a look"
    """It works, but is not what it should be."""
    WRONG = "wrong"


class Provisioned(msgspec.Struct, frozen=True, kw_only=True):
    """One topic, subscription, index or field. `state` and `detail` are in the service's own words."""

    service: str
    what: str
    state: str
    standing: Standing
    detail: str = ""


async def provision(settings: Settings, *, dry_run: bool = False, wait: timedelta | None = None) -> list[Provisioned]:
    """Creates what is missing; nothing is changed or deleted. With `wait`, returns when indexes are built, or the time is over. Empty where
    store and bus are embedded. Raises `BadSettings`, and a `WeftError` of code UNAVAILABLE that says what to do.
    """
    found: list[Provisioned] = []
    if settings.bus == "pubsub":
        with google_clients("WEFT_BUS=pubsub"):
            from engine.bus.pubsub.provisioning import provision_pubsub  # noqa: PLC0415  # in this mode alone

        found += _told(
            "Pub/Sub",
            await provision_pubsub(
                project=settings.project,
                emulator=settings.pubsub_emulator,
                dry_run=dry_run,
                more_topics=settings.emit_topics or (),
            ),
        )
    if settings.store == "firestore":
        with google_clients("WEFT_STORE=firestore"):
            from engine.storage.firestore.provisioning import provision_firestore  # noqa: PLC0415  # in this mode alone

        found += _told(
            "Firestore",
            await provision_firestore(
                project=settings.project,
                database=settings.database,
                emulator=settings.firestore_emulator,
                dry_run=dry_run,
                wait=wait,
            ),
        )
    return found


async def diagnose_bus(settings: Settings) -> list[Provisioned]:
    """How the topics and subscriptions stand. Raises `Unavailable`, `BadSettings`."""
    if settings.bus != "pubsub":
        return []
    with google_clients("WEFT_BUS=pubsub"):
        from engine.bus.pubsub.provisioning import diagnose_pubsub  # noqa: PLC0415  # in this mode alone

    found = await diagnose_pubsub(
        project=settings.project, emulator=settings.pubsub_emulator, more_topics=settings.emit_topics or ()
    )
    return _told("Pub/Sub", found)


async def diagnose_store(settings: Settings) -> list[Provisioned]:
    """How the indexes and fields stand. Raises a `WeftError` of code UNAVAILABLE, `BadSettings`."""
    if settings.store != "firestore":
        return []
    with google_clients("WEFT_STORE=firestore"):
        from engine.storage.firestore.provisioning import diagnose_firestore  # noqa: PLC0415  # in this mode alone

    found = await diagnose_firestore(
        project=settings.project, database=settings.database, emulator=settings.firestore_emulator
    )
    return _told("Firestore", found)


class _Finding(Protocol):
    """What either service's provisioning says."""

    @property
    def state(self) -> StrEnum: ...
    @property
    def what(self) -> str: ...
    @property
    def detail(self) -> str: ...


_STANDINGS = {
    "ready": Standing.SOUND,
    "not needed": Standing.SOUND,
    "created": Standing.CHANGED,
    "missing": Standing.MISSING,
    "building": Standing.WORTH_A_LOOK,
    "extra": Standing.WORTH_A_LOOK,
    "harmful": Standing.WRONG,
    "broken": Standing.WRONG,
    "refused": Standing.WRONG,
    "forbidden": Standing.WRONG,
}


def _told(service: str, findings: Iterable[_Finding]) -> list[Provisioned]:
    return [
        Provisioned(
            service=service,
            what=finding.what,
            state=finding.state.value,
            standing=_STANDINGS[finding.state.value],
            detail=finding.detail,
        )
        for finding in findings
    ]
