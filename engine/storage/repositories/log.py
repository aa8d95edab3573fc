"""The log of an execution: pages of events, each a document, and behind them the head's tail."""

from collections.abc import Iterable, Sequence

import msgspec

from engine.domain.events import DurableEvent, Entry
from engine.storage.port import Create, DocumentStore, Filter, Op, Order, Write
from engine.storage.repositories.decoding import decoded, decoded_part
from engine.storage.repositories.payloads import unpack

TAIL_LIMIT = 32 * 1024
"""Bytes of events that the head carries before they are flushed to a page."""
PAGE_LIMIT = 512 * 1024
_PAGES_AT_ONCE = 20

_page = msgspec.json.Decoder(list[DurableEvent])
_event = msgspec.json.Decoder(DurableEvent)
_encoder = msgspec.json.Encoder()


def decode_event(raw: msgspec.Raw | bytes, root: str) -> DurableEvent:
    """An event of the execution at `root`. Raises `IncompatibleData` for one that this version of the software does not know."""
    event: DurableEvent = decoded_part(_event, raw, root)
    return event


def page_writes(root: str, flushed: int, events: Sequence[msgspec.Raw]) -> list[Write]:
    """Pages for events that follow seq `flushed`. A page is named by its last seq."""
    writes: list[Write] = []
    page: list[msgspec.Raw] = []
    size, seq = 0, flushed
    for raw in events:
        if page and size + len(raw) > PAGE_LIMIT:
            writes.append(_page_write(root, seq, page))
            page, size = [], 0
        page.append(raw)
        size += len(raw)
        seq += 1
    return [*writes, _page_write(root, seq, page)] if page else writes


def _page_write(root: str, last_seq: int, events: list[msgspec.Raw]) -> Write:
    return Create(path=f"{root}/log/{last_seq:010d}", body=_encoder.encode(events), fields={"last_seq": last_seq})


def tail_entries(root: str, tail: Iterable[msgspec.Raw], flushed: int, after: int) -> list[Entry]:
    return [Entry(seq, decode_event(raw, root)) for seq, raw in enumerate(tail, start=flushed + 1) if seq > after]


async def read_pages(store: DocumentStore, root: str, *, after: int, upto: int, limit: int | None) -> list[Entry]:
    """Entries with `after` < seq <= `upto` that are in pages, at most `limit` of them, payloads in place."""
    entries: list[Entry] = []
    while after < upto and (limit is None or len(entries) < limit):
        pages = await store.query(
            f"{root}/log",
            filters=(Filter("last_seq", Op.GT, after),),
            order=(Order("last_seq"),),
            limit=_PAGES_AT_ONCE if limit is None else 1,
        )
        if not pages:
            break
        for page in pages:
            events = decoded(_page, page)
            first = int(page.id) - len(events) + 1
            fresh = [(seq, event) for seq, event in enumerate(events, start=first) if after < seq <= upto]
            entries.extend([Entry(seq, await unpack(store, root, event)) for seq, event in fresh])
            after = int(page.id)
    return entries if limit is None else entries[:limit]


async def read_pages_with(store: DocumentStore, root: str, seqs: Sequence[int]) -> list[Entry]:
    """The entries with these seqs (ascending), as they are stored. Reads each page that holds one, once."""
    entries: list[Entry] = []
    wanted = list(seqs)
    while wanted:
        pages = await store.query(
            f"{root}/log", filters=(Filter("last_seq", Op.GE, wanted[0]),), order=(Order("last_seq"),), limit=1
        )
        if not pages:
            break
        last_seq = int(pages[0].id)
        events = decoded(_page, pages[0])
        first = last_seq - len(events) + 1
        entries.extend(Entry(seq, events[seq - first]) for seq in wanted if first <= seq <= last_seq)
        wanted = [seq for seq in wanted if seq > last_seq]
    return entries
