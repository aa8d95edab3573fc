import pytest

from engine.domain.errors import NotFound
from engine.secrets.environment import EnvironmentSecrets
from engine.secrets.port import redact, redact_value


async def test_a_secret_is_found_by_name_in_any_case() -> None:
    secrets = EnvironmentSecrets({"CRM": "hunter2"})
    assert await secrets.get("local", "crm") == "hunter2"


async def test_a_missing_secret_says_what_to_set() -> None:
    with pytest.raises(NotFound, match="set WEFT_SECRET_CRM"):
        await EnvironmentSecrets({}).get("local", "crm")


def test_a_secret_inside_another_leaves_no_tail() -> None:
    assert redact("key=abcdefgh", ["abcd", "abcdefgh"]) == "key=[secret]"


def test_short_secrets_do_not_garble_the_text() -> None:
    assert redact("no news", ["no", ""]) == "no news"


def test_every_string_of_a_value_is_redacted() -> None:
    value = {"a hunter2": ["hunter2", 1, None, {"b": "x hunter2"}]}
    assert redact_value(value, ["hunter2"]) == {"a [secret]": ["[secret]", 1, None, {"b": "x [secret]"}]}
