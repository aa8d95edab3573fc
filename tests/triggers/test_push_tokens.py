"""Google's tokens are checked with keys that are made here, and a publisher of keys that is written here."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from engine.domain.errors import Unavailable
from triggers.google_keys import PublishedKeys, fetch_google_keys
from triggers.push_tokens import BadToken, PushTokens

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
AUDIENCE = "https://weft.example/pubsub/push/orders"
EMAIL = "pusher@project.iam.gserviceaccount.com"


@cache
def private_key(name: str, size: int = 2048) -> RSAPrivateKey:  # noqa: ARG001 - another key for each name
    return generate_private_key(65537, size)


def published(*names: str) -> dict[str, Any]:
    return {
        "keys": [
            {**RSAAlgorithm.to_jwk(private_key(name).public_key(), as_dict=True), **_about(name)} for name in names
        ]
    }


def _about(name: str) -> dict[str, str]:
    return {"kid": name, "alg": "RS256", "use": "sig"}


class Publisher:
    """Google's side: what it publishes can be changed, and how often it was asked is counted."""

    def __init__(self, *names: str, fresh_for: timedelta = timedelta(hours=6)) -> None:
        self.document: Mapping[str, Any] = published(*names)
        self.fresh_for = fresh_for
        self.down = False
        self.asked = 0

    async def __call__(self) -> PublishedKeys:
        self.asked += 1
        if self.down:
            raise Unavailable("no answer")
        return PublishedKeys(document=self.document, fresh_for=self.fresh_for)


def claims(**changes: Any) -> dict[str, Any]:
    moment = int(NOW.timestamp())
    made = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "sub": "1234",
        "email": EMAIL,
        "email_verified": True,
        "iat": moment - 10,
        "exp": moment + 3590,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def bearer(name: str = "first", *, kid: str | None = None, algorithm: str = "RS256", **changes: Any) -> str:
    token = jwt.encode(claims(**changes), private_key(name), algorithm=algorithm, headers={"kid": kid or name})
    return f"Bearer {token}"


def tokens(publisher: Publisher | None = None, email: str | None = EMAIL) -> PushTokens:
    return PushTokens(AUDIENCE, email, publisher or Publisher("first"))


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_of_google_is_taken() -> None:
    await tokens().verify(bearer(), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "accounts.google.com"},
        {"aud": ["https://other.example", AUDIENCE]},
        {"exp": int(NOW.timestamp()) - 59},
        {"iat": int(NOW.timestamp()) + 60},
        {"nbf": int(NOW.timestamp()) + 60},
    ],
    ids=str,
)
async def test_both_names_of_the_issuer_several_audiences_and_a_minute_of_difference_are_taken(
    changes: dict[str, Any],
) -> None:
    await tokens().verify(bearer(**changes), NOW)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": int(NOW.timestamp()) - 60}, "expired"),
        ({"exp": ...}, "no exp"),
        ({"exp": "tomorrow"}, "no exp"),
        ({"exp": True}, "no exp"),
        ({"iat": int(NOW.timestamp()) + 61}, "not valid yet"),
        ({"iat": ...}, "no iat"),
        ({"nbf": int(NOW.timestamp()) + 61}, "not valid yet"),
        ({"aud": "https://weft.example"}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": ...}, "audience"),
        ({"iss": "https://accounts.google.com.evil.example"}, "not issued by Google"),
        ({"iss": ...}, "not issued by Google"),
        ({"email": "other@project.iam.gserviceaccount.com"}, "another account"),
        ({"email": ...}, "another account"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": "true"}, "not verified"),
        ({"email_verified": ...}, "not verified"),
    ],
    ids=str,
)
async def test_a_claim_that_does_not_fit_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=why):
        await tokens().verify(bearer(**changes), NOW)


async def test_without_a_configured_account_the_email_does_not_matter() -> None:
    await tokens(email=None).verify(bearer(email=..., email_verified=...), NOW)


