"""Why a store cannot be opened."""

from engine.domain.errors import WeftError


class CannotOpenStore(WeftError):
    """The store is in use, damaged, out of reach, or written by a newer version. It was not changed. The message is for whoever
    runs the server, says where the store is, and what to do.
    """

    code = "UNAVAILABLE"
