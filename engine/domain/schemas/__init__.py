"""JSON Schema 2020-12: is a schema sound, does a value fit it, and which defaults does it add.

Schemas and values come from strangers: nothing is ever fetched, patterns take linear time, and the work is bounded.
`format` is an annotation, as the specification has it.
"""

from engine.domain.json_values import MAX_DEPTH, depth_problem, json_problems, text_problem
from engine.domain.schemas.checking import check_schema
from engine.domain.schemas.defaults import with_defaults
from engine.domain.schemas.validating import MOST_PROBLEMS, validate

__all__ = [
    "MAX_DEPTH",
    "MOST_PROBLEMS",
    "check_schema",
    "depth_problem",
    "json_problems",
    "text_problem",
    "validate",
    "with_defaults",
]
