"""The interpreter, the parts of the modules, the rules of the API, and the tokens."""

import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from engine.bootstrap import open_engine
from engine.executors.catalogue import DuplicateKind
from engine.executors.parts import PartsRefused
from engine.settings import BadSettings, Settings
from graphql_api.admission.trusted import BadDocument
from graphql_api.app import known_documents
from weft.api_rules import api_rules
from weft.cli.configuration import embedded
from weft.cli.diagnosis.finding import Finding, bad, good, warning
from weft.token_file import BadTokenFile, TokenFile
from weft.trusted_documents import BadDocuments

_NEEDED_PYTHON = (3, 11)


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _NEEDED_PYTHON:
        return bad("python", f"{found} at {sys.executable}", "install weft with Python 3.11 or newer")
    return good("python", f"{found}, weft {version('weft')}")


async def parts(settings: Settings) -> Finding:
    """Whether an engine comes up with these modules, scripts and prices: an embedded one with a store of its own, that runs nothing."""
    try:
        with tempfile.TemporaryDirectory(prefix="weft-") as directory:
            async with open_engine(embedded(settings, Path(directory))) as engine:
                kinds, functions = len(engine.services.kinds), len(engine.functions)
    except (PartsRefused, DuplicateKind) as error:
        return bad("modules", str(error), "correct the module, or WEFT_MODULES; it is searched in this directory too")
    except BadSettings as error:
        return bad("modules", str(error), "correct the file, or the setting that names it")
    return good("modules", f"{', '.join(settings.modules) or 'none'}: {functions} functions, {kinds} step kinds")


def rules(settings: Settings) -> Finding:
    """Whether the trusted documents are valid and within the limits, which a server looks at before it answers."""
    try:
        found = api_rules(settings)
        known_documents(found)
    except (BadDocuments, BadDocument) as error:
        return bad(
            "documents", "; ".join(error.problems), "correct the documents, or WEFT_DOCUMENTS; see docs/api-limits.md"
        )
    return good("documents", f"{settings.documents}: {len(found.trusted)}" if settings.documents else "none")


def tokens(path: Path) -> Finding:
    try:
        found = TokenFile(path).tokens.values()
    except BadTokenFile as error:
        return bad("tokens", str(error), "correct the file; `weft token new` prints an entry as it should be")
    ended = sum(not token.valid(datetime.now(UTC)) for token in found)
    if ended:
        return warning("tokens", f"{path}: {ended} of {len(found)} have expired", "replace them, or take them out")
    return good("tokens", f"{path}: {len(found)}")
