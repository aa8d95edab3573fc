"""Secrets out of Google Secret Manager: with the prefix `weft`, `secrets.crm` of the tenant `acme` is the secret `weft-acme-crm`.

One tenant never reaches another's secrets: a prefix has no hyphen and a name has none, so of an id the part up to the first
hyphen is the prefix, the part behind the last one the name, and all between them the tenant, however many hyphens it has. A
tenant without the secret gets `NotFound`; there is nothing that it falls back to.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import google.auth
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient

from engine.domain.errors import InvalidState, NotFound, PermissionDenied, Unavailable, WeftError
from engine.secrets.port import SecretSource

KEPT_SECONDS = 60.0
"""How long a value is used before it is asked for again: a rotated secret is in use a minute later, and a busy workflow does not
pay for, and wait for, one access a step.
"""
_MOST_KEPT = 1_000
_TIMEOUT_SECONDS = 5.0

_NAME = re.compile(r"[A-Za-z0-9_]{1,128}")
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,100}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str
    until: float


class SecretManagerSecrets(SecretSource):
    """The newest version of each secret counts. Nothing is asked for before a step needs it."""

    def __init__(
        self,
        client: SecretManagerServiceAsyncClient,
        project: str,
        prefix: str,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._project = project
        self._prefix = prefix
        self._now = now
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[str]] = {}

    @classmethod
    async def open(cls, *, project: str | None, prefix: str) -> Self:
        """With the process's own credentials. Raises `Unavailable` where there are none, or no project."""
        try:
            # In a thread: it reads files and may ask a metadata server.
            credentials, own = await asyncio.to_thread(google.auth.default)
        except GoogleAuthError as error:
            raise Unavailable(
                "no Google Cloud credentials for Secret Manager: run `gcloud auth application-default login`, run with a service "
                "account, or set WEFT_SECRETS=environment"
            ) from error
        if not (project or own):
            raise Unavailable("no Google Cloud project for Secret Manager: set GOOGLE_CLOUD_PROJECT to the id of one")
        return cls(SecretManagerServiceAsyncClient(credentials=credentials), str(project or own), prefix)

    async def get(self, tenant: str, name: str) -> str:
        """Raises `NotFound`, `PermissionDenied`, `InvalidState` (it is not text), `Unavailable`."""
        secret = self._secret_id(tenant, name)
        kept = self._kept.get(secret)
        if kept is not None and self._now() < kept.until:
            return kept.value
        # Steps that begin together ask once. A caller that is cancelled leaves the answer to the others.
        asking = self._asking.get(secret)
        if asking is None:
            asking = self._asking[secret] = asyncio.create_task(self._ask(secret, name))
            asking.add_done_callback(lambda task: self._answered(secret, task))
        return await asyncio.shield(asking)

    async def close(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._client.transport.close()  # type: ignore[no-untyped-call]  # generated without types

    def _secret_id(self, tenant: str, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise NotFound(f"there is no secret {name[:128]!r}: its name may have letters, digits and underscores")
        if not _TENANT.fullmatch(tenant):
            raise NotFound(f"the tenant {tenant[:100]!r} has no secrets: no secret can be named for it")
        return f"{self._prefix}-{tenant}-{name}"

    async def _ask(self, secret: str, name: str) -> str:
        version = f"projects/{self._project}/secrets/{secret}/versions/latest"
        try:
            # One try: a step that meets `Unavailable` is tried again by the engine, which waits longer each time.
            answer = await self._client.access_secret_version(name=version, retry=None, timeout=_TIMEOUT_SECONDS)
        except (exceptions.GoogleAPICallError, GoogleAuthError) as error:
            # Google's words name the project and the account: they are for the operator, not for whoever reads the step's failure.
            _log.warning("the secret %s cannot be read: %s", secret, error)
            raise _translated(error, secret, name) from error
        try:
            return answer.payload.data.decode()
        except UnicodeDecodeError:
            # Not `from`: the exception quotes the bytes.
            raise InvalidState(f"the secret {name!r} is not text in UTF-8") from None

    def _answered(self, secret: str, task: "asyncio.Task[str]") -> None:
        del self._asking[secret]
        if task.cancelled() or task.exception() is not None:
            return
        self._kept.pop(secret, None)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[secret] = _Kept(task.result(), self._now() + KEPT_SECONDS)


def _translated(error: Exception, secret: str, name: str) -> WeftError:
    match error:
        case exceptions.NotFound():
            return NotFound(f"there is no secret {name!r}; create it in Secret Manager as {secret}")
        case exceptions.FailedPrecondition():
            return NotFound(f"the newest version of the secret {name!r} is disabled or destroyed: add one to {secret}")
        case exceptions.PermissionDenied() | exceptions.Forbidden():
            # So says Google of a secret that does not exist, too, to an account that may not see the project's others.
            return PermissionDenied(
                f"the secret {name!r} cannot be read: {secret} does not exist in Secret Manager, or the worker's service account lacks "
                "roles/secretmanager.secretAccessor on it"
            )
        case exceptions.ResourceExhausted():
            return Unavailable("the project's quota of Secret Manager is used up")
        case exceptions.Unauthenticated() | GoogleAuthError():
            return Unavailable("Secret Manager does not accept the worker's credentials")
    return Unavailable("Secret Manager does not answer")
