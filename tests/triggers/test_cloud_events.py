"""What comes in as an event, and what is refused."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.domain.errors import Path, PayloadTooLarge, ValidationFailed
from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events import (
    from_http,
    from_input,
    from_pubsub,
    from_push,
    structured_attributes,
    to_structured,
)
from triggers.cloud_events.trace_context import trace_of

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STRUCTURED = "application/cloudevents+json"
EVENT: dict[str, Any] = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.paid"}


def message(body: bytes, attributes: dict[str, str] | None = None, *, data_limit: int | None = None) -> CloudEvent:
    return from_pubsub("m-1", NOW, attributes or {}, body, topic="orders", data_limit=data_limit)


def request(body: bytes, content_type: str = "", *, data_limit: int | None = None) -> CloudEvent:
    return plain({"Content-Type": content_type} if content_type else {}, body, data_limit=data_limit)


def plain(headers: dict[str, str], body: bytes, *, data_limit: int | None = None) -> CloudEvent:
    return from_http(
        headers, body, event_id="h-1", event_type="webhook", source="/hooks/x", received=NOW, data_limit=data_limit
    )


def structured(**members: Any) -> CloudEvent:
    return request(json.dumps({**EVENT, **members}).encode(), STRUCTURED)


def given_event(**members: Any) -> CloudEvent:
    return from_input({"id": "7", "source": "/shop", "type": "order.paid", **members})


def refused(call: Callable[[], object]) -> dict[Path, str]:
    with pytest.raises(ValidationFailed) as refusal:
        call()
    return {problem.path: problem.message for problem in refusal.value.problems}


# ---------------------------------------------------------------- Pub/Sub


@pytest.mark.parametrize(
    ("body", "data", "content_type"),
    [
        (b'{"total": 7}', {"total": 7}, None),
        (b"[1, 2]", [1, 2], None),
        (b"17", 17, None),
        (b"", None, None),
        ("Grüße".encode(), "Grüße", None),
        (b"{not json", "{not json", None),
        (b"NaN", "NaN", None),
        (b"\xff\xfe", "//4=", "application/octet-stream"),
        (b"\x08\x00\x12", "CAAS", "application/octet-stream"),
        ("{}".encode("utf-16"), "//57AH0A", "application/octet-stream"),
    ],
)
def test_a_plain_message_is_the_data_of_its_publication(body: bytes, data: Any, content_type: str | None) -> None:
    assert message(body, {"kind": "paid"}) == CloudEvent(
        id="m-1",
        source="//pubsub.googleapis.com/topics/orders",
        type="google.cloud.pubsub.topic.v1.messagePublished",
        time=NOW,
        datacontenttype=content_type,
        data=data,
        extensions={"attributes": {"kind": "paid"}},
    )


def test_a_plain_message_without_attributes_and_time_is_an_event_too() -> None:
    event = from_pubsub("m-1", None, {}, b"{}", topic="orders")
    assert (event.time, event.extensions) == (None, {"attributes": {}})


def test_a_message_in_binary_mode_is_the_event_in_its_attributes() -> None:
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "/shop",
        "ce-type": "order.paid",
        "ce-subject": "order/12",
        "ce-time": "2026-01-31T10:30:00.123456789+01:00",
        "ce-dataschema": "https://shop.example/paid.json",
        "ce-region": "eu",
        "Content-Type": "application/json",
        "unrelated": "x",
    }
    assert from_pubsub("m-1", NOW, attributes, b'{"total": 7}', topic="orders") == CloudEvent(
        id="7",
        source="/shop",
        type="order.paid",
        subject="order/12",
        time=NOW.replace(microsecond=123456),
        datacontenttype="application/json",
        dataschema="https://shop.example/paid.json",
        data={"total": 7},
        extensions={"region": "eu"},
    )


@pytest.mark.parametrize("attributes", [{"Content-Type": f"{STRUCTURED}; charset=utf-8"}, {}], ids=["said", "unsaid"])
def test_a_message_in_structured_mode_is_the_event_in_its_body(attributes: dict[str, str]) -> None:
    body = json.dumps({**EVENT, "data": {"total": 7}, "region": "eu", "urgent": True, "subject": None}).encode()
    assert message(body, attributes) == CloudEvent(
        id="7", source="/shop", type="order.paid", data={"total": 7}, extensions={"region": "eu", "urgent": True}
    )


@pytest.mark.parametrize("lacking", ["specversion", "id", "source", "type"])
def test_an_object_that_is_not_plainly_an_event_is_data(lacking: str) -> None:
    body = {name: value for name, value in EVENT.items() if name != lacking}
    assert message(json.dumps(body).encode()).data == body


def test_data_in_base64_is_read_by_its_content_type() -> None:
    encoded = b64encode(b'{"total": 7}').decode()
    assert structured(data_base64=encoded).data == {"total": 7}
    assert structured(data_base64=encoded, datacontenttype="text/plain").data == '{"total": 7}'
    assert structured(data_base64=encoded, datacontenttype="image/png").data == encoded


# ---------------------------------------------------------------- push


def test_a_wrapped_push_is_unwrapped() -> None:
    wrapper = {
        "message": {
            "data": b64encode(b"hello").decode(),
            "attributes": {"kind": "paid"},
            "messageId": "2070443601311540",
            "message_id": "2070443601311540",
            "publishTime": "2026-01-31T09:30:00.5Z",
        },
        "subscription": "projects/p/subscriptions/s",
    }
    pushed = from_push({"Content-Type": "application/json"}, json.dumps(wrapper).encode())
    assert pushed.message_id == "2070443601311540"
    assert pushed.publish_time == NOW.replace(microsecond=500000)
    assert (pushed.attributes, pushed.body) == ({"kind": "paid"}, b"hello")
    assert pushed.subscription == "projects/p/subscriptions/s"


def test_a_push_may_have_attributes_alone() -> None:
    pushed = from_push({}, b'{"message": {"messageId": "1", "attributes": {"kind": "paid"}}}')
    assert (pushed.body, pushed.publish_time, pushed.subscription) == (b"", None, None)


def test_an_unwrapped_push_has_its_attributes_in_headers_and_leaves_credentials_behind() -> None:
    headers = {
        "x-goog-pubsub-message-id": "1",
        "X-Goog-Pubsub-Publish-Time": "2026-01-31T09:30:00Z",
        "x-goog-pubsub-subscription-name": "projects/p/subscriptions/s",
        "x-goog-pubsub-ordering-key": "some-key",
        "Authorization": "Bearer secret",
        "Cookie": "secret",
        "Host": "weft.example",
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google)",
        "X-Forwarded-For": "10.0.0.1",
        "X-Cloud-Trace-Context": "105445aa7843bc8bf206b12000100000/1",
        "Content-Length": "2",
        "Content-Type": "application/json",
        "kind": "paid",
        "x-requester": "me",
    }
    pushed = from_push(headers, b"{}")
    assert (pushed.message_id, pushed.publish_time, pushed.body) == ("1", NOW, b"{}")
    assert pushed.subscription == "projects/p/subscriptions/s"
    assert pushed.attributes == {"content-type": "application/json", "kind": "paid", "x-requester": "me"}


@pytest.mark.parametrize(
    ("headers", "body", "path"),
    [
        ({}, b"hello", ()),
        ({}, b"[]", ("message",)),
        ({}, b'{"total": 7}', ("message",)),
        ({}, b'{"message": {}}', ("message", "messageId")),
        ({}, b'{"message": {"messageId": 1}}', ("message", "messageId")),
        ({}, b'{"message": {"messageId": "1", "data": "?"}}', ("message", "data")),
        ({}, b'{"message": {"messageId": "1", "data": 7}}', ("message", "data")),
        ({}, b'{"message": {"messageId": "1", "attributes": {"a": 1}}}', ("message", "attributes")),
        ({}, b'{"message": {"messageId": "1", "publishTime": "now"}}', ("message", "publishTime")),
        ({"x-goog-pubsub-message-id": "1", "x-goog-pubsub-publish-time": "now"}, b"", ("x-goog-pubsub-publish-time",)),
    ],
)
def test_what_is_no_push_is_refused(headers: dict[str, str], body: bytes, path: Path) -> None:
    assert list(refused(lambda: from_push(headers, body))) == [path]


# ---------------------------------------------------------------- HTTP


@pytest.mark.parametrize(
    ("content_type", "body", "data", "found_type"),
    [
        ("application/json", b'{"total": 7}', {"total": 7}, "application/json"),
        ("application/vnd.github+json; charset=utf-8", b"[]", [], "application/vnd.github+json; charset=utf-8"),
        ("application/json", b"", None, "application/json"),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y&b=%C3%BC&c=", {"a": "1", "b": ["x y", "ü"], "c": ""}, None),
        ("text/plain", b"17", "17", "text/plain"),
        ("application/xml", b"<a/>", "<a/>", "application/xml"),
        ("text/plain; charset=latin-1", b"\xfc", "/A==", "application/octet-stream"),
        ("image/png", b"PNG", "UE5H", "image/png"),
        ("", b"17", 17, ""),
        ("", b"hello", "hello", ""),
        ("", b"\xff", "/w==", "application/octet-stream"),
    ],
)
def test_a_plain_request_is_read_by_its_content_type(
    content_type: str, body: bytes, data: Any, found_type: str | None
) -> None:
    event = request(body, content_type)
    assert event == CloudEvent(
        id="h-1",
        source="/hooks/x",
        type="webhook",
        time=NOW,
        data=data,
        datacontenttype=content_type if found_type is None else found_type or None,
    )


def binary(**headers: str) -> CloudEvent:
    required = {"CE-SpecVersion": "1.0", "ce-id": "7", "ce-source": "/shop", "ce-type": "order.paid"}
    return plain({**required, **{name.replace("_", "-"): value for name, value in headers.items()}}, b"")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"quoted \\"once\\" %22twice%22"', 'quoted "once" "twice"'),
        ("50%", "50%"),
        ("caf%C3%A9", "café"),
        ("café".encode().decode("latin-1"), "café"),
        ("€", "€"),
        ("a+b", "a+b"),
    ],
)
def test_headers_of_the_binary_mode_are_decoded_as_the_binding_says(header: str, value: str) -> None:
    assert binary(ce_subject=header).subject == value


def test_an_empty_optional_attribute_is_absent() -> None:
    assert binary(ce_subject="", ce_time="").subject is None


def test_an_extension_may_have_a_name_as_long_as_others_use_but_ours_may_not() -> None:
    assert binary(ce_knativekafkapartition="3").extensions == {"knativekafkapartition": "3"}
    assert list(refused(lambda: given_event(extensions={"a" * 21: "x"}))) == [("extensions",)]
    assert list(refused(lambda: structured(**{"a" * 65: "x"}))) == [("a" * 65,)]


# ---------------------------------------------------------------- given as JSON


def test_an_event_may_be_given_as_an_object() -> None:
    given = {
        "id": "7",
        "source": "/shop",
        "type": "order.paid",
        "subject": None,
        "time": NOW.astimezone(timezone(timedelta(hours=5))),
        "data": {"total": 7},
        "extensions": {"region": "eu", "tier": 2, "urgent": False, "none": None, "traceparent": TRACE},
    }
    assert from_input(given) == CloudEvent(
        id="7",
        source="/shop",
        type="order.paid",
        time=NOW,
        data={"total": 7},
        extensions={"region": "eu", "tier": 2, "urgent": False, "traceparent": TRACE},
    )


# ---------------------------------------------------------------- trace context


@pytest.mark.parametrize(
    "given",
    [
        {"traceparent": TRACE, "tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"},
        {"traceparent": TRACE, "tracestate": "1a-2_f@acme=x , ,b=y"},
        {"traceparent": "cc" + TRACE[2:] + "-what-comes"},
        {"traceparent": "01" + TRACE[2:]},
    ],
    ids=str,
)
def test_a_well_formed_trace_context_travels_on(given: dict[str, str]) -> None:
    assert trace_of(given) == given
    assert message(b"{}", given).extensions == {**given, "attributes": given}
    assert plain(given, b"{}").extensions == given
    assert given_event(extensions=given).extensions == given
    assert structured(**given).extensions == given


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        TRACE.upper(),
        TRACE + "-more",
        TRACE[:-1],
        "ff" + TRACE[2:],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE[:36] + "0" * 16 + "-01",
        TRACE + "\n",
        "cc" + TRACE[2:] + "-" + "x" * 500,
        7,
    ],
    ids=str,
)
def test_a_malformed_trace_context_is_dropped(parent: Any) -> None:
    given = {"traceparent": parent, "tracestate": "a=b"}
    assert trace_of(given) == {}
    assert given_event(extensions=given).extensions == {}
    assert structured(**given).extensions == {}


@pytest.mark.parametrize(
    "state", ["", "a", "A=b", "a=b=c", "a=ü", ",".join(f"k{n}=v" for n in range(33)), "a=" + "x" * 511], ids=len
)
def test_a_malformed_tracestate_is_dropped_alone(state: str) -> None:
    assert trace_of({"traceparent": TRACE, "tracestate": state}) == {"traceparent": TRACE}


def test_the_events_own_trace_context_goes_before_that_of_the_message_and_that_before_googles() -> None:
    other = TRACE.replace("b7ad", "c8be")
    assert binary(ce_traceparent=TRACE, traceparent=other, tracestate="a=b").extensions == {"traceparent": TRACE}
    assert binary(ce_traceparent="bad", traceparent=other).extensions == {"traceparent": other}
    assert trace_of({"googclient_traceparent": TRACE, "traceparent": other}) == {"traceparent": other}
    assert trace_of({"googclient_traceparent": TRACE}) == {"traceparent": TRACE}


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("members", "path", "why"),
    [
        ({"id": ""}, ("id",), "id is empty"),
        ({"id": None}, ("id",), "id is missing"),
        ({"source": ""}, ("source",), "source is empty"),
        ({"type": None}, ("type",), "type is missing"),
        ({"id": 7}, ("id",), "id has to be text"),
        ({"subject": ["x"]}, ("subject",), "subject has to be text"),
        ({"specversion": "0.3"}, ("specversion",), "specversion '0.3' is not supported: 1.0 is"),
        ({"specversion": 1.0}, ("specversion",), "specversion '1.0' is not supported: 1.0 is"),
        ({"time": "2026-01-31"}, ("time",), "RFC 3339"),
        ({"time": "2026-01-31T09:30:00"}, ("time",), "RFC 3339"),
        ({"time": "2026-02-31T09:30:00Z"}, ("time",), "day"),
        ({"time": "0001-01-01T00:00:00+09:00"}, ("time",), "time is not a time"),
        ({"time": 7}, ("time",), "RFC 3339"),
        ({"subject": "x" * 2049}, ("subject",), "2,049 characters: an attribute has at most 2,048"),
        ({"type": "a\nb"}, ("type",), "a control character at position 1"),
        ({"id": "a\0b"}, ("id",), "a NUL character at position 1"),
        ({"id": "a\ud800"}, ("id",), "a lone surrogate at position 1"),
        ({"data": {"a": ["\0"]}}, ("data", "a", "0"), "NUL"),
        ({"data": {"a\0": 1}}, ("data",), "in a key"),
        ({"data": {"a": "\udc00"}}, ("data", "a"), "lone surrogate"),
        ({"data": [1, 2**64]}, ("data", "1"), "wider than 64 bits"),
        ({"data": [-(2**63) - 1]}, ("data", "0"), "wider than 64 bits"),
    ],
    ids=str,
)
@pytest.mark.parametrize("entry", [structured, given_event])
def test_what_breaks_a_rule_is_named(
    entry: Callable[..., CloudEvent], members: dict[str, Any], path: Path, why: str
) -> None:
    found = refused(lambda: entry(**members))
    assert list(found) in ([path], [path, ("specversion",)])
    assert why in found[path]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Region", "eu", "lowercase"),
        ("", "eu", "lowercase"),
        ("my_region", "eu", "lowercase"),
        ("größe", "eu", "lowercase"),
        ("a\0", "eu", "lowercase"),
        ("\ud800", "eu", "lowercase"),
        ("id", "eu", "attribute of every event"),
        ("data", "eu", "attribute of every event"),
        ("region", {"a": 1}, "text, a whole number or a boolean"),
        ("region", [1], "text, a whole number or a boolean"),
        ("region", 1.5, "text, a whole number or a boolean"),
        ("region", 2**64, "wider than 64 bits"),
        ("region", "x" * 2049, "2,048"),
        ("region", "\0", "NUL"),
    ],
    ids=ascii,
)
def test_an_extension_that_cannot_be_one_is_refused(name: str, value: Any, why: str) -> None:
    found = refused(lambda: given_event(extensions={name: value}))
    assert next(iter(found)) in (("extensions",), ("extensions", name))
    assert why in next(iter(found.values()))


def test_every_problem_is_named_at_once() -> None:
    event = {"specversion": "2.0", "id": "", "source": None, "time": "soon", "Bad": 1, "data": "\0"}
    found = refused(lambda: request(json.dumps(event).encode(), STRUCTURED))
    assert set(found) == {("specversion",), ("id",), ("source",), ("type",), ("time",), ("Bad",), ("data",)}


@pytest.mark.parametrize(
    ("body", "path"),
    [(b"{", ()), (b"[]", ()), (b"", ()), (b'"\xff"', ()), (b"[" * 100_000, ()), (b'{"specversion":"1.0"}', ("id",))],
    ids=[0, 1, 2, 3, 4, 5],
)
def test_what_claims_to_be_an_event_and_is_none_is_refused(body: bytes, path: Path) -> None:
    assert path in refused(lambda: message(body, {"content-type": STRUCTURED}))
    assert path in refused(lambda: request(body, STRUCTURED))


@pytest.mark.parametrize("content_type", ["application/cloudevents-batch+json", "application/cloudevents+avro"])
def test_batches_and_other_formats_are_refused(content_type: str) -> None:
    assert "send single events" in refused(lambda: request(b"[]", content_type))["datacontenttype",]


def test_an_event_in_binary_mode_that_lacks_attributes_is_refused() -> None:
    assert set(refused(lambda: plain({"ce-id": "7"}, b""))) == {("specversion",), ("source",), ("type",)}
    assert set(refused(lambda: message(b"", {"ce-type": "t"}))) == {("specversion",), ("id",), ("source",)}


def test_a_header_that_does_not_decode_is_refused() -> None:
    assert "not UTF-8" in refused(lambda: binary(ce_subject="%FF"))["subject",]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"NaN", b"1 2"])
def test_json_that_is_none_is_refused(body: bytes) -> None:
    assert "not JSON" in refused(lambda: request(body, "application/json"))["data",]


@pytest.mark.parametrize("body", [b"a=%FF", b"\xff", b"&".join([b"a=1"] * 1001)], ids=["percents", "bytes", "many"])
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    assert "not a form" in refused(lambda: request(body, "application/x-www-form-urlencoded"))["data",]


@pytest.mark.parametrize(
    ("body", "path", "why"),
    [
        (b"[" * 201 + b"1" + b"]" * 201, ("data",), "200 levels"),
        (b"[" * 5000 + b"]" * 5000, ("data",), "200 levels"),
        (b"[18446744073709551616]", ("data", "0"), "64 bits"),
        (b"[" + b"9" * 5000 + b"]", ("data", "0"), "64 bits"),
        (b"[1e999]", ("data", "0"), "not a JSON number"),
        (b'["\\ud800"]', ("data", "0"), "lone surrogate"),
        (b'["\\u0000"]', ("data", "0"), "NUL"),
    ],
    ids=["deep", "deeper", "wide", "wider", "infinite", "surrogate", "NUL"],
)
def test_json_that_nobody_can_store_is_refused_and_not_taken_for_text(body: bytes, path: Path, why: str) -> None:
    for call in (lambda: message(body), lambda: request(body), lambda: request(body, "application/json")):
        assert why in refused(call)[path]


def test_integers_of_64_bits_stay_integers() -> None:
    assert message(b"[18446744073709551615, -9223372036854775808]").data == [2**64 - 1, -(2**63)]


def test_attributes_of_a_plain_message_are_checked_too() -> None:
    assert list(refused(lambda: message(b"{}", {"kind": "\0"}))) == [("attributes", "kind")]


def test_a_plain_message_without_an_id_is_refused() -> None:
    assert list(refused(lambda: from_pubsub("", NOW, {}, b"{}", topic="orders"))) == [("id",)]


def test_data_beyond_the_limit_is_refused_and_data_at_it_is_not() -> None:
    body = json.dumps("x" * 98).encode()
    whole = json.dumps({**EVENT, "data": "x" * 98}).encode()
    attributes = {f"ce-{name}": value for name, value in EVENT.items()}
    calls: list[Callable[[int], CloudEvent]] = [
        lambda limit: message(body, data_limit=limit),
        lambda limit: message(body, attributes, data_limit=limit),
        lambda limit: message(whole, data_limit=limit),
        lambda limit: message(whole, {"content-type": STRUCTURED}, data_limit=limit),
        lambda limit: request(body, data_limit=limit),
        lambda limit: from_input({**EVENT, "data": "x" * 98}, data_limit=limit),
    ]
    for call in calls:
        assert call(100).data == "x" * 98
        with pytest.raises(PayloadTooLarge, match="the data has 100 bytes: at most 99 are taken") as large:
            call(99)
        assert large.value.path == ("data",)


@pytest.mark.parametrize(
    "members", [{"data": 1, "data_base64": "AA=="}, {"data_base64": "?"}, {"data_base64": 7}], ids=str
)
def test_base64_that_is_none_or_stands_beside_data_is_refused(members: dict[str, Any]) -> None:
    assert list(refused(lambda: structured(**members))) == [("data_base64",)]


def test_a_content_type_that_is_no_text_is_refused_beside_base64() -> None:
    assert list(refused(lambda: structured(datacontenttype=7, data_base64="AA=="))) == [("datacontenttype",)]


def test_members_that_an_event_does_not_have_are_refused() -> None:
    assert "'region' is not a member" in refused(lambda: given_event(region="eu"))[()]
    assert refused(lambda: given_event(extensions=["eu"])) == {("extensions",): "extensions has to be an object"}


# ---------------------------------------------------------------- writing


def test_a_published_event_says_what_it_is_and_carries_its_trace() -> None:
    event = given_event(extensions={"traceparent": TRACE, "region": "eu"})
    assert structured_attributes(event) == {"content-type": STRUCTURED, "traceparent": TRACE}


def test_bytes_are_written_as_bytes() -> None:
    event = request(b"PNG", "image/png")
    assert json.loads(to_structured(event))["data_base64"] == "UE5H"


def test_the_attributes_of_a_message_that_came_are_not_published() -> None:
    assert "attributes" not in json.loads(to_structured(message(b"{}", {"kind": "paid"})))


# ---------------------------------------------------------------- properties

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
NAMES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(lambda name: name not in CloudEvent.__struct_fields__)
NAMES = NAMES.filter(lambda name: name not in ("specversion", "traceparent", "tracestate"))
STORABLE = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
INTEGERS = st.integers(-(2**63), 2**64 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | STORABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STORABLE, inner, max_size=4),
    max_leaves=12,
)
TIMES = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001


def events(
    data: st.SearchStrategy[tuple[Any, str | None]], extensions: st.SearchStrategy[Any]
) -> st.SearchStrategy[CloudEvent]:
    return st.builds(
        lambda data, **rest: CloudEvent(data=data[0], datacontenttype=data[1], **rest),
        data=data,
        id=TEXT,
        source=TEXT,
        type=TEXT,
        subject=st.none() | TEXT,
        time=st.none() | TIMES,
        dataschema=st.none() | TEXT,
        extensions=st.dictionaries(NAMES, extensions, max_size=3),
    )


ANY_DATA = st.tuples(
    JSON, st.sampled_from([None, "application/json", "application/vnd.x+json", "text/plain"])
) | st.tuples(st.binary(min_size=1).map(lambda raw: b64encode(raw).decode()), st.just("image/png"))
BINARY_DATA = st.tuples(JSON.filter(lambda data: data is not None), st.just("application/json")) | st.tuples(
    STORABLE.filter(bool), st.just("text/plain")
)


@given(events(ANY_DATA, TEXT | st.booleans() | INTEGERS))
def test_what_was_written_in_structured_mode_is_read_as_the_same_event(event: CloudEvent) -> None:
    body, attributes = to_structured(event), structured_attributes(event)
    assert from_pubsub("m-1", NOW, attributes, body, topic="orders") == event
    assert from_pubsub("m-1", NOW, {}, body, topic="orders") == event
    assert plain(attributes, body) == event


@given(events(BINARY_DATA, TEXT))
def test_what_was_sent_in_binary_mode_is_read_as_the_same_event(event: CloudEvent) -> None:
    attributes = {
        f"ce-{name}": value for name, value in event.as_value().items() if name != "data" and value is not None
    }
    attributes["content-type"] = str(attributes.pop("ce-datacontenttype"))
    body = event.data.encode() if event.datacontenttype == "text/plain" else json.dumps(event.data).encode()
    assert from_pubsub("m-1", NOW, attributes, body, topic="orders") == event
    encoded = {name: quote(value) if name.startswith("ce-") else value for name, value in attributes.items()}
    assert plain(encoded, body) == event


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "content-type",
            "Content-Type",
            "ce-specversion",
            "ce-id",
            "ce-time",
            "ce-x",
            "ce-",
            "traceparent",
            "x-goog-pubsub-message-id",
        ]
    )
    | st.text(),
    st.sampled_from(["1.0", STRUCTURED, "application/json", "text/plain", "application/x-www-form-urlencoded", "%ff"])
    | st.text(),
    max_size=5,
)


def outcome(read: Callable[[], object]) -> object:
    """What was read, or why it was refused: anything else that is raised fails the test."""
    try:
        return read()
    except ValidationFailed as refusal:
        return refusal.problems
    except PayloadTooLarge as refusal:
        return refusal.message


@given(HEADERS, st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
@example({"content-type": STRUCTURED}, b'{"datacontenttype": 7, "data_base64": "AA==", "data": null}')
@example({"ce-id": "\ud800"}, b"")
@example({"": "\ud800", "\ud800": ""}, b"{}")
def test_no_bytes_do_anything_but_become_an_event_or_be_refused(headers: dict[str, str], body: bytes) -> None:
    assert msgspec.json.encode(outcome(lambda: from_pubsub("m-1", NOW, headers, body, topic="t")))
    assert msgspec.json.encode(outcome(lambda: plain(headers, body, data_limit=100)))
    assert outcome(lambda: from_push(headers, body))


@given(
    st.dictionaries(
        st.sampled_from([*CloudEvent.__struct_fields__, "specversion"]) | st.text(max_size=3), JSON, max_size=6
    )
)
def test_no_object_does_anything_but_become_an_event_or_be_refused(members: dict[str, Any]) -> None:
    assert msgspec.json.encode(outcome(lambda: from_input(members)))
    assert msgspec.json.encode(outcome(lambda: structured(**members)))
