"""The refusal of a token, in a module of its own: whoever answers it need not load what checks tokens."""

from typing import ClassVar

from engine.domain.errors import WeftError


class BadToken(WeftError):
    """The caller did not prove who it is. The message says why, and never holds the token."""

    code: ClassVar[str] = "UNAUTHENTICATED"
