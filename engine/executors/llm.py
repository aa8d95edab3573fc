"""`llm`: one reply of a model."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from engine.domain.durations import Duration
from engine.executors.late import LLM_RUN, Late
from engine.executors.model_caller import ModelCaller
from engine.executors.model_with import ModelWith
from engine.executors.port import Executor, Result, StepContext
from engine.executors.tools import ToolDefinition

if TYPE_CHECKING:
    from engine.executors.llm_run import LlmRun
    from engine.executors.model_cache import ModelCache


class LlmWith(ModelWith):
    tools: tuple[ToolDefinition, ...] = Field(
        default=(),
        description="Tools that the model may ask for; the output is then {text, tool_calls}. None is called.",
    )
    cache_ttl: Duration | None = Field(
        default=None, description="How long the reply is given again to the same question."
    )

    @model_validator(mode="after")
    def _one_kind_of_answer(self) -> "LlmWith":
        if self.tools and self.output_schema is not None:
            raise ValueError("`tools` and `output_schema` exclude each other here; the kind agent takes both")
        return self


class Llm(Executor):
    """Tokens are streamed as deltas. A reply from the cache costs nothing, and is neither streamed nor counted."""

    name: ClassVar[str] = "llm"
    description: ClassVar[str] = (
        "Asks a language model once; its output is the text, or an object that fits output_schema."
    )
    With = LlmWith

    def __init__(self, caller: ModelCaller, cache: "ModelCache") -> None:
        self._late: Late[LlmRun] = Late(LLM_RUN, lambda module: module.LlmRun(caller, cache))

    async def run(self, step: StepContext) -> Result:
        return await (await self._late.get()).run(step)
