"""Which subscriptions give the same to everybody who asks the same, and what "the same" is."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)

from graphql_api.context import Context
from graphql_api.transports.json_text import write_json
from graphql_api.transports.operations import Operation
from graphql_api.transports.request import GraphQLRequest

_REMEMBERED = 500


class Beginning(Enum):
    """What a new reader of a stream is given first."""

    LOG = auto()
    """What is behind the seq that it names; frames have a seq."""
    NOTHING = auto()
    """What comes from now on; frames have a subject."""
    LATEST = auto()
    """How things stand; frames have one subject."""


class Shared(NamedTuple):
    """A field of the subscription type. `resumes_by` is its argument with the seq, which does not tell apart what is shared."""

    beginning: Beginning
    resumes_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one subscriber asks: everybody with the same `key` gets the same frames; `after` is its own."""

    key: tuple[object, ...]
    beginning: Beginning
    after: int


class _Shape(NamedTuple):
    """What a document says, whatever its variables: `text` without the argument to resume by, `after` as that was given."""

    text: str
    variables: tuple[str, ...]
    shared: Shared
    after: ArgumentNode | None


class Sharing:
    """Knows the shared fields by name. Remembers the documents that were used last."""

    def __init__(self, fields: Mapping[str, Shared]) -> None:
        self._fields = fields
        self._shapes: OrderedDict[int, tuple[OperationDefinitionNode, _Shape | None]] = OrderedDict()

    def of(self, operation: Operation, request: GraphQLRequest, context: Context) -> Share | None:
        """None for what everybody gets a stream of their own of."""
        shape = self._shape(operation)
        if shape is None:
            return None
        after = context.position.after or _after(shape.after, operation.prepared.variables.coerced)
        if after < 0:
            return None
        return Share(key=self._key(shape, request, context), beginning=shape.shared.beginning, after=after)

    def _key(self, shape: _Shape, request: GraphQLRequest, context: Context) -> tuple[object, ...]:
        """Readers may see what their tenant and their role let them see, and their name does not matter to it."""
        given = request.variables or {}
        variables = [(name, given[name]) for name in shape.variables if name in given]
        caller = context.caller
        return (shape.text, write_json([variables, request.extensions]), caller.tenant, caller.role)

    def _shape(self, operation: Operation) -> _Shape | None:
        """Documents are parsed once, so a node tells its document; it is kept, so that its id is not another's later."""
        node = operation.prepared.program.operation
        known = self._shapes.get(id(node))
        if known is not None:
            self._shapes.move_to_end(id(node))
            return known[1]
        shape = _shape_of(operation, self._fields)
        self._shapes[id(node)] = (node, shape)
        if len(self._shapes) > _REMEMBERED:
            self._shapes.popitem(last=False)
        return shape


def _shape_of(operation: Operation, fields: Mapping[str, Shared]) -> _Shape | None:
    definition = operation.prepared.program.operation
    root = definition.selection_set.selections[0]
    if len(definition.selection_set.selections) != 1 or not isinstance(root, FieldNode) or root.directives:
        return None  # rare: a fragment or a condition at the root
    shared = fields.get(root.name.value)
    if shared is None:
        return None
    after = next((each for each in root.arguments or () if each.name.value == shared.resumes_by), None)
    field = replace(root, arguments=tuple(each for each in root.arguments or () if each is not after))
    rest = replace(definition, name=None, variable_definitions=(), selection_set=SelectionSetNode(selections=(field,)))
    fragments = tuple(operation.prepared.program.fragments.values())
    used = _variables_in(DocumentNode(definitions=(rest, *fragments)))
    declared = tuple(each for each in definition.variable_definitions or () if each.variable.name.value in used)
    document = DocumentNode(definitions=(replace(rest, variable_definitions=declared), *fragments))
    return _Shape(print_ast(document), tuple(sorted(used)), shared, after)


def _variables_in(document: DocumentNode) -> set[str]:
    found = _Variables()
    visit(document, found)
    return found.names


def _after(given: ArgumentNode | None, variables: Mapping[str, Any]) -> int:
    match given.value if given else None:
        case VariableNode(name=name):
            return variables.get(name.value) or 0
        case IntValueNode(value=text):
            return int(text)
    return 0


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.names.add(node.name.value)
