"""Signed requests are let pass, and nothing else is."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.triggers.trigger import WebhookSignature
from tests.triggers.signed_requests import NOW, SENT_AT, Sent, github, plain, slack, standard, stripe
from triggers.webhooks.headers import received
from triggers.webhooks.refusal import BadSignature, Refusal
from triggers.webhooks.schemes import SCHEMES
from triggers.webhooks.signatures import REPLAY_WINDOW, TOLERANCE, replay_key, verify

SENDERS = pytest.mark.parametrize("sender", [plain, github, stripe, slack, standard])
TIMED = pytest.mark.parametrize("sender", [stripe, slack, standard])
SIGNED_HEADERS = {
    WebhookSignature.HMAC_SHA256: ("x-weft-signature",),
    WebhookSignature.GITHUB: ("x-hub-signature-256",),
    WebhookSignature.STRIPE: ("stripe-signature",),
    WebhookSignature.SLACK: ("x-slack-signature", "x-slack-request-timestamp"),
    WebhookSignature.STANDARD_WEBHOOKS: ("webhook-id", "webhook-timestamp", "webhook-signature"),
}


def check(sent: Sent, *, secret: str | None = None, now: datetime = NOW) -> None:
    verify(sent.signature, sent.secret if secret is None else secret, sent.headers, sent.body, now)


def refused(sent: Sent, *, secret: str | None = None, now: datetime = NOW) -> BadSignature:
    with pytest.raises(BadSignature) as caught:
        check(sent, secret=secret, now=now)
    return caught.value


def with_header(sent: Sent, name: str, value: str) -> Sent:
    return dataclasses.replace(sent, headers=sent.headers | {name: value})


# ---------------------------------------------------------------- published examples


def test_the_example_of_github_passes() -> None:
    """From "Validating webhook deliveries"."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Everybody"
    verify(WebhookSignature.GITHUB, secret, {"x-hub-signature-256": signature}, b"Hello, World!", NOW)
    verify(WebhookSignature.HMAC_SHA256, secret, {"x-weft-signature": signature}, b"Hello, World!", NOW)


