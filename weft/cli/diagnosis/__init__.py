"""What `weft doctor` looks at. It changes nothing: no execution is started or taken over."""

from collections.abc import AsyncIterator, Mapping

from weft.cli.configuration import configured
from weft.cli.diagnosis.data_directory import data_directory, embedded_store, space
from weft.cli.diagnosis.finding import Finding, Verdict, bad, good
from weft.cli.diagnosis.firestore import database
from weft.cli.diagnosis.installation import parts, python, rules, tokens
from weft.cli.diagnosis.pubsub import topics
from weft.cli.diagnosis.server import address, running_server
from weft.cli.exit_codes import CommandFailed

__all__ = ["Finding", "Verdict", "diagnose"]


async def diagnose(environment: Mapping[str, str]) -> AsyncIterator[Finding]:
    """One finding after the other; those that need valid settings only if they are."""
    yield python()
    try:
        settings = configured()
    except CommandFailed as error:
        for problem in error.message.splitlines():
            yield bad("settings", problem, "correct it or unset it; the README lists every name")
        return
    names = sorted(name for name in environment if name.startswith("WEFT_"))
    yield good("settings", ", ".join(names) or "all defaults")
    running = await running_server(environment)
    if settings.store == "sqlite":
        yield data_directory(settings)
        yield space(settings)
        yield await embedded_store(settings, running=running is not None)
    else:
        async for finding in database(settings):
            yield finding
    if settings.bus == "local":
        yield good("bus", "in this process")
    else:
        async for finding in topics(settings):
            yield finding
    if settings.auth == "token" and settings.tokens_file is not None:
        yield tokens(settings.tokens_file)
    if settings.documents is not None:
        yield rules(settings)
    yield await parts(settings)
    yield running or address(settings)
