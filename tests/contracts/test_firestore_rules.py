"""The security rules: nobody but Weft's own processes, which come with credentials, reads or writes anything."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from engine.storage.firestore.index_files import DIRECTORY
from tests.emulators import Emulators, project_id

OWNER = {"Authorization": "Bearer owner"}
"""What the emulator takes for IAM credentials."""
DOCUMENT = "tenants/t/executions/ex_1"


class Project:
    """One of its own in the emulator, with the committed rules or (`open`) the emulator's, which allow everything."""

    def __init__(self, emulator: str) -> None:
        self._emulator = emulator
        self._id = project_id()

    def load_rules(self) -> None:
        content = (DIRECTORY / "firestore.rules").read_text(encoding="utf-8")
        rules = {"rules": {"files": [{"name": "firestore.rules", "content": content}]}}
        self._answer("PUT", f"emulator/v1/projects/{self._id}:securityRules", rules, {})

    def status(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> str:
        """`OK`, or Firestore's word for why not."""
        try:
            self._answer(method, f"v1/projects/{self._id}/databases/(default)/documents{path}", body, headers or {})
        except HTTPError as error:
            answer = json.loads(error.read())
            (first,) = answer if isinstance(answer, list) else [answer]
            return str(first["error"]["status"])
        return "OK"

    def _answer(self, method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        data = None if body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/json", **headers}
        with urlopen(Request(f"http://{self._emulator}/{path}", data, typed, method=method), timeout=30) as answer:
            answer.read()


@pytest.fixture
def project(emulators: Emulators) -> Project:
    return Project(emulators.firestore)


REQUESTS = [
    pytest.param("PATCH", f"/{DOCUMENT}", {"fields": {"n": {"integerValue": "1"}}}, id="write"),
    pytest.param("GET", f"/{DOCUMENT}", None, id="get"),
    pytest.param("GET", "/tenants/t/executions", None, id="list"),
    pytest.param("DELETE", f"/{DOCUMENT}", None, id="delete"),
    pytest.param(
        "POST",
        ":runQuery",
        {"structuredQuery": {"from": [{"collectionId": "executions", "allDescendants": True}]}},
        id="query over all tenants",
    ),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_a_client_without_credentials_is_refused(project: Project, method: str, path: str, body: Any) -> None:
    write = {"fields": {"n": {"integerValue": "1"}}}
    assert project.status("PATCH", f"/{DOCUMENT}", write) == "OK"
    assert project.status(method, path, body) == "OK"
    project.load_rules()
    assert project.status("PATCH", f"/{DOCUMENT}", write, OWNER) == "OK"
    assert project.status(method, path, body) == "PERMISSION_DENIED"
    assert project.status(method, path, body, OWNER) == "OK"
