"""The syntax tree of a compiled expression, read from its serialised form.

The library offers no tree, but serialises one as the protocol buffers `cel.expr.ParsedExpr` and `CheckedExpr`; only the
few fields needed here are read (https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto). Depth is
bounded: the parser refuses more than 32 levels.
"""

import struct
from collections.abc import Callable, Iterator

import msgspec

from engine.domain.expressions.wire import Message, fields, text


class Literal(msgspec.Struct, frozen=True):
    value: str | int | float | bool | bytes | None


class Name(msgspec.Struct, frozen=True):
    name: str


class Member(msgspec.Struct, frozen=True):
    """`operand.field`, `has(operand.field)`."""

    operand: "Node"
    field: str


class Call(msgspec.Struct, frozen=True):
    """`target.function(arguments)`; operators are functions such as `_+_` and `_[_]`."""

    function: str
    target: "Node | None"
    arguments: tuple["Node", ...]


class Collection(msgspec.Struct, frozen=True):
    """A list, or the keys and values of a map or message in turn."""

    items: tuple["Node", ...]
    is_list: bool


class Comprehension(msgspec.Struct, frozen=True):
    """What macros (`map`, `filter`, `all`, `cel.bind` ...) stand for."""

    variables: tuple[str, ...]
    over: "Node"
    accumulator: str
    initial: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"


Node = Literal | Name | Member | Call | Collection | Comprehension

_ANY_VALUE = 2
_EXPRESSION = {"ParsedExpr": 2, "CheckedExpr": 4}
_SIGN = 1 << 63


def read_tree(serialised: bytes) -> Node:
    wrapper = fields(serialised)
    name = wrapper[1][0].decode().rpartition(".")[2]
    return _node(fields(wrapper[_ANY_VALUE][0])[_EXPRESSION[name]][0])


def _node(raw: bytes) -> Node:
    message = fields(raw)
    kind, read = next((field, reader) for field, reader in _READERS.items() if field in message)
    return read(fields(message[kind][0]))


def _member(message: Message) -> Node:
    return Member(_node(message[1][0]), text(message, 2))


def _call(message: Message) -> Node:
    target = _node(message[1][0]) if 1 in message else None
    return Call(text(message, 2), target, tuple(map(_node, message.get(3, ()))))


def _entries(message: Message) -> Iterator[Node]:
    for entry in map(fields, message.get(2, ())):
        yield _node(entry[3][0]) if 3 in entry else Literal(text(entry, 2))  # noqa: PLR2004 - map_key
        yield _node(entry[4][0])


def _comprehension(message: Message) -> Node:
    return Comprehension(
        variables=tuple(name for name in (text(message, 1), text(message, 8)) if name),
        over=_node(message[2][0]),
        accumulator=text(message, 3),
        initial=_node(message[4][0]),
        condition=_node(message[5][0]),
        step=_node(message[6][0]),
        result=_node(message[7][0]),
    )


def _constant(message: Message) -> Node:
    """The fields of `cel.expr.Constant`: 1 null, 2 bool, 3 int64, 4 uint64, 5 double, 6 string, 7 bytes."""
    for number, (value, *_) in message.items():
        match number:
            case 2:
                return Literal(bool(value))
            case 3:
                return Literal(value - (1 << 64) if value >= _SIGN else value)
            case 4 | 7:
                return Literal(value)
            case 5:
                return Literal(struct.unpack("<d", value)[0])
            case 6:
                return Literal(value.decode())
    return Literal(None)


_READERS: dict[int, Callable[[Message], Node]] = {
    3: _constant,
    4: lambda ident: Name(text(ident, 1)),
    5: _member,
    6: _call,
    7: lambda elements: Collection(tuple(map(_node, elements.get(1, ()))), is_list=True),
    8: lambda entries: Collection(tuple(_entries(entries)), is_list=False),
    9: _comprehension,
}
"""By field of `cel.expr.Expr`."""
