"""Asks models; shared by the kinds that do."""

from typing import TYPE_CHECKING

from engine.executors.late import MODEL_REPLIES, Late
from engine.executors.models import ModelCatalogue
from engine.executors.port import StepContext
from engine.executors.prices import Prices

if TYPE_CHECKING:
    from engine.executors.model_replies import ModelReplies, ModelReply, ModelRequest


class ModelCaller:
    def __init__(self, models: ModelCatalogue, prices: Prices) -> None:
        self._late: Late[ModelReplies] = Late(MODEL_REPLIES, lambda module: module.ModelReplies(models, prices))

    async def ask(self, step: StepContext, request: "ModelRequest") -> "ModelReply":
        """As `ModelReplies.ask`."""
        return await (await self._late.get()).ask(step, request)