def test_the_example_of_slack_passes() -> None:
    """From "Verifying requests from Slack": a command, whose body is a form."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    now = datetime.fromtimestamp(1_531_420_618, UTC)
    verify(WebhookSignature.SLACK, "8f742231b10e8888abcd99yyyzzz85a5", headers, body, now)


@pytest.mark.parametrize(
    ("secret", "id_", "seconds", "body", "signature"),
    [
        pytest.param(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            id="reference libraries",
        ),
        pytest.param(
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
            id="Svix",
        ),
    ],
)
def test_the_examples_of_standard_webhooks_pass(
    secret: str, id_: str, seconds: int, body: bytes, signature: str
) -> None:
    headers = {"webhook-id": id_, "webhook-timestamp": str(seconds), "webhook-signature": signature}
    verify(WebhookSignature.STANDARD_WEBHOOKS, secret, headers, body, datetime.fromtimestamp(seconds, UTC))


# ---------------------------------------------------------------- what passes


@SENDERS
@pytest.mark.parametrize("body", [b'{"a":1}', b"", b"\xff\xfe\x00 not text", "žluťoučký".encode()])
def test_any_body_can_be_signed(sender: Callable[[bytes], Sent], body: bytes) -> None:
    check(sender(body))


def test_a_trigger_without_signatures_takes_every_request() -> None:
    verify(WebhookSignature.NONE, None, {}, b"anything", NOW)


def test_every_scheme_but_none_is_checked() -> None:
    assert set(SCHEMES) == set(WebhookSignature) - {WebhookSignature.NONE}


def test_stripes_fake_scheme_of_test_events_is_passed_over() -> None:
    sent = stripe()
    check(with_header(sent, "stripe-signature", sent.headers["stripe-signature"] + f",v0={'6f' * 32}"))
    only_fake = sent.headers["stripe-signature"].replace("v1=", "v0=")
    assert refused(with_header(sent, "stripe-signature", only_fake)).refusal is Refusal.MALFORMED


def test_an_asymmetric_signature_beside_ours_is_passed_over() -> None:
    sent = standard()
    asymmetric = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    check(with_header(sent, "webhook-signature", f"{asymmetric} {sent.headers['webhook-signature']}"))
    assert refused(with_header(sent, "webhook-signature", asymmetric)).refusal is Refusal.MALFORMED


# ---------------------------------------------------------------- rotation


@SENDERS
def test_any_of_the_lines_of_a_secret_may_have_signed(sender: Callable[[], Sent]) -> None:
    sent = sender()
    other = "whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVz"
    for secret in (f"{other}\n{sent.secret}", f"{sent.secret}\r\n{other}", f"\n\n{sent.secret}\n"):
        check(sent, secret=secret)
    assert refused(sent, secret=f"{other}\n{other}").refusal is Refusal.WRONG


@TIMED
def test_secrets_that_a_vendor_gave_out_may_stand_beside_each_other(sender: Callable[[], Sent]) -> None:
    sent = sender()
    check(sent, secret=f"whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVz {sent.secret}")


@pytest.mark.parametrize("sender", [plain, github])
def test_a_word_of_a_secret_that_is_a_sentence_is_no_secret(sender: Callable[..., Sent]) -> None:
    forged = sender(secret="a")
    assert refused(forged, secret="It's a Secret to Everybody").refusal is Refusal.WRONG


def test_any_of_several_signatures_of_stripe_may_fit() -> None:
    mine, other = stripe(), stripe(secret="whsec_other")
    ours, theirs = mine.headers["stripe-signature"], other.headers["stripe-signature"].partition(",")[2]
    check(with_header(mine, "stripe-signature", f"{ours},{theirs}"))
    time, _, signature = ours.partition(",")
    check(with_header(mine, "stripe-signature", f"{time},{theirs},{signature}"))
    assert refused(with_header(mine, "stripe-signature", f"{time},{theirs},{theirs}")).refusal is Refusal.WRONG


def test_any_of_several_standard_signatures_may_fit() -> None:
    sent = standard()
    other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    for header in (f"{other} {sent.headers['webhook-signature']}", f"{sent.headers['webhook-signature']} {other}"):
        check(with_header(sent, "webhook-signature", header))
    assert refused(with_header(sent, "webhook-signature", f"{other} {other}")).refusal is Refusal.WRONG


@pytest.mark.parametrize("secret", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILA"])
def test_the_prefix_and_the_padding_of_a_standard_secret_may_be_missing(secret: str) -> None:
    padded = secret.removeprefix("whsec_") + "=" * (-len(secret.removeprefix("whsec_")) % 4)
    check(standard(secret=padded), secret=secret)


# ---------------------------------------------------------------- refusals


@SENDERS
@pytest.mark.parametrize("secret", ["", " ", "\n\r\n"])
def test_without_a_secret_nothing_passes(sender: Callable[[], Sent], secret: str) -> None:
    sent = sender()
    assert refused(sent, secret=secret).refusal is Refusal.NO_SECRET
    with pytest.raises(BadSignature) as caught:
        verify(sent.signature, None, sent.headers, sent.body, NOW)
    assert caught.value.refusal is Refusal.NO_SECRET


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not!base64", "whsec_ABCDE", "whpk_AAAA", "whsec_žluť"])
def test_a_standard_secret_that_is_none_lets_nothing_pass(secret: str) -> None:
    refusal = refused(standard(), secret=secret)
    assert refusal.refusal is Refusal.NO_SECRET
    assert refusal.reason in {"the secret is not whsec_ and base64", "nothing follows whsec_ in the secret"}


@SENDERS
def test_a_missing_header_is_named(sender: Callable[[], Sent]) -> None:
    sent = sender()
    for name in SIGNED_HEADERS[sent.signature]:
        refusal = refused(dataclasses.replace(sent, headers={k: v for k, v in sent.headers.items() if k != name}))
        assert refusal.refusal is Refusal.MISSING
        assert refusal.reason == f"{name} is missing"


@SENDERS
@pytest.mark.parametrize(
    "value", ["", " ", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6", "v0=", "v1=", "t=x", "=", ",", "\x00"]
)
def test_a_malformed_header_is_refused(sender: Callable[[], Sent], value: str) -> None:
    sent = sender()
    signature_header = next(name for name in SIGNED_HEADERS[sent.signature] if name.endswith(("signature", "256")))
    assert refused(with_header(sent, signature_header, value)).refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    "value", ["", "now", "-1", "+1790000000", "1790000000.0", " 1790000000", "1_790_000_000", "9" * 13, "1e9", "nan"]
)
def test_a_time_that_is_not_in_whole_seconds_is_malformed(value: str) -> None:
    for sent, name in ((slack(), "x-slack-request-timestamp"), (standard(), "webhook-timestamp")):
        assert refused(with_header(sent, name, value)).refusal is Refusal.MALFORMED
    timed = stripe().headers["stripe-signature"].replace(str(SENT_AT), value)
    assert refused(with_header(stripe(), "stripe-signature", timed)).refusal is Refusal.MALFORMED


@SENDERS
def test_what_is_not_ascii_is_refused(sender: Callable[[], Sent]) -> None:
    sent = sender()
    for name in SIGNED_HEADERS[sent.signature]:
        for beyond in ("é", "\N{FULLWIDTH DIGIT ONE}"):
            assert refused(with_header(sent, name, sent.headers[name] + beyond)).refusal is Refusal.NOT_ASCII


@SENDERS
def test_a_header_that_came_twice_is_refused_even_where_one_of_them_fits(sender: Callable[[], Sent]) -> None:
    sent = sender()
    for name in SIGNED_HEADERS[sent.signature]:
        twice = received([*((k.encode(), v.encode()) for k, v in sent.headers.items()), (name.upper().encode(), b"x")])
        assert twice[name] == f"{sent.headers[name]}, x"
        assert refused(dataclasses.replace(sent, headers=twice)).refusal in {Refusal.SEVERAL, Refusal.MALFORMED}
        doubled = f"{sent.headers[name]}, {sent.headers[name]}"
        expected = Refusal.MALFORMED if name == "webhook-signature" else Refusal.SEVERAL
        assert refused(with_header(sent, name, doubled)).refusal is expected


@SENDERS
def test_another_secret_or_another_body_is_wrong(sender: Callable[[], Sent]) -> None:
    sent = sender()
    assert refused(sent, secret="whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVz").refusal is Refusal.WRONG
    assert refused(dataclasses.replace(sent, body=sent.body + b"\n")).refusal is Refusal.WRONG


@TIMED
def test_a_time_may_be_off_by_the_tolerance_and_no_further(sender: Callable[[], Sent]) -> None:
    sent, moment = sender(), timedelta(milliseconds=1)
    for now in (NOW + TOLERANCE, NOW - TOLERANCE):
        check(sent, now=now)
    assert refused(sent, now=NOW + TOLERANCE + moment).refusal is Refusal.TOO_OLD
    assert refused(sent, now=NOW - TOLERANCE - moment).refusal is Refusal.IN_THE_FUTURE


@TIMED
@pytest.mark.parametrize(("sent_at", "refusal"), [(0, Refusal.TOO_OLD), (999_999_999_999, Refusal.IN_THE_FUTURE)])
def test_a_time_no_calendar_holds_is_only_far_away(sender: Callable[..., Sent], sent_at: int, refusal: Refusal) -> None:
    assert refused(sender(sent_at=sent_at)).refusal is refusal


@pytest.mark.parametrize("sender", [plain, github])
def test_a_scheme_without_time_passes_whenever_it_comes(sender: Callable[[], Sent]) -> None:
    check(sender(), now=NOW + timedelta(days=3_650))


@SENDERS
def test_the_sender_is_told_the_same_whatever_was_wrong(sender: Callable[[], Sent]) -> None:
    sent = sender()
    name = SIGNED_HEADERS[sent.signature][0]
    refusals = [
        refused(sent, secret=""),
        refused(with_header(sent, name, "x x")),
        refused(dataclasses.replace(sent, body=b"x")),
    ]
    assert {str(refusal) for refusal in refusals} == {"the request is not signed as this webhook asks for"}
    assert len({refusal.reason for refusal in refusals}) == 3


# ---------------------------------------------------------------- properties


@given(
    sender=st.sampled_from([plain, github, stripe, slack, standard]),
    body=st.binary(min_size=1, max_size=60),
    change=st.integers(min_value=1, max_value=255),
    data=st.data(),
)
def test_a_change_of_one_byte_anywhere_is_noticed(
    sender: Callable[[bytes], Sent], body: bytes, change: int, data: st.DataObject
) -> None:
    sent = sender(body)
    name = data.draw(st.sampled_from([*SIGNED_HEADERS[sent.signature], None]))
    whole = bytearray(body if name is None else sent.headers[name].encode())
    whole[data.draw(st.integers(min_value=0, max_value=len(whole) - 1))] ^= change
    changed = (
        dataclasses.replace(sent, body=bytes(whole))
        if name is None
        else with_header(sent, name, whole.decode("latin-1"))
    )
    refused(changed)


@given(
    signature=st.sampled_from(sorted(SCHEMES)),
    values=st.lists(
        st.one_of(st.text(max_size=30), st.from_regex(r"\A(t=[0-9]{1,14}|v1[,=][0-9a-f]{64}|sha256=[0-9a-f]{64})\Z")),
        min_size=3,
        max_size=3,
    ),
    secret=st.text(alphabet=st.characters(codec="utf-8"), max_size=20),
)
def test_whatever_is_sent_is_refused_and_breaks_nothing(
    signature: WebhookSignature, values: list[str], secret: str
) -> None:
    headers = dict(zip(SIGNED_HEADERS[signature], values, strict=False))
    with pytest.raises(BadSignature):
        verify(signature, secret, headers, b"{}", NOW)


# ---------------------------------------------------------------- replays


@TIMED
def test_the_same_request_has_the_same_replay_key_and_a_retry_another(sender: Callable[..., Sent]) -> None:
    first, again, retry, other = sender(), sender(), sender(sent_at=SENT_AT + 1), sender(b"{}")
    keys = [replay_key(sent.signature, sent.headers, sent.body) for sent in (first, again, retry, other)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert None not in keys


def test_leaving_out_one_of_the_signatures_does_not_change_the_replay_key() -> None:
    sent = stripe()
    both = with_header(sent, "stripe-signature", sent.headers["stripe-signature"] + f",v1={'0' * 64}")
    check(both)
    assert replay_key(both.signature, both.headers, both.body) == replay_key(sent.signature, sent.headers, sent.body)


@pytest.mark.parametrize("sender", [plain, github])
def test_a_scheme_without_time_has_no_replay_key(sender: Callable[[], Sent]) -> None:
    sent = sender()
    assert replay_key(sent.signature, sent.headers, sent.body) is None
    assert replay_key(WebhookSignature.NONE, {}, sent.body) is None


@TIMED
def test_no_request_is_good_for_longer_than_its_replay_key_is_kept(sender: Callable[[], Sent]) -> None:
    first_accepted = NOW - TOLERANCE
    check(sender(), now=first_accepted)
    assert refused(sender(), now=first_accepted + REPLAY_WINDOW + timedelta(seconds=1)).refusal is Refusal.TOO_OLD
