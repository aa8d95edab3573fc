"""What the API needs of the process around it, and what every operation carries along."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import strawberry

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from engine.usecases.services import Services
from graphql_api.loaders import Loaders


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a connection shows of who it is: the `Authorization` header, or the same member of a socket's
    `connection_init`.
    """

    authorization: str | None


class Runtime(Protocol):
    """The process that serves the API."""

    @property
    def services(self) -> Services: ...

    @property
    def local(self) -> bool:
        """Everybody who can connect is the owner. GraphiQL is served then, and requests that a foreign web page could
        have made are refused.
        """

    async def identify(self, credentials: Credentials) -> Caller:
        """Asked once for every HTTP request and every socket."""


LOCAL_OWNER = Caller(tenant=TenantId("local"), principal="local", role=Role.ADMIN)


@dataclass(kw_only=True)
class Position:
    """How far a stream has come, as far as its transport can tell the client: `after` is where a reconnecting one
    resumes, `seq` belongs to the event that was sent last (None if that was ephemeral, or the stream has no seqs).
    """

    after: int = 0
    seq: int | None = None


@dataclass(kw_only=True)
class Context:
    """One operation of one caller."""

    services: Services
    caller: Caller
    position: Position = field(default_factory=Position)

    def renewed(self) -> "Context":
        """The same with fresh loaders: for the next event of a subscription, whose fields must not see what an earlier
        one read.
        """
        return Context(services=self.services, caller=self.caller, position=self.position)

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.services, self.caller)


Info = strawberry.Info[Context, None]
