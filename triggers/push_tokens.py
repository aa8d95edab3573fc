"""The OpenID Connect tokens that Pub/Sub sends along with what it pushes.

PyJWT and httpx are imported along with this module, which takes some time: only who has a push endpoint loads it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from triggers.bad_token import BadToken
from triggers.google_keys import ALGORITHM, Fetch, GoogleKeys, fetch_google_keys

__all__ = ["BadToken", "PushTokens"]

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
LEEWAY = timedelta(seconds=60)
_LONGEST = 16_384
_SIGNATURE_ALONE: Options = {
    "verify_signature": True,
    "enforce_minimum_key_length": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""PyJWT would compare times with the clock of the process; the claims are checked here, by the caller's."""


class PushTokens:
    """`audience` is what the subscription was told to put into its tokens. `email` is the service account that it pushes as: without one,
    any Google account's token for this audience will do, and anybody who has an account can get one.
    """

    def __init__(self, audience: str, email: str | None, fetch: Fetch = fetch_google_keys) -> None:
        self._audience = audience
        self._email = email
        self._keys = GoogleKeys(fetch)

    async def verify(self, authorization: str | None, now: datetime) -> None:
        """`authorization` is the header. Raises `BadToken`, or `Unavailable` where the keys cannot be fetched: then nothing is known."""
        token = _bearer(authorization)
        key = await self._keys.get(_key_id(token), now)
        if key is None:
            raise BadToken("the token is signed with a key that Google does not publish")
        claims = _signed(token, key)
        _check_times(claims, now)
        if claims.get("iss") not in ISSUERS:
            raise BadToken("the token is not issued by Google")
        _check_audience(claims, self._audience)
        if self._email is not None:
            _check_email(claims, self._email)


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise BadToken("there is no token: the subscription has to authenticate its pushes")
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise BadToken("the header Authorization holds no bearer token")
    if len(token) > _LONGEST:
        raise BadToken(f"the token is longer than {_LONGEST:,} characters")
    return token


def _key_id(token: str) -> str:
    """Nobody's keys are fetched for a token that no key of Google's can have signed."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadToken("the token is not a JSON Web Token") from error
    if header.get("alg") != ALGORITHM:
        raise BadToken(f"the token is not signed with {ALGORITHM}")
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise BadToken("the token does not name its key")
    return key_id


def _signed(token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
    try:
        return jwt.decode(token, key, algorithms=[ALGORITHM], options=_SIGNATURE_ALONE)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadToken("the signature of the token does not fit") from error


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if moment >= _seconds(claims, "exp") + leeway:
        raise BadToken("the token has expired")
    begins = max(_seconds(claims, name) for name in ("iat", "nbf") if name == "iat" or name in claims)
    if moment < begins - leeway:
        raise BadToken("the token is not valid yet")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(f"the token has no {name}, or one that is no time")
    return value


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    given = claims.get("aud")
    if given != audience and not (isinstance(given, list) and audience in given):
        raise BadToken("the token is for another audience")


def _check_email(claims: Mapping[str, Any], email: str) -> None:
    if claims.get("email") != email:
        raise BadToken("the token is another account's")
    if claims.get("email_verified") is not True:
        raise BadToken("the token's email is not verified")
