"""The keys that a trigger's secret stands for: several while it is rotated, any of which may have signed."""

import base64
import binascii

from triggers.webhooks.refusal import BadSignature, Refusal

_PREFIX = "whsec_"


def lines(secret: str) -> tuple[bytes, ...]:
    """One key a line, as it stands. Not one a word: people choose such a secret, and of a sentence every `a` would be a key."""
    return _some([line.encode() for line in secret.replace("\r", "\n").split("\n") if line.strip()])


def words(secret: str) -> tuple[bytes, ...]:
    """Keys that a vendor gave out and that hold no white space."""
    return _some([word.encode() for word in secret.split()])


def standard(secret: str) -> tuple[bytes, ...]:
    """`whsec_` and base64; as in the reference libraries the prefix and the padding may be missing."""
    return _some([_decoded(word.removeprefix(_PREFIX)) for word in secret.split()])


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature(Refusal.NO_SECRET, f"the secret is not {_PREFIX} and base64") from error
    if not key:
        raise BadSignature(Refusal.NO_SECRET, f"nothing follows {_PREFIX} in the secret")
    return key


def _some(keys: list[bytes]) -> tuple[bytes, ...]:
    if not keys:
        raise BadSignature(Refusal.NO_SECRET, "no secret is configured")
    return tuple(keys)
