"""Creates the topics and subscriptions of a deployment, and says how they stand: `weft provision` and `weft doctor`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum

import msgspec
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.pubsub.connection import connect
from engine.bus.pubsub.failures import TRANSIENT
from engine.bus.pubsub.names import consumer_subscription
from engine.bus.pubsub.resources import Resources
from engine.bus.pubsub.rpc import Rpc
from engine.bus.pubsub.tuning import Tuning
from engine.bus.topology import DEAD_LETTERS, GROUPS, KEPT, TOPICS

_TOPIC_PERMISSIONS = ("pubsub.topics.publish", "pubsub.topics.attachSubscription")
_SUBSCRIPTION_PERMISSIONS = ("pubsub.subscriptions.consume",)
_SUBSCRIPTIONS = ((DEAD_LETTERS, KEPT), *GROUPS)


class State(StrEnum):
    READY = "ready"
    MISSING = "missing"
    CREATED = "created"
    REFUSED = "refused"
    """It is missing, or cannot be seen: these credentials may not create it, or look at it."""
    FORBIDDEN = "forbidden"
    """It is there, but these credentials may not use it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How one topic or subscription stands. `detail` is Pub/Sub's own message, or the permissions that are missing."""

    state: State
    what: str
    detail: str = ""


async def provision_pubsub(
    *, project: str | None, emulator: str | None, dry_run: bool = False, more_topics: Sequence[str] = ()
) -> list[Finding]:
    """What was there and what was created; after a dry run, what is missing. What exists is left as it is. `more_topics` are those
    that `emit` steps may name. Raises `Unavailable`.
    """
    async with _resources(project, emulator) as (rpc, resources):
        if dry_run:
            return await _found(rpc, resources, more_topics)
        findings = [await _create_topic(resources, topic) for topic in _topics(more_topics)]
        return findings + [await _create_subscription(resources, topic, group) for topic, group in _SUBSCRIPTIONS]


async def diagnose_pubsub(
    *, project: str | None, emulator: str | None, more_topics: Sequence[str] = ()
) -> list[Finding]:
    """How every topic and subscription stands, and whether these credentials may use it. Raises `Unavailable`."""
    async with _resources(project, emulator) as (rpc, resources):
        found = await _found(rpc, resources, more_topics)
        return [await _usable(rpc, resources, finding) for finding in found]


@asynccontextmanager
async def _resources(project: str | None, emulator: str | None) -> AsyncIterator[tuple[Rpc, Resources]]:
    channel, project_id = await connect(project, emulator)
    tuning = Tuning()
    rpc = Rpc(channel, project_id, call_seconds=tuning.call_seconds)
    try:
        yield rpc, Resources(rpc, tuning, provision=True, emulator=emulator, origin="")
    finally:
        await rpc.close()


async def _create_topic(resources: Resources, topic: str) -> Finding:
    try:
        created = await resources.create_topic(topic)
    except AioRpcError as error:
        return _refused(resources, error, _topic(topic), f"create the topic {topic}")
    return Finding(state=State.CREATED if created else State.READY, what=_topic(topic))


async def _create_subscription(resources: Resources, topic: str, group: str) -> Finding:
    name = consumer_subscription(topic, group)
    try:
        created = await resources.create_consumer(topic, group)
    except AioRpcError as error:
        return _refused(resources, error, _subscription(name), f"create the subscription {name}")
    return Finding(state=State.CREATED if created else State.READY, what=_subscription(name))


def _topics(more: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*TOPICS, *more)))


async def _found(rpc: Rpc, resources: Resources, more_topics: Sequence[str]) -> list[Finding]:
    findings = []
    for topic in _topics(more_topics):
        try:
            await rpc.get_topic(topic)
            findings.append(Finding(state=State.READY, what=_topic(topic)))
        except AioRpcError as error:
            findings.append(_absent(resources, error, _topic(topic)))
    for topic, group in _SUBSCRIPTIONS:
        name = consumer_subscription(topic, group)
        try:
            await rpc.get_subscription(name)
            findings.append(Finding(state=State.READY, what=_subscription(name)))
        except AioRpcError as error:
            findings.append(_absent(resources, error, _subscription(name)))
    return findings


def _absent(resources: Resources, error: AioRpcError, what: str) -> Finding:
    if error.code() is StatusCode.NOT_FOUND:
        return Finding(state=State.MISSING, what=what)
    return _refused(resources, error, what, f"look at the {what}")


def _refused(resources: Resources, error: AioRpcError, what: str, doing: str) -> Finding:
    """What concerns this one alone; else nothing will work."""
    if error.code() in TRANSIENT or error.code() is StatusCode.UNAUTHENTICATED:
        raise resources.unavailable(error, doing) from error
    return Finding(state=State.REFUSED, what=what, detail=error.details() or error.code().name.lower())


async def _usable(rpc: Rpc, resources: Resources, finding: Finding) -> Finding:
    if finding.state is State.MISSING:
        return finding
    kind, name = finding.what.split(" ", 1)
    if kind == "topic":
        lacking = await _lacking(rpc, resources, rpc.topic_path(name), _TOPIC_PERMISSIONS)
    else:
        lacking = await _lacking(rpc, resources, rpc.subscription_path(name), _SUBSCRIPTION_PERMISSIONS)
    if lacking:
        return Finding(state=State.FORBIDDEN, what=finding.what, detail=", ".join(lacking))
    return Finding(state=State.READY, what=finding.what)


async def _lacking(rpc: Rpc, resources: Resources, path: str, wanted: Sequence[str]) -> list[str]:
    try:
        granted = await rpc.granted(path, wanted)
    except AioRpcError as error:
        if error.code() is StatusCode.UNIMPLEMENTED:  # the emulator, which allows everything
            return []
        raise resources.unavailable(error, f"ask what is allowed on {path}") from error
    return [permission for permission in wanted if permission not in granted]


def _topic(name: str) -> str:
    return f"topic {name}"


def _subscription(name: str) -> str:
    return f"subscription {name}"
