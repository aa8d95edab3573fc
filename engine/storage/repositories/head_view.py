"""Heads as readers see them. A list of executions rarely shows their step runs and never their newest events, so these are
decoded when they are looked at: they are most of a head.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec
from msgspec.structs import replace

from engine.domain.execution import Run, State
from engine.storage.port import Document
from engine.storage.repositories.decoding import IncompatibleData, decoded, decoded_part
from engine.storage.repositories.head import FORMAT


class StoredRuns(Mapping[str, Run]):
    """Of the head at `path`. Looking at them raises `IncompatibleData` where another version of the software wrote them."""

    def __init__(self, text: msgspec.Raw, path: str) -> None:
        self._text = text
        self._path = path

    @cached_property
    def _runs(self) -> dict[str, Run]:
        return decoded_part(_runs_decoder, self._text, self._path)

    def __getitem__(self, path: str) -> Run:
        return self._runs[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        return repr(self._runs)


class HeadView(msgspec.Struct, frozen=True, kw_only=True):
    """An execution for readers: its state and its top-level step runs. Large values of the state are references."""

    path: str
    rev: int
    state: State
    runs: Mapping[str, Run]
    flushed: int
    tail_text: msgspec.Raw

    @property
    def tail(self) -> list[msgspec.Raw]:
        """Raises `IncompatibleData`."""
        return decoded_part(_tail_decoder, self.tail_text, self.path)


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a head that readers look at."""

    format: int = FORMAT
    state: State
    runs: msgspec.Raw = msgspec.Raw(b"{}")
    tail: msgspec.Raw = msgspec.Raw(b"[]")
    flushed: int = 0


_decoder = msgspec.json.Decoder(_Body)
_runs_decoder = msgspec.json.Decoder(dict[str, Run])
_tail_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def head_view(document: Document) -> HeadView:
    """Raises `IncompatibleData`."""
    head = decoded(_decoder, document)
    if head.format > FORMAT:
        raise IncompatibleData(f"{document.path} has format {head.format}; this version of weft knows {FORMAT}")
    return HeadView(
        path=document.path,
        rev=document.rev,
        state=head.state,
        runs=StoredRuns(head.runs, document.path),
        flushed=head.flushed,
        tail_text=head.tail,
    )


class KnownHeads:
    """Remembers the heads that were read last, with their text, so that it cannot be wrong about them: whoever looks at a list looks
    at it again, and decoding is most of the work of reading one. Large heads are not kept.
    """

    def __init__(self) -> None:
        self._views: OrderedDict[str, tuple[bytes, HeadView]] = OrderedDict()

    def view(self, document: Document) -> HeadView:
        """Raises `IncompatibleData`."""
        path, body = document.path, document.body
        known = self._views.get(path)
        if known is not None and known[0] == body:  # by a comparison, which takes less than a hash of the text
            self._views.move_to_end(path)
            view = known[1]
            return view if view.rev == document.rev else replace(view, rev=document.rev)
        view = head_view(document)
        if len(body) <= _SHORT_BYTES:
            self._views[path] = body, view
            self._views.move_to_end(path)
            if len(self._views) > _REMEMBERED:
                self._views.popitem(last=False)
        return view


_REMEMBERED = 500
_SHORT_BYTES = 4_000
