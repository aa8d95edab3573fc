"""Where Pub/Sub may push to, and whom it has to prove to be."""

from engine.bootstrap.google_clients import google_clients
from engine.settings import Settings
from engine.usecases.services import Services
from triggers.push_endpoint import PushEndpoint, Tokens, Unverified


def push_endpoint(services: Services, settings: Settings) -> PushEndpoint | None:
    """None where nobody may push. Raises `BadSettings` where what checks tokens is not installed."""
    tokens = _tokens(settings)
    return PushEndpoint(services, tokens) if tokens else None


def _tokens(settings: Settings) -> Tokens | None:
    if settings.push_verify == "off":
        return Unverified()
    if settings.push_email is None:
        return None
    with google_clients("WEFT_PUSH_EMAIL"):
        from triggers.push_tokens import PushTokens  # noqa: PLC0415  # it takes some time, and an extra

    return PushTokens(settings.push_audience or settings.reached_at, settings.push_email)
