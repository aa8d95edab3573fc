"""What the API needs of the process around it, and what every operation carries along."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

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


class Unauthenticated(Exception):  # the ports' own refusal; an error of the engine has another root
    """Nobody is known by these credentials. `shown` tells whether there was a token at all; why one does not count is
    not told, so that an expired token, a withdrawn one and one that never was look alike.
    """

    def __init__(self, *, shown: bool) -> None:
        super().__init__("The token is not valid" if shown else "A bearer token is required")
        self.shown = shown


WhileValid = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""Makes a context in which what it is given is called, at most once and on the event loop, when something ends; at once if
it has ended already.
"""


def for_ever(on_end: Callable[[], object]) -> AbstractContextManager[None]:
    """A `WhileValid` of what never ends."""
    del on_end
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls, and how long that holds: it ends when what was shown expires, is withdrawn, or means another caller."""

    caller: Caller
    while_valid: WhileValid = for_ever


class Runtime(Protocol):
    """The process that serves the API."""

    @property
    def services(self) -> Services: ...

    @property
    def local(self) -> bool:
        """Everybody who can connect is the owner. GraphiQL is served then, and requests that a foreign web page could
        have made are refused.
        """

    async def identify(self, credentials: Credentials) -> Identity:
        """Asked once for every HTTP request and every socket, before anything of it is read. Raises `Unauthenticated`."""


LOCAL_OWNER = Caller(tenant=TenantId("local"), principal="local", role=Role.ADMIN)


@dataclass(kw_only=True)
class Position:
    """How far a stream has come, as far as its transport can tell the client: `after` is where a reconnecting one
    resumes, `seq` belongs to the event that was sent last (None if that was ephemeral, or the stream has no seqs).
    `subject` names what that event is about, where the newest event about it is as good as all of them (None where it is not).
    """

    after: int = 0
    seq: int | None = None
    subject: str | None = None


@dataclass(kw_only=True)
class Context:
    """One operation of one caller; `extensions` are those of its request."""

    services: Services
    caller: Caller
    position: Position = field(default_factory=Position)
    extensions: Mapping[str, Any] = field(default_factory=dict)

    def renewed(self) -> "Context":
        """The same with fresh loaders: for the next event of a subscription, whose fields must not see what an earlier
        one read.
        """
        return replace(self)

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.services, self.caller)


Info = strawberry.Info[Context, None]
