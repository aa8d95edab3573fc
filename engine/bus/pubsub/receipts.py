"""What is to be said about received messages, in batches: acknowledgements gather for a moment, and while a request is under way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice

from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.pubsub.backoff import rests
from engine.bus.pubsub.failures import TRANSIENT
from engine.bus.pubsub.rpc import Rpc

_log = logging.getLogger(__name__)
_BATCH = 1000
"""Acknowledgement ids in a request, which may have 512 KiB: the service's ids reach some 200 bytes."""
_TRIES = 4


class Receipts:
    """For one subscription. What cannot be said is lost: the message comes again, as it may."""

    def __init__(
        self, rpc: Rpc, subscription: str, deadline_seconds: int, *, gather_seconds: float, outstanding: int
    ) -> None:
        """`outstanding` messages may be unacknowledged before the service sends no more."""
        self._rpc = rpc
        self.subscription = subscription
        self._deadline_seconds = deadline_seconds
        self._gather_seconds = gather_seconds
        self._enough = min(max(1, outstanding // 4), _BATCH)
        self._done: list[str] = []
        self._returned: list[str] = []
        self._kept: dict[str, None] = {}
        self._hurry = asyncio.Event()
        self._saying: asyncio.Task[None] | None = None

    def acknowledge(self, ack_ids: Iterable[str]) -> None:
        self._end(ack_ids, self._done)

    def give_back(self, ack_ids: Iterable[str]) -> None:
        """For anybody, at once."""
        self._end(ack_ids, self._returned)

    def keep(self, ack_ids: Iterable[str]) -> None:
        """Moves their deadlines: they are still worked on."""
        self._kept.update(dict.fromkeys(ack_ids))
        self._start()

    async def flush(self, seconds: float) -> None:
        """Says what is left, for at most so long."""
        self._hurry.set()
        if self._saying is not None:
            _, late = await asyncio.wait((self._saying,), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _end(self, ack_ids: Iterable[str], pending: list[str]) -> None:
        for ack_id in ack_ids:
            pending.append(ack_id)
            self._kept.pop(ack_id, None)  # a deadline that is moved afterwards would take hold of it again
        self._start()

    def _start(self) -> None:
        if self._returned or self._kept or len(self._done) >= self._enough:
            self._hurry.set()
        if self._saying is None and (self._done or self._returned or self._kept):
            self._saying = asyncio.create_task(self._say_all(), name="bus-receipts")

    async def _say_all(self) -> None:
        try:
            while self._done or self._returned or self._kept:
                await self._gather()
                await self._say(_cut(self._done), self._acknowledge)
                await self._say(_cut(self._returned), self._give_back)
                await self._say(_cut(self._kept), self._keep)
        finally:
            self._saying = None

    async def _gather(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._gather_seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _acknowledge(self, ack_ids: Sequence[str]) -> None:
        await self._rpc.acknowledge(self.subscription, ack_ids)

    async def _give_back(self, ack_ids: Sequence[str]) -> None:
        await self._rpc.modify_deadline(self.subscription, ack_ids, 0)

    async def _keep(self, ack_ids: Sequence[str]) -> None:
        await self._rpc.modify_deadline(self.subscription, ack_ids, self._deadline_seconds)

    async def _say(self, ack_ids: Sequence[str], say: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        if not ack_ids:
            return
        for left, rest in zip(reversed(range(_TRIES)), rests(0.1, 2.0), strict=False):
            try:
                await say(ack_ids)
            except AioRpcError as error:
                if left and error.code() in TRANSIENT:
                    await asyncio.sleep(rest)
                    continue
                _log.warning(
                    "%s: %d messages may come again: %s",
                    self.subscription,
                    len(ack_ids),
                    error.details() or error.code(),
                )
            return


def _cut(ack_ids: list[str] | dict[str, None]) -> list[str]:
    batch = list(islice(ack_ids, _BATCH))
    if isinstance(ack_ids, list):
        del ack_ids[:_BATCH]
    else:
        for ack_id in batch:
            del ack_ids[ack_id]
    return batch
