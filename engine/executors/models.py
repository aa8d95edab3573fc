"""Chat models by `provider:model`."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from engine.executors.late import SCRIPTED_MODEL, Late, importing
from engine.executors.model_failures import model_failure
from engine.executors.port import StepFailure
from engine.executors.script import Script

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from engine.executors.scripted import ScriptedChatModel

SCRIPTED = "scripted"

_CREDENTIALS = re.compile(r"api_key|credential", re.IGNORECASE)
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 600.0
"""Between two pieces of an answer; steps have their own timeouts."""
_KEPT = 64
"""Models that are kept ready: a budget gives almost every call its own `max_tokens`."""
_EXTRAS = {"openai": "openai", "azure_openai": "openai"}
"""Our own extra that brings a provider's package."""
_OPENAI = frozenset({"openai", "azure_openai"})
_WITHOUT_MAX_RETRIES = frozenset({"ollama", "huggingface", "bedrock", "bedrock_converse"})
"""Their clients refuse, or do not know, `max_retries`."""


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a call may vary; None leaves it to the provider."""

    temperature: float | None = None
    max_tokens: int | None = None


class _Clients(msgspec.Struct, frozen=True):
    """HTTP clients of one provider. LangChain builds the unused, synchronous one for every model unless given one; its
    TLS context alone takes 20 ms.
    """

    used: Any
    unused: Any


class ModelCatalogue:
    """Resolves names as LangChain's `init_chat_model` does; keys and base URLs come from the provider's own
    environment variables.

    `scripts` are the `scripted:` models by name. `provider_options` are further arguments for a provider's chat model
    (`base_url`, `api_key`, `stream_usage`, ...), by provider. The clients that were opened are closed by `close`.

    LangChain and the providers' packages are imported at first use (see `late.py`).
    """

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        *,
        provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._scripts = dict(scripts or {})
        self._provider_options = {name: dict(options) for name, options in (provider_options or {}).items()}
        self._ready: OrderedDict[tuple[str, ModelOptions], BaseChatModel] = OrderedDict()
        self._clients: dict[str, _Clients] = {}
        self._building = asyncio.Lock()
        self._scripted_class: Late[type[ScriptedChatModel]] = Late(
            SCRIPTED_MODEL, lambda module: module.ScriptedChatModel
        )

    async def model(self, name: str, options: ModelOptions, *, attempt: int = 1) -> "BaseChatModel":
        """The chat model for `provider:model`. `attempt` is for scripted models alone.

        Raises `StepFailure`: `unknown_model_provider`, `model_not_found` (no such script) or `model_misconfigured`.
        """
        provider, colon, model = name.partition(":")
        if not colon or not model:
            raise model_failure(
                "unknown_model_provider", f"{name!r} is no model: write provider:model, such as openai:gpt-5-mini"
            )
        if provider == SCRIPTED:
            return await self._scripted(model, options, attempt)
        key = (name, options)
        async with self._building:
            if key not in self._ready:
                self._ready[key] = await importing(partial(self._built, provider, model, options))
            self._ready.move_to_end(key)
            while len(self._ready) > _KEPT:
                self._ready.popitem(last=False)
            return self._ready[key]

    async def close(self) -> None:
        """Closes the connections of the clients that this catalogue opened. Idempotent."""
        self._ready.clear()
        while self._clients:
            _, clients = self._clients.popitem()
            await clients.used.aclose()
            clients.unused.close()

    async def _scripted(self, name: str, options: ModelOptions, attempt: int) -> "BaseChatModel":
        script = self._scripts.get(name)
        if script is None:
            known = ", ".join(sorted(self._scripts)) or "none"
            raise model_failure("model_not_found", f"there is no script for scripted:{name}; there are: {known}")
        model = await self._scripted_class.get()
        return model(script=script, attempt=attempt, max_tokens=options.max_tokens)

    def _built(self, provider: str, model: str, options: ModelOptions) -> "BaseChatModel":
        """Runs in a thread."""
        from langchain.chat_models import init_chat_model  # noqa: PLC0415 - see the class

        try:
            arguments = self._arguments(provider) | msgspec.structs.asdict(options)
            given = {name: value for name, value in arguments.items() if value is not None}
            chat: BaseChatModel = init_chat_model(model, model_provider=provider, **given)
        except ImportError as error:
            raise model_failure("unknown_model_provider", _how_to_install(provider, error)) from error
        except Exception as error:
            raise _misbuilt(provider, error) from error
        return chat

    def _arguments(self, provider: str) -> dict[str, Any]:
        arguments: dict[str, Any] = {} if provider in _WITHOUT_MAX_RETRIES else {"max_retries": 0}
        if provider in _OPENAI:
            arguments |= self._openai_arguments(provider)
        return arguments | self._provider_options.get(provider, {})

    def _openai_arguments(self, provider: str) -> dict[str, Any]:
        """LangChain would share one HTTP client among all event loops of the process and never close it, leave usage
        out with any base URL but OpenAI's, and wait for a connection without end.
        """
        import openai  # noqa: PLC0415 - see the class

        if provider not in self._clients:
            self._clients[provider] = _Clients(openai.DefaultAsyncHttpxClient(), openai.DefaultHttpxClient())
        clients = self._clients[provider]
        return {
            "http_async_client": clients.used,
            "http_client": clients.unused,
            "stream_usage": True,
            "timeout": openai.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
        }


def _how_to_install(provider: str, error: ImportError) -> str:
    extra = _EXTRAS.get(provider)
    hint = f"install it with `pip install 'weft[{extra}]'`" if extra else str(error)
    return f"the package for the model provider {provider!r} is not installed: {hint}"


def _misbuilt(provider: str, error: Exception) -> StepFailure:
    message = str(error)
    if message.startswith("Unsupported provider"):
        return model_failure(
            "unknown_model_provider", f"there is no model provider {provider!r}", {"langchain": message}
        )
    code = "authentication_failed" if _CREDENTIALS.search(message) else "model_misconfigured"
    return model_failure(code, f"the client of {provider!r} cannot be built: {message}")
