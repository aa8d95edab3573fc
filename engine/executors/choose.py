"""The part of `decide` that leaves the choice to a model: between what, and which model."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from engine.domain.definition import Model
from engine.executors.model_with import MODEL_NAME, ModelName


class ChoosingModel(Model):
    """The model that chooses. It is told the options whatever `system` and `prompt` say."""

    model: ModelName = Field(description="`provider:model`, as LangChain names them.")
    prompt: str = Field(
        default="Choose the option that fits best.",
        description="What the choice is about and what makes it a good one.",
    )
    system: str | None = Field(default=None, description="What the model is and how it should behave.")
    fallbacks: tuple[ModelName, ...] = Field(
        default=(), max_length=10, description="Models that are asked in turn when the first one fails."
    )

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model, *self.fallbacks)


def _names_a_model(by: Any) -> Any:
    """A choice may one day be learned from earlier ones; whoever asks for that now is told so."""
    model = by.get("model") if isinstance(by, dict) else by.model if isinstance(by, ChoosingModel) else by
    if not isinstance(model, str) or not re.match(MODEL_NAME, model):
        raise ValueError(
            "must name a model, as `provider:model` or `{model, prompt}`: learned choices are not part of this version"
        )
    return by


class Choose(Model):
    from_: Annotated[list[Any], Field(min_length=2, max_length=500)] = Field(
        alias="from",
        description="The options: any JSON values. An object of `value` and `description`, and nothing else, is the option "
        "`value`, described to the model.",
    )
    by: Annotated[ModelName | ChoosingModel, BeforeValidator(_names_a_model)] = Field(
        description="The model that chooses: `provider:model`, or `{model, prompt, system, fallbacks}`."
    )

    @property
    def chooser(self) -> ChoosingModel:
        return self.by if isinstance(self.by, ChoosingModel) else ChoosingModel(model=self.by)
