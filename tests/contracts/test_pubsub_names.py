"""Names, attributes and filters: the emulator takes anything, the service does not."""

import pytest

from engine.bus.pubsub.names import check_topic, checked_attributes, checked_size, listener_filter
from engine.domain.errors import BadRequest


@pytest.mark.parametrize("topic", ["weft.events", "abc", "a~%+-_.9"])
def test_a_topic_that_the_service_takes_passes(topic: str) -> None:
    check_topic(topic)


@pytest.mark.parametrize("topic", ["", "ab", "1abc", "google.events", "a/b", "a b c", "x" * 256, "weft.events\n"])
def test_a_topic_that_the_service_refuses_is_refused(topic: str) -> None:
    with pytest.raises(BadRequest, match="cannot name a topic"):
        check_topic(topic)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"": "x"}, "'' cannot name an attribute"),
        ({"googclient": "x"}, "'googclient' cannot name an attribute"),
        ({"é" * 129: "x"}, "cannot name an attribute"),
        ({"key": "é" * 513}, "'key' has 1026 bytes; at most 1024"),
        ({str(n): "x" for n in range(100)}, "100 attributes; a message has at most 99"),
    ],
)
def test_attributes_that_the_service_refuses_are_refused(attributes: dict[str, str], told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        checked_attributes(attributes)


def test_attributes_up_to_the_limits_pass_and_count_towards_the_size() -> None:
    attributes = {"k" * 256: "é" * 512, **{str(n): "" for n in range(98)}}
    assert checked_size(b"12345", attributes) == 5 + 256 + 1024 + sum(len(str(n)) for n in range(98))


def test_a_filter_keeps_out_the_messages_of_this_process() -> None:
    assert listener_filter({}, "o1") == 'NOT attributes.weft-origin = "o1"'


def test_a_filter_asks_for_every_attribute_in_the_services_own_words() -> None:
    found = listener_filter({"owner": 'a"b\\c', "a.b/c": "x"}, "o1")
    assert found == (
        'NOT attributes.weft-origin = "o1" AND attributes.owner = "a\\"b\\\\c" AND attributes."a.b/c" = "x"'
    )


def test_a_filter_that_grows_too_long_says_less_and_the_rest_is_checked_on_arrival() -> None:
    assert (
        listener_filter({"a": "x" * 300, "b": "y"}, "o1") == 'NOT attributes.weft-origin = "o1" AND attributes.b = "y"'
    )
