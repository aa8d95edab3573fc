"""Everything that is wrong with a definition, found at once, each problem with its path and, where it helps, a hint."""

from engine.domain.validation.document import validate_definition
from engine.domain.validation.limits import DefinitionLimits

__all__ = ["DefinitionLimits", "validate_definition"]
