"""The rules of the API, out of the settings."""

from engine.settings import Settings
from engine.usecases.caller import Role
from graphql_api.admission.limits import DEFAULT_LIMITS, changed
from graphql_api.admission.rates import Rate
from graphql_api.admission.rules import Rules
from weft.trusted_documents import read_documents


def api_rules(settings: Settings) -> Rules:
    """Raises `BadDocuments`. Reads files."""
    return Rules(
        limits=changed(DEFAULT_LIMITS, settings.limits, settings.introspection),
        rates={Role(role): Rate(*rate) for role, rate in settings.rates.items()},
        trusted=read_documents(settings.documents) if settings.documents else {},
        only_trusted=frozenset(Role(role) for role in settings.documents_only or ()),
        origins=settings.origins,
    )
