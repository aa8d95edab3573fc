"""Which media type a client wants its answer in."""

from functools import lru_cache

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
HTML = "text/html"


@lru_cache(256)
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """The offered type that the client likes best, in its order where it likes several equally; None if it likes none.
    A wildcard takes the first offer that it covers. Without the header anything is welcome.
    """
    for wanted in _ranges(accept or "*/*"):
        for offer in offered:
            if wanted in (offer, "*/*", f"{offer.partition('/')[0]}/*"):
                return offer
    return None


def _ranges(accept: str) -> list[str]:
    """By falling weight; what has weight 0 is not wanted."""
    weighted = []
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((_weight(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)
        if media_type and weight > 0:
            weighted.append((-weight, media_type))
    return [media_type for _, media_type in sorted(weighted, key=lambda item: item[0])]


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
