"""What is known of documents' revisions. Firestore's preconditions are about times of update; the engine's are about `rev`."""

from collections import OrderedDict

from engine.storage.firestore.documents import Revision

_KEPT = 20_000
"""Some 300 bytes each."""


class Revisions:
    """Those seen last, by path. One that is out of date costs a read and never correctness: Firestore refuses its time."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[str, Revision] = OrderedDict()

    def get(self, path: str) -> Revision | None:
        return self._known.get(path)

    def learn(self, path: str, revision: Revision) -> None:
        known = self._known.get(path)
        if known is not None and known.update_time > revision.update_time:
            return  # an answer that was overtaken
        self._known[path] = revision
        self._known.move_to_end(path)
        if len(self._known) > self._kept:
            self._known.popitem(last=False)

    def forget(self, path: str) -> None:
        self._known.pop(path, None)
