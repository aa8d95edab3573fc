"""A server that asks who is calling: by bearer tokens out of a file."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

from engine.usecases.caller import Caller
from engine.usecases.services import Services
from graphql_api.context import Credentials, Identity, Unauthenticated
from weft.token_file import BadTokenFile, TokenFile
from weft.tokens import digest_of

LOOK_EVERY_SECONDS = 1.0
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,512}={0,2}")
_log = logging.getLogger(__name__)

_Shown = tuple[bytes, Caller]
"""The digest of a token, and whom it stood for when it was shown."""


class TokenRuntime:
    """Tokens are looked up by their sha256. That needs no comparison in constant time: how long a look-up takes can tell
    something about stored digests at most, and nobody can make a token for a digest, or for the beginning of a long one.
    """

    local: bool = False

    def __init__(self, services: Services, file: TokenFile) -> None:
        self.services = services
        self._file = file
        self._watched: dict[_Shown, dict[object, Callable[[], object]]] = {}
        self._complaint = ""

    async def identify(self, credentials: Credentials) -> Identity:
        scheme, _, shown = (credentials.authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not shown:
            raise Unauthenticated(shown=False)
        token = shown.strip()
        digest = digest_of(token) if _TOKEN.fullmatch(token) else b""
        caller = self._caller(digest)
        if caller is None:
            raise Unauthenticated(shown=True)
        return Identity(caller=caller, while_valid=partial(self._while_valid, (digest, caller)))

    def reread(self) -> None:
        """Reads the file if it has changed. One that is wrong changes nothing, so that a slip of the pen locks nobody out; it is
        complained about once. Blocks.
        """
        try:
            changed = self._file.refresh()
        except BadTokenFile as error:
            complaint = "\n".join(error.problems)
            if complaint != self._complaint:
                _log.error("the tokens stay as they were:\n%s", complaint)
            self._complaint = complaint
            return
        self._complaint = ""
        if changed:
            _log.info("%s was read again: %d tokens", self._file.path, len(self._file.tokens))

    def end_invalid(self) -> None:
        """Ends the streams of whoever's token has expired, was withdrawn, or stands for somebody else by now."""
        for shown in [shown for shown in self._watched if self._caller(shown[0]) != shown[1]]:
            self._end(shown)

    def _caller(self, digest: bytes) -> Caller | None:
        token = self._file.tokens.get(digest)
        return token.caller if token and token.valid(self.services.clock()) else None

    @contextmanager
    def _while_valid(self, shown: _Shown, on_end: Callable[[], object]) -> Iterator[None]:
        """Kept by token, so that the look once a second costs the same however many streams a token has open."""
        place = object()
        self._watched.setdefault(shown, {})[place] = on_end
        if self._caller(shown[0]) != shown[1]:
            self._end(shown)
        try:
            yield
        finally:
            places = self._watched.get(shown, {})
            places.pop(place, None)
            if not places:
                self._watched.pop(shown, None)

    def _end(self, shown: _Shown) -> None:
        places, caller = self._watched.pop(shown), shown[1]
        _log.info("the token %s of %s is no longer valid: %d streams end", caller.principal, caller.tenant, len(places))
        for on_end in places.values():
            on_end()


@asynccontextmanager
async def token_runtime(
    services: Services, file: TokenFile, *, look_every_seconds: float = LOOK_EVERY_SECONDS
) -> AsyncIterator[TokenRuntime]:
    """Looks at the file and at what has expired while it is open."""
    runtime = TokenRuntime(services, file)
    keeping = asyncio.create_task(_keep_current(runtime, look_every_seconds))
    try:
        yield runtime
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _keep_current(runtime: TokenRuntime, look_every_seconds: float) -> None:
    """Reads in a thread of its own: the shared ones may all be busy with what users wrote."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="weft-tokens") as thread:
        while True:
            await asyncio.sleep(look_every_seconds)
            await loop.run_in_executor(thread, runtime.reread)
            runtime.end_invalid()
