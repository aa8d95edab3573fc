"""The list of tokens, read strictly."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.domain.errors import ValidationFailed
from weft.token_file import BadTokenFile, TokenFile
from weft.tokens import read_tokens

GOOD = {"name": "ci", "tenant": "acme", "role": "editor", "sha256": "0" * 64}


def problems(*entries: Any) -> list[tuple[tuple[str, ...], str]]:
    with pytest.raises(ValidationFailed) as refused:
        read_tokens(json.dumps({"tokens": entries}))
    return [(problem.path, problem.message) for problem in refused.value.problems]


WRONG: dict[str, list[Any]] = {
    "tenant": ["", "Acme", "a/b", "..", ".", "__a__", "a_b", "-a", "a-", "ä", "a" * 64, 1, None],
    "name": ["", " ", "a b", "a\nb", "-a", "ä", "a" * 101, 1, None, []],
    "role": ["", "Editor", "owner", None, 1, {}],
    "sha256": ["", "0" * 63, "0" * 65, "g" * 64, 0, None, ["0" * 64]],
    "expires_at": ["", "2027", "2027-01-01", "2027-01-01T00:00:00", "2027-13-01T00:00:00Z", 2027, None, "2027-W01-1"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_field_that_is_wrong_is_refused_where_it_stands(field: str, value: Any) -> None:
    ((path, message),) = problems(GOOD, GOOD | {"sha256": "1" * 64, field: value})
    assert path == ("tokens", "1", field)
    assert message


@pytest.mark.parametrize("field", GOOD)
def test_every_field_but_the_end_is_needed(field: str) -> None:
    entry = {name: value for name, value in GOOD.items() if name != field}
    assert problems(entry) == [(("tokens", "0"), f"{field} is missing")]


def test_what_is_unknown_is_refused() -> None:
    (found,) = problems(GOOD | {"expires": "2027-01-01T00:00:00Z"})
    assert found[0] == ("tokens", "0", "expires")


def test_all_problems_come_at_once() -> None:
    assert len(problems({"name": "", "tenant": "", "role": "", "sha256": "", "expires_at": "", "more": 1}, 1)) == 7


def test_a_token_stands_there_once_however_its_digest_is_written() -> None:
    twice = problems(GOOD | {"sha256": "a" * 64}, GOOD, GOOD | {"sha256": "A" * 64})
    assert twice == [(("tokens", "2", "sha256"), "this sha256 stands in tokens[0] too")]


def test_one_name_may_have_several_tokens_while_one_replaces_the_other() -> None:
    assert len(read_tokens(json.dumps({"tokens": [GOOD, GOOD | {"sha256": "1" * 64}]}))) == 2


@pytest.mark.parametrize(
    "text", ["", "\n# nothing\n", "[]", "tokens:", "tokens: {}", "a: 1", "tokens: [", "tokens: []\ntokens: []"]
)
def test_what_is_no_list_of_tokens_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        read_tokens(text)


def test_what_may_be_a_token_put_there_by_mistake_is_not_repeated() -> None:
    assert "weft_secret" not in str(problems(GOOD | {"sha256": "weft_secret"}))


@pytest.mark.parametrize("text", ["2027-01-31T09:30:00Z", "2027-01-31t09:30:00z", "2027-01-31T10:30:00.000+01:00"])
def test_the_end_is_rfc_3339_in_quotes_or_not(text: str) -> None:
    written = f"tokens: [{{name: a, tenant: a, role: viewer, sha256: {'ab' * 32}, expires_at: {text}}}]"
    (token,) = read_tokens(written).values()
    assert token.expires_at == datetime(2027, 1, 31, 9, 30, tzinfo=UTC)


def test_a_server_is_not_started_for_nobody(tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text("tokens: []")
    with pytest.raises(BadTokenFile, match="there is no token, so nobody could call"):
        TokenFile(file)