@pytest.mark.parametrize(
    ("authorization", "why"),
    [
        (None, "no token"),
        ("", "no token"),
        ("Bearer", "no bearer token"),
        ("Bearer  ", "no bearer token"),
        ("Basic dXNlcjpwYXNz", "no bearer token"),
        ("Bearer nonsense", "not a JSON Web Token"),
        ("Bearer a.b.c", "not a JSON Web Token"),
        ("Bearer é.é.é", "not a JSON Web Token"),
        ("Bearer " + "a" * 16_385, "longer"),
        (f"Bearer {segment([])}.e30.", "not a JSON Web Token"),
        (f"Bearer {segment({'alg': 'RS256'})}.e30.e30", "does not name its key"),
        (f"Bearer {segment({'alg': 'RS256', 'kid': 7})}.e30.e30", "not a JSON Web Token"),
    ],
)
async def test_what_is_no_token_is_refused_before_keys_are_fetched(authorization: str | None, why: str) -> None:
    publisher = Publisher("first")
    with pytest.raises(BadToken, match=why):
        await tokens(publisher).verify(authorization, NOW)
    assert publisher.asked == 0


async def test_an_unsigned_token_is_refused() -> None:
    unsigned = f"Bearer {segment({'alg': 'none', 'kid': 'first'})}.{segment(claims())}."
    with pytest.raises(BadToken, match="not signed with RS256"):
        await tokens().verify(unsigned, NOW)


async def test_a_public_key_does_not_serve_as_a_shared_secret() -> None:
    secret = private_key("first").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{segment({'alg': 'HS256', 'kid': 'first'})}.{segment(claims())}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    with pytest.raises(BadToken, match="not signed with RS256"):
        await tokens().verify(f"Bearer {signed}.{signature}", NOW)


async def test_another_algorithm_of_the_same_key_is_refused() -> None:
    with pytest.raises(BadToken, match="not signed with RS256"):
        await tokens().verify(bearer(algorithm="RS512"), NOW)


async def test_a_token_that_another_key_signed_is_refused() -> None:
    with pytest.raises(BadToken, match="signature"):
        await tokens().verify(bearer("other", kid="first"), NOW)


async def test_a_token_that_was_changed_is_refused() -> None:
    header, _, signature = bearer().split(".")
    with pytest.raises(BadToken, match="signature"):
        await tokens().verify(f"{header}.{segment(claims(email='evil@example.com'))}.{signature}", NOW)


async def test_the_token_is_not_in_the_refusal() -> None:
    given = bearer(aud="https://other.example")
    with pytest.raises(BadToken) as refused:
        await tokens().verify(given, NOW)
    assert given.removeprefix("Bearer ")[:20] not in str(refused.value)


async def test_keys_are_kept_as_long_as_google_says() -> None:
    publisher = Publisher("first", fresh_for=timedelta(hours=1))
    checked = tokens(publisher)
    for minutes in (0, 1, 59):
        await checked.verify(bearer(exp=2**40), NOW + timedelta(minutes=minutes))
    assert publisher.asked == 1
    await checked.verify(bearer(exp=2**40), NOW + timedelta(minutes=60))
    assert publisher.asked == 2


async def test_a_new_key_is_found_by_one_more_look() -> None:
    publisher = Publisher("first")
    checked = tokens(publisher)
    await checked.verify(bearer(), NOW)
    publisher.document = published("first", "second")
    await checked.verify(bearer("second"), NOW + timedelta(minutes=1))
    await checked.verify(bearer("first"), NOW + timedelta(minutes=1))
    assert publisher.asked == 2


async def test_a_key_that_is_published_no_more_is_refused() -> None:
    publisher = Publisher("first", fresh_for=timedelta(hours=1))
    checked = tokens(publisher)
    await checked.verify(bearer(), NOW)
    publisher.document = published("second")
    with pytest.raises(BadToken, match="does not publish"):
        await checked.verify(bearer(exp=2**40), NOW + timedelta(hours=1))


async def test_unknown_keys_make_us_look_at_most_once_a_minute() -> None:
    publisher = Publisher("first")
    checked = tokens(publisher)
    for seconds in range(0, 120, 2):
        with pytest.raises(BadToken, match="does not publish"):
            await checked.verify(bearer("other", kid=f"made-up-{seconds}"), NOW + timedelta(seconds=seconds))
    assert publisher.asked == 2


