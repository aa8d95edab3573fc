"""The contract of every MessageBus."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from engine.bus.port import Message, MessageBus
from engine.domain.errors import Unavailable
from tests.contracts.inbox import Inbox
from tests.patience import PATIENCE_SECONDS


async def publish_numbers(bus: MessageBus, topic: str, numbers: range) -> None:
    for n in numbers:
        await bus.publish(topic, b"%d" % n)


async def test_a_message_arrives_as_it_was_published(bus: MessageBus) -> None:
    inbox = Inbox()
    async with bus.consume("wake", "workers", inbox, concurrency=1):
        await bus.publish("wake", b"\x00\xff", {"execution": "ex_1", "tenant": "t"})
        await bus.publish("wake", b"")
        await inbox.holds(2)
    found = {message.body: dict(message.attributes) for message in inbox.messages}
    assert found == {b"\x00\xff": {"execution": "ex_1", "tenant": "t"}, b"": {}}


async def test_a_group_competes_and_every_group_gets_all(bus: MessageBus) -> None:
    """At-least-once, but without a failure nothing comes twice."""
    workers, audit = Inbox(), Inbox()
    async with AsyncExitStack() as open_consumers:
        for group, inbox in (("workers", workers), ("workers", workers), ("audit", audit)):
            await open_consumers.enter_async_context(bus.consume("wake", group, inbox, concurrency=2))
        await publish_numbers(bus, "wake", range(50))
        await audit.holds(50)
        await workers.holds(50)
    assert workers.bodies == sorted(audit.bodies)
    assert len(set(workers.bodies)) == 50


async def test_topics_are_apart(bus: MessageBus) -> None:
    wake, other = Inbox(), Inbox()
    async with bus.consume("wake", "g", wake, concurrency=1), bus.consume("other", "g", other, concurrency=1):
        await bus.publish("wake", b"w")
        await bus.publish("other", b"o")
        await wake.holds(1)
        await other.holds(1)
    assert (wake.bodies, other.bodies) == ([b"w"], [b"o"])


async def test_a_message_whose_handler_raises_comes_again_while_others_go_on(bus: MessageBus) -> None:
    tries: Counter[bytes] = Counter()
    inbox = Inbox()

    async def handler(message: Message) -> None:
        tries[message.body] += 1
        if message.body == b"bad" and tries[b"bad"] < 4:
            raise ValueError("not yet")
        await inbox(message)

    async with bus.consume("wake", "workers", handler, concurrency=1):
        await bus.publish("wake", b"bad", {"kept": "yes"})
        await bus.publish("wake", b"good")
        await inbox.holds(2)
    assert tries == {b"bad": 4, b"good": 1}
    assert next(m for m in inbox.messages if m.body == b"bad").attributes == {"kept": "yes"}


async def test_as_many_handlers_run_at_once_as_allowed_and_no_more(bus: MessageBus) -> None:
    running, most = 0, 0
    full, inbox = asyncio.Event(), Inbox()

    async def handler(message: Message) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()  # until the three are together
        await asyncio.sleep(0.001)  # in which a fourth would be seen
        running -= 1
        await inbox(message)

    async with bus.consume("wake", "workers", handler, concurrency=3):
        await publish_numbers(bus, "wake", range(12))
        await inbox.holds(12)
    assert most == 3


async def test_closing_a_consumer_waits_for_handlers_under_way(bus: MessageBus) -> None:
    began, finish, done = asyncio.Event(), asyncio.Event(), Inbox()

    async def handler(message: Message) -> None:
        began.set()
        await finish.wait()
        await done(message)

    async with bus.consume("wake", "workers", handler, concurrency=1):
        await bus.publish("wake", b"m")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await began.wait()
        asyncio.get_running_loop().call_later(0.005, finish.set)
    assert done.bodies == [b"m"]


async def test_a_closed_consumer_leaves_the_messages_to_the_others(bus: MessageBus) -> None:
    gone, stays = Inbox(), Inbox()
    async with bus.consume("wake", "workers", stays, concurrency=1):
        async with bus.consume("wake", "workers", gone, concurrency=1):
            pass
        await publish_numbers(bus, "wake", range(10))
        await stays.holds(10)
    assert gone.messages == []


async def test_a_message_has_an_id_which_is_the_same_when_it_comes_again(bus: MessageBus) -> None:
    inbox = Inbox()
    seen: list[str] = []

    async def handler(message: Message) -> None:
        seen.append(message.id)
        if len(seen) == 1:
            raise ValueError("not yet")
        await inbox(message)

    async with bus.consume("wake", "workers", handler, concurrency=1):
        await bus.publish("wake", b"one")
        await inbox.holds(1)
        await bus.publish("wake", b"two")
        await inbox.holds(2)
    one, again, two = seen
    assert one == again != two
    assert "" not in seen


async def test_a_subscription_keeps_messages_for_whoever_consumes_it_later(bus: MessageBus) -> None:
    await bus.subscribe("orders", "mine")
    await bus.subscribe("orders", "mine")
    await publish_numbers(bus, "orders", range(5))
    inbox = Inbox()
    async with bus.consume("orders", "g", inbox, concurrency=2, subscription="mine"):
        await inbox.holds(5)
    assert inbox.bodies == [b"%d" % n for n in range(5)]


async def test_whoever_consumes_a_subscription_shares_it(bus: MessageBus) -> None:
    one, other = Inbox(), Inbox()
    await bus.subscribe("orders", "mine")
    async with (
        bus.consume("orders", "g", one, concurrency=2, subscription="mine"),
        bus.consume("orders", "g", other, concurrency=2, subscription="mine"),
    ):
        await publish_numbers(bus, "orders", range(40))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(one.messages) + len(other.messages) < 40:
                await asyncio.sleep(0.01)
    assert sorted([*one.bodies, *other.bodies]) == sorted(b"%d" % n for n in range(40))


async def test_a_deleted_subscription_has_forgotten_what_it_kept(bus: MessageBus) -> None:
    await bus.unsubscribe("mine")
    await bus.subscribe("orders", "mine")
    await bus.publish("orders", b"forgotten")
    await bus.unsubscribe("mine")
    await bus.subscribe("orders", "mine")
    await bus.publish("orders", b"kept")
    inbox = Inbox()
    async with bus.consume("orders", "g", inbox, concurrency=1, subscription="mine"):
        await inbox.holds(1)
    assert inbox.bodies == [b"kept"]


async def test_every_listener_gets_every_message(bus: MessageBus) -> None:
    async with bus.listen("events") as one, bus.listen("events") as other:
        await publish_numbers(bus, "events", range(20))
        for listener in (one, other):
            async with asyncio.timeout(PATIENCE_SECONDS):
                heard = [(await anext(listener)).body for _ in range(20)]
            assert sorted(heard) == sorted(b"%d" % n for n in range(20))


async def test_a_listener_waits_for_what_is_to_come(bus: MessageBus) -> None:
    async with bus.listen("events") as listener:
        waiting = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        assert not waiting.done()
        await bus.publish("events", b"later", {"a": "b"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await waiting
    assert (message.body, dict(message.attributes)) == (b"later", {"a": "b"})


async def test_a_listener_hears_nothing_from_before_it_was_opened(bus: MessageBus) -> None:
    await bus.publish("events", b"before")
    async with bus.listen("events") as listener:
        await bus.publish("events", b"after")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await anext(listener)).body == b"after"


async def test_a_listener_that_lags_loses_the_oldest_and_slows_nobody(bus: MessageBus) -> None:
    published = 2000
    async with bus.listen("events") as lagging, bus.listen("events") as quick:
        for n in range(published):
            await bus.publish("events", b"%d" % n)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert (await anext(quick)).body == b"%d" % n
        heard: list[int] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not heard or heard[-1] != published - 1:
                heard.append(int((await anext(lagging)).body))
    assert len(heard) < published
    assert heard == list(range(published - len(heard), published))


async def test_a_listener_ends_with_its_context(bus: MessageBus) -> None:
    async with bus.listen("events") as listener:
        await bus.publish("events", b"unread")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert [message.body async for message in listener] in ([], [b"unread"])


async def test_a_listener_hears_only_what_it_asked_for(bus: MessageBus) -> None:
    only = {"owner": 'w"\\1', "kind": "poke"}
    async with bus.listen("events", only=only) as some, bus.listen("events") as everything:
        for attributes in ({"owner": "w2", "kind": "poke"}, {"owner": only["owner"]}, {}, {**only, "more": "x"}):
            await bus.publish("events", b"m", attributes)
        async with asyncio.timeout(PATIENCE_SECONDS):
            heard = [dict((await anext(everything)).attributes) for _ in range(4)]
            assert dict((await anext(some)).attributes) == {**only, "more": "x"}
        assert len(heard) == 4
        await bus.publish("events", b"last", only)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await anext(some)).body == b"last"


async def test_a_hint_reaches_consumers_and_listeners_like_a_published_message(bus: MessageBus) -> None:
    inbox = Inbox()
    async with bus.consume("wake", "workers", inbox, concurrency=2), bus.listen("wake") as listener:
        for n in range(30):
            bus.hint("wake", b"%d" % n, {"n": str(n)})
        await inbox.holds(30)
        async with asyncio.timeout(PATIENCE_SECONDS):
            heard = [await anext(listener) for _ in range(30)]
    expected = {b"%d" % n: {"n": str(n)} for n in range(30)}
    for messages in (inbox.messages, heard):
        assert {message.body: dict(message.attributes) for message in messages} == expected


async def test_a_hint_that_the_bus_cannot_take_is_lost_quietly(bus: MessageBus) -> None:
    bus.hint("wake", b"kept nowhere")
    await bus.close()
    bus.hint("wake", b"too late")


async def test_a_bus_that_answers_is_ready(bus: MessageBus) -> None:
    await bus.ready()


async def test_closing_ends_listeners_and_refuses_the_rest(bus: MessageBus) -> None:
    inbox = Inbox()
    async with bus.consume("wake", "workers", inbox, concurrency=1), bus.listen("events") as listener:
        waiting = asyncio.ensure_future(anext(listener, None))
        await asyncio.sleep(0)
        await bus.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await waiting is None
    await bus.close()
    with pytest.raises(Unavailable):
        await bus.publish("wake", b"")
    with pytest.raises(Unavailable):
        await bus.ready()
    with pytest.raises(Unavailable):
        async with bus.listen("events"):
            pass
    with pytest.raises(Unavailable):
        async with bus.consume("wake", "workers", inbox, concurrency=1):
            pass
