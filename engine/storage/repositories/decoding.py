"""Reads what is stored, or says that it cannot: another version of the software may have written it."""

from typing import TypeVar

import msgspec

from engine.domain.errors import Unavailable
from engine.storage.port import Document

T = TypeVar("T")


class IncompatibleData(Unavailable):
    """A document that this version of the software cannot read. It is left as it is."""


def decoded(decoder: msgspec.json.Decoder[T], document: Document) -> T:
    """The body of a document. Raises `IncompatibleData`."""
    return decoded_part(decoder, document.body, document.path)


def decoded_part(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, path: str) -> T:
    """The same of something in the document at `path`."""
    try:
        return decoder.decode(body)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise IncompatibleData(
            f"{path} was written by another version of weft: {error}; it is left as it is"
        ) from error
