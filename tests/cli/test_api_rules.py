"""What the operator decides about requests: settings, files, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from engine.settings import LIMITS, ROLES, BadSettings, read_settings
from engine.usecases.caller import Role
from graphql_api.admission.limits import DEFAULT_LIMITS, LIMIT_NAMES
from graphql_api.admission.persisted import sha256_of
from graphql_api.admission.rates import Rate
from graphql_api.admission.rules import Rules
from graphql_api.admission.trusted import BadDocument
from graphql_api.app import create_app
from tests.api.holders import Holders
from weft.api_rules import api_rules
from weft.trusted_documents import BadDocuments, read_documents

TEXT = "{ health { version } }"


def rules(**variables: str) -> Rules:
    return api_rules(read_settings(variables))


def test_names_of_limits_and_roles_are_those_of_the_api() -> None:
    assert sorted(LIMITS) == sorted(LIMIT_NAMES)
    assert sorted(ROLES) == sorted(Role)


def test_without_settings_the_rules_are_the_defaults() -> None:
    assert rules() == Rules()


def test_limits_are_set_by_role(tmp_path: Path) -> None:
    del tmp_path
    given = rules(WEFT_LIMITS="viewer.cost=7, viewer.depth=3,admin.seconds=120")
    assert (given.limits[Role.VIEWER].cost, given.limits[Role.VIEWER].depth) == (7, 3)
    assert given.limits[Role.ADMIN].seconds == 120
    assert given.limits[Role.EDITOR] == DEFAULT_LIMITS[Role.EDITOR]


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("none", set()), ("viewer", {"viewer"}), ("admin, editor,viewer", {"admin", "editor", "viewer"})],
)
def test_introspection_is_set_by_role(text: str, allowed: set[str]) -> None:
    limits = rules(WEFT_INTROSPECTION=text).limits
    assert {role for role in Role if limits[role].introspection} == allowed


def test_rates_are_set_by_role() -> None:
    given = rules(WEFT_RATE="editor=100/s,viewer=600/m,admin=1/h").rates
    assert given == {Role.EDITOR: Rate(100, 1), Role.VIEWER: Rate(600, 60), Role.ADMIN: Rate(1, 3_600)}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("WEFT_LIMITS", "viewer.cost", "has 'viewer.cost'; write role.limit=number"),
        ("WEFT_LIMITS", "viewer.cost=0", "has 'viewer.cost=0'"),
        ("WEFT_LIMITS", "viewer.costs=1", "has 'viewer.costs=1'"),
        ("WEFT_LIMITS", "owner.cost=1", "has 'owner.cost=1'"),
        ("WEFT_LIMITS", "cost=1", "has 'cost=1'"),
        ("WEFT_LIMITS", "viewer.introspection=1", "has 'viewer.introspection=1'"),
        ("WEFT_INTROSPECTION", "owner", "has 'owner'; write roles"),
        ("WEFT_RATE", "editor=0/s", "has 'editor=0/s'"),
        ("WEFT_RATE", "editor=100", "has 'editor=100'; write role=requests/s"),
        ("WEFT_RATE", "100/s", "has '100/s'"),
        ("WEFT_RATE", "anonymous=1/s", "has 'anonymous=1/s'"),
        ("WEFT_ORIGINS", "console.example.com", "has 'console.example.com'; write origins"),
        ("WEFT_ORIGINS", "https://a.example/", "has 'https://a.example/'"),
        ("WEFT_ORIGINS", "*", "has '*'"),
        ("WEFT_DOCUMENTS_ONLY", "viewer", "lets nothing be executed without WEFT_DOCUMENTS"),
    ],
)
def test_what_is_wrong_is_said(name: str, text: str, problem: str) -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings({name: text})
    assert problem in str(refused.value)


def written(directory: Path, content: object) -> Path:
    path = directory / "documents.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_documents_come_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "health.graphql").write_text(TEXT)
    (tmp_path / "kinds.gql").write_text("{ stepKinds { name } }")
    (tmp_path / "README.md").write_text("no document")
    given = rules(WEFT_DOCUMENTS=str(tmp_path), WEFT_DOCUMENTS_ONLY="viewer")
    assert given.trusted == {"health": TEXT, "kinds": "{ stepKinds { name } }"}
    assert given.only_trusted == {Role.VIEWER}


@pytest.mark.parametrize(
    "content",
    [
        {sha256_of(TEXT): TEXT},
        {"a-name": TEXT},
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": sha256_of(TEXT), "body": TEXT}]},
    ],
)  # fmt: skip
def test_documents_come_from_the_lists_that_builds_write(tmp_path: Path, content: object) -> None:
    assert list(read_documents(written(tmp_path, content)).values()) == [TEXT]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "Expecting"),
        ("[]", "neither an object of texts by id nor a manifest"),
        ({"a": 1}, "neither an object of texts by id nor a manifest"),
        ({"operations": [{"id": "a"}]}, "an operation of the manifest has an `id` and a `body`"),
        ({}, "there is no document"),
        ({sha256_of("other"): TEXT}, "is not the sha256 of its text"),
    ],
)
def test_a_file_of_documents_that_is_wrong_is_refused(tmp_path: Path, content: object, problem: str) -> None:
    with pytest.raises(BadDocuments, match=r"documents\.json: ") as refused:
        read_documents(written(tmp_path, content))
    assert problem in str(refused.value)


def test_documents_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDocuments, match="cannot be read"):
        read_documents(tmp_path / "nothing.json")


def test_a_trusted_document_that_is_not_valid_keeps_the_server_from_starting(tmp_path: Path) -> None:
    runtime = Holders(tmp_path).runtime
    with pytest.raises(BadDocument) as refused:
        create_app(runtime, rules=Rules(trusted={"good": TEXT, "bad": "{ helth }", "worse": "{"}))
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["the document bad", "the document worse"]