async def test_a_failed_fetch_is_no_refusal_and_is_not_repeated_at_once() -> None:
    publisher = Publisher("first")
    publisher.down = True
    checked = tokens(publisher)
    for seconds in (0, 1, 4):
        with pytest.raises(Unavailable):
            await checked.verify(bearer(), NOW + timedelta(seconds=seconds))
    assert publisher.asked == 1
    publisher.down = False
    await checked.verify(bearer(), NOW + timedelta(seconds=5))


async def test_a_failed_look_for_an_unknown_key_is_no_refusal_and_known_keys_still_serve() -> None:
    publisher = Publisher("first")
    checked = tokens(publisher)
    await checked.verify(bearer(), NOW)
    publisher.down = True
    with pytest.raises(Unavailable):
        await checked.verify(bearer("second"), NOW + timedelta(minutes=2))
    await checked.verify(bearer(), NOW + timedelta(minutes=2))


async def test_a_clock_that_goes_back_does_not_keep_old_keys() -> None:
    publisher = Publisher("first")
    checked = tokens(publisher)
    await checked.verify(bearer(exp=2**40), NOW + timedelta(days=30))
    await checked.verify(bearer(), NOW)
    assert publisher.asked == 2


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": "none"},
        {"keys": [7, {}, {"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]},
        {"keys": [{"kty": "RSA", "kid": "first", "n": "?", "e": "AQAB"}]},
    ],
    ids=str,
)
async def test_a_document_without_usable_keys_is_no_refusal(document: dict[str, Any]) -> None:
    publisher = Publisher("first")
    publisher.document = document
    with pytest.raises(Unavailable):
        await tokens(publisher).verify(bearer(), NOW)


async def test_keys_for_encryption_or_other_algorithms_are_passed_over() -> None:
    publisher = Publisher()
    key = published("first")["keys"][0]
    publisher.document = {"keys": [{**key, "use": "enc"}, {**key, "alg": "RS512"}, *published("second")["keys"]]}
    with pytest.raises(BadToken, match="does not publish"):
        await tokens(publisher).verify(bearer(), NOW)


async def test_a_key_too_short_to_be_safe_is_refused() -> None:
    short = private_key("short", 1024)
    publisher = Publisher()
    publisher.document = {"keys": [{**RSAAlgorithm.to_jwk(short.public_key(), as_dict=True), **_about("short")}]}
    with pytest.warns(UserWarning, match="below the minimum"):
        token = jwt.encode(claims(), short, algorithm="RS256", headers={"kid": "short"})
    with pytest.raises(BadToken, match="signature"):
        await tokens(publisher).verify(f"Bearer {token}", NOW)


@pytest.mark.parametrize(
    ("headers", "fresh_for"),
    [
        ({"cache-control": "public, max-age=19845, must-revalidate, no-transform"}, timedelta(seconds=19845)),
        ({"cache-control": "public, max-age=19845", "age": "845"}, timedelta(seconds=19000)),
        ({"cache-control": "s-maxage=7,max-age=600"}, timedelta(seconds=600)),
        ({"cache-control": "max-age=10"}, timedelta(minutes=1)),
        ({"cache-control": "no-store"}, timedelta(minutes=1)),
        ({"cache-control": "max-age=600", "age": "600000"}, timedelta(minutes=1)),
        ({}, timedelta(minutes=1)),
    ],
    ids=str,
)
async def test_how_long_keys_are_kept_stands_in_the_answer(headers: dict[str, str], fresh_for: timedelta) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://www.googleapis.com/oauth2/v3/certs"
        return httpx.Response(200, json=published("first"), headers=headers)

    found = await fetch_google_keys(httpx.MockTransport(answer))
    assert (found.document, found.fresh_for) == (published("first"), fresh_for)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
    ],
    ids=["failing", "elsewhere", "no JSON", "no object"],
)
async def test_an_answer_without_keys_is_unavailable(answer: httpx.Response) -> None:
    with pytest.raises(Unavailable, match="googleapis"):
        await fetch_google_keys(httpx.MockTransport(lambda _: answer))


async def test_no_answer_is_unavailable() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("too long")

    with pytest.raises(Unavailable, match="ConnectTimeout"):
        await fetch_google_keys(httpx.MockTransport(fail))
