"""Documents that were refused, so that sending one again costs nothing."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from graphql_api.admission.limits import Limits
from graphql_api.transports.refusal import RequestRefused

_MOST_DOCUMENTS = 2_000
"""Each takes some 3 KB: its errors are few and short, and of its text there is the hash."""


class RefusedDocuments:
    """Those that were sent last, by their text and by the limits of who sent it: the answer depends on nothing else."""

    def __init__(self, documents: int = _MOST_DOCUMENTS) -> None:
        self._most = documents
        self._known: OrderedDict[tuple[bytes, Limits], RequestRefused] = OrderedDict()

    @contextmanager
    def remembering(self, text: str, limits: Limits) -> Iterator[None]:
        """What is refused within is remembered. Raises `RequestRefused` at once for what was refused before."""
        key = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), limits)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            raise known.again()
        try:
            yield
        except RequestRefused as refusal:
            self._known[key] = refusal.again()
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            raise
