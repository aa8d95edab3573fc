"""Google's published keys, by which its tokens are checked: fetched when they are needed, and kept as long as Google says."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt
import msgspec

from engine.domain.errors import Unavailable

CERTS_URL = "https://www.googleapis.com/oauth2/v3/certs"
ALGORITHM = "RS256"

_ANSWER_SECONDS = 5.0
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})", re.IGNORECASE)
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=1)
_BETWEEN_LOOKS = timedelta(minutes=1)
"""A token with an unknown key may be the first of a new one, or anybody's: anybody may not make us ask more often."""
_AFTER_FAILURE = timedelta(seconds=5)
_BACKWARDS = timedelta(minutes=1)


class PublishedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`document` is a JSON Web Key Set. `fresh_for` is how long it need not be fetched again."""

    document: Mapping[str, Any]
    fresh_for: timedelta


Fetch = Callable[[], Awaitable[PublishedKeys]]
"""Raises `Unavailable` where the keys cannot be had."""


async def fetch_google_keys(transport: httpx.AsyncBaseTransport | None = None) -> PublishedKeys:
    """Raises `Unavailable`. `transport` stands in for the network."""
    try:
        async with httpx.AsyncClient(transport=transport, timeout=_ANSWER_SECONDS) as client:
            answer = await client.get(CERTS_URL)
            answer.raise_for_status()
            document = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable(f"Google's keys cannot be fetched from {CERTS_URL}: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise Unavailable(f"{CERTS_URL} did not answer with a set of keys")
    return PublishedKeys(document=document, fresh_for=_fresh_for(answer.headers))


def _fresh_for(headers: httpx.Headers) -> timedelta:
    """What a cache on the way has used up of it is subtracted."""
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    age = headers.get("age", "")
    seconds = (int(found[1]) if found else 0) - (int(age) if re.fullmatch(r"\d{1,9}", age, re.ASCII) else 0)
    return max(timedelta(seconds=seconds), _SHORTEST)


class GoogleKeys:
    """All times are the caller's: nothing here reads a clock."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._looking = asyncio.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._fresh_until: datetime | None = None
        self._failed_at: datetime | None = None

    async def get(self, key_id: str, now: datetime) -> jwt.PyJWK | None:
        """None where Google does not publish such a key, as far as a look within the last minute tells. Raises `Unavailable` where
        the keys had to be fetched and could not be; for 5 seconds after that without another try.
        """
        if self._has_to_look(key_id, now):
            async with self._looking:
                if self._has_to_look(key_id, now):
                    await self._look(now)
        return self._keys.get(key_id)

    def _has_to_look(self, key_id: str, now: datetime) -> bool:
        if self._fetched_at is None or self._fresh_until is None:
            return True
        if not self._fetched_at - _BACKWARDS <= now < self._fresh_until:
            return True
        return key_id not in self._keys and now >= self._fetched_at + _BETWEEN_LOOKS

    async def _look(self, now: datetime) -> None:
        if self._failed_at is not None and abs(now - self._failed_at) < _AFTER_FAILURE:
            raise Unavailable("Google's keys could not be fetched a moment ago")
        try:
            published = await self._fetch()
            self._keys = _usable(published.document)
        except Unavailable:
            self._failed_at = now
            raise
        self._failed_at = None
        self._fetched_at = now
        self._fresh_until = now + min(published.fresh_for, _LONGEST)


def _usable(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Keys for other algorithms and uses are passed over; raises `Unavailable` where none is left."""
    members = document.get("keys")
    found = (_read_key(each) for each in (members if isinstance(members, list) else ()) if isinstance(each, dict))
    keys = {key.key_id: key for key in found if key is not None and isinstance(key.key_id, str)}
    if not keys:
        raise Unavailable("Google's keys hold none that can be used")
    return keys


def _read_key(member: dict[str, Any]) -> jwt.PyJWK | None:
    """The algorithm is ours to say: what the token names is only compared with it."""
    if member.get("use", "sig") != "sig" or member.get("alg", ALGORITHM) != ALGORITHM:
        return None
    try:
        return jwt.PyJWK(member, ALGORITHM)
    except jwt.PyJWTError:
        return None
