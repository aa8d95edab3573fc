"""A process that consumes: `python -m tests.contracts.pubsub_consumer_process PROJECT ADDRESS TOPIC GROUP take|hold`.

Prints "ready", then each message's body; holds the first one for ever if it is told to.
"""

import asyncio
import sys

from engine.bus.port import Message
from engine.bus.pubsub import PubSubBus
from engine.bus.pubsub.tuning import Tuning


async def main(project: str, address: str, topic: str, group: str, how: str) -> None:
    async def handler(message: Message) -> None:
        if how == "hold":
            await asyncio.sleep(0.5)  # the emulator heeds a short deadline only when it has been moved to it
        print(message.body.decode(), flush=True)  # noqa: T201  # how it reports
        if how == "hold":
            await asyncio.Event().wait()

    tuning = Tuning(ack_deadline_seconds=1, extend_every_seconds=0.2)
    bus = await PubSubBus.open(project, address, provision=True, tuning=tuning)
    async with bus.consume(topic, group, handler, concurrency=5):
        print("ready", flush=True)  # noqa: T201  # how it reports
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
