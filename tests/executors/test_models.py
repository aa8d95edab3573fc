"""Resolving `provider:model`, and what is said when that is not possible."""

import subprocess
import sys

import pytest

from engine.domain.failure import Failure
from engine.executors.model_errors import translated
from engine.executors.models import ModelCatalogue, ModelOptions
from engine.executors.port import StepFailure
from engine.executors.script import parse_scripts


async def failure_of(name: str, models: ModelCatalogue) -> Failure:
    with pytest.raises(StepFailure) as raised:
        await models.model(name, ModelOptions())
    assert not raised.value.failure.retryable
    return raised.value.failure


async def test_a_provider_without_its_package_says_what_to_install() -> None:
    failure = await failure_of("anthropic:claude-opus", ModelCatalogue())
    assert failure.code == "unknown_model_provider"
    assert "pip install langchain-anthropic" in failure.message


async def test_a_provider_of_ours_names_our_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    failure = await failure_of("openai:gpt-5-mini", ModelCatalogue())
    assert failure.code == "unknown_model_provider"
    assert "pip install 'weft[openai]'" in failure.message


async def test_a_provider_that_does_not_exist_is_named() -> None:
    failure = await failure_of("opneai:gpt-5", ModelCatalogue())
    assert (failure.code, "'opneai'" in failure.message) == ("unknown_model_provider", True)


@pytest.mark.parametrize("name", ["gpt-5", "openai:", ""])
async def test_a_name_without_provider_or_model_is_refused_rather_than_guessed(name: str) -> None:
    assert (await failure_of(name, ModelCatalogue())).code == "unknown_model_provider"


async def test_a_missing_key_is_told_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    failure = await failure_of("openai:gpt-5-mini", ModelCatalogue())
    assert failure.code == "authentication_failed"
    assert "OPENAI_API_KEY" in failure.message


async def test_an_unknown_script_names_those_there_are() -> None:
    models = ModelCatalogue(parse_scripts("models: {a: {replies: [{reply: x}]}, b: {replies: [{reply: x}]}}"))
    failure = await failure_of("scripted:c", models)
    assert failure.code == "model_not_found"
    assert "a, b" in failure.message


async def test_a_model_is_built_once_for_equal_options() -> None:
    models = ModelCatalogue(provider_options={"openai": {"api_key": "test"}})
    first = await models.model("openai:gpt-4o", ModelOptions(max_tokens=5))
    assert await models.model("openai:gpt-4o", ModelOptions(max_tokens=5)) is first
    assert await models.model("openai:gpt-4o", ModelOptions(max_tokens=6)) is not first
    await models.close()
    await models.close()


class ServiceUnavailable(Exception):
    pass


class ApiError(Exception):
    def __init__(self, code: object, message: str = "") -> None:
        super().__init__(message)
        self.code = code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError(), "model_timeout"),
        (ConnectionResetError(), "model_unavailable"),
        (ServiceUnavailable(), "model_unavailable"),
        (ApiError(429), "rate_limited"),
        (ApiError(400, "prompt is too long: 9 > 8 tokens"), "context_too_long"),
        (ApiError(400, "blocked by content management policy"), "content_filtered"),
        (ApiError(418), "bad_request"),
        (ApiError("invalid"), "model_failed"),
        (RuntimeError("?"), "model_failed"),
    ],
)
def test_errors_of_any_provider_get_a_stable_code(error: Exception, code: str) -> None:
    assert translated(error, "any:model", streaming=False).failure.code == code


def test_a_server_that_calls_no_model_imports_no_provider_and_no_chat_model() -> None:
    heavy = ["langchain.chat_models", "openai", "mcp", "langchain_core.language_models.chat_models"]
    code = (
        "import sys, engine.executors.llm, engine.executors.agent;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
