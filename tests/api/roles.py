"""The same API for each role: `api` asks as whoever is set, as local mode has nobody but the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from graphql_api.context import LOCAL_OWNER, Credentials, Identity
from tests.api.client import EngineRuntime
from tests.api.probe import ProbeRuntime


class RoleRuntime(ProbeRuntime):
    """Callers name their role, or `role name`, or `role name tenant`, as their token."""

    async def identify(self, credentials: Credentials) -> Identity:
        self.seen.append(credentials.authorization)
        role, name, tenant, *_ = [*(credentials.authorization or "admin").split(), "someone", "acme"]
        return Identity(caller=Caller(tenant=TenantId(tenant), principal=name, role=Role(role)))


@contextmanager
def as_role(runtime: EngineRuntime, role: Role) -> Iterator[None]:
    runtime.caller = Caller(tenant=LOCAL_OWNER.tenant, principal="someone", role=role)
    try:
        yield
    finally:
        runtime.caller = LOCAL_OWNER


def only_error(answer: dict[str, Any] | httpx.Response) -> dict[str, Any]:
    given = answer.json() if isinstance(answer, httpx.Response) else answer
    (error,) = given["errors"]
    assert isinstance(error, dict)
    return error


def code(answer: dict[str, Any] | httpx.Response) -> str:
    return str(only_error(answer)["extensions"]["code"])
