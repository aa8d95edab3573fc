"""Google's client libraries, which only an installation with the extra `gcp` has."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.settings import BadSettings


@contextmanager
def google_clients(setting: str) -> Iterator[None]:
    """Around the import of what needs them because of `setting`. Raises `BadSettings` where they are not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"google", "grpc"}:
            raise
        raise BadSettings([f"{setting} needs Google's client libraries: pip install 'weft[gcp]'"]) from error
