"""The slots of lanes, as their documents tell."""

from collections import defaultdict

import msgspec

from engine.storage.port import Document
from engine.storage.repositories.slots import Slot

_slot = msgspec.json.Decoder(Slot)


class Slots:
    """`lost` are the workers that somebody took an expired slot from, by lane."""

    def __init__(self) -> None:
        self.lost: defaultdict[str, set[str]] = defaultdict(set)

    def on_write(self, before: Document | None, after: Document | None) -> None:
        was = _slot.decode(before.body) if before is not None else Slot()
        is_ = _slot.decode(after.body) if after is not None else Slot()
        if after is not None and was.owner is not None and is_.owner not in (None, was.owner):
            self.lost[after.path.split("/")[1]].add(was.owner)


def held(document: Document) -> Slot:
    return _slot.decode(document.body)
