"""Find everything that is wrong with a definition, without saving it."""

from typing import Any

from engine.domain.errors import PayloadTooLarge, Problem
from engine.usecases.caller import Caller
from engine.usecases.checked_definition import definition_problems
from engine.usecases.services import Services


async def validate_workflow(services: Services, caller: Caller, definition: Any) -> list[Problem]:
    """Empty if it could be saved."""
    del caller  # whoever may ask at all may ask this
    try:
        return await definition_problems(services, definition)
    except PayloadTooLarge as error:
        return [Problem(message=error.message, path=error.path or ())]
