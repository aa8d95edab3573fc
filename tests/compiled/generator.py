"""Random operations over any schema: selections, fragments, aliases, arguments, variables, directives.

Nearly all that is made is valid; whoever needs it valid looks. Every choice comes from the `Random` that is given.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    Undefined,
    get_named_type,
    is_leaf_type,
)

T = TypeVar("T")
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


class EnumName(str):
    """Written without quotes in a document, with them in JSON."""

    __slots__ = ()


class Variable(str):
    """The name of one, inside a literal."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Generated:
    text: str
    variables: dict[str, Any]


@dataclass(kw_only=True)
class Generator:
    """`values` make JSON values of scalars, by the name of the scalar or of `Type.field.argument`; `left_out` are fields as
    `Type.field`.
    """

    schema: GraphQLSchema
    random: Random
    values: Mapping[str, Callable[[Random], Any]]
    left_out: frozenset[str] = frozenset()
    depth: int = 5
    _variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _given: dict[str, Any] = field(default_factory=dict)
    _fragments: dict[str, tuple[str, str]] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)

    def operation(self, kind: OperationType = OperationType.QUERY) -> Generated:
        root = self.schema.get_root_type(kind)
        assert root is not None
        selected = self._selection(root, self.depth)
        declared = ", ".join(f"${name}: {text}" for name, (text, _) in self._variables.items())
        head = f"{kind.value} {self._maybe('Named', 0.3) or ''}{f'({declared})' if declared else ''}"
        fragments = "\n".join(f"fragment {name} on {on} {body}" for name, (on, body) in self._fragments.items())
        return Generated(text=f"{head} {selected}\n{fragments}", variables=self._given)

    # ------------------------------------------------------------ selections

    def _selection(self, type_: Composite, depth: int) -> str:
        parts = [self._part(type_, depth) for _ in range(self.random.choice((1, 1, 2, 3, 4, 6)))]
        return "{ " + " ".join(parts) + " }"

    def _part(self, type_: Composite, depth: int) -> str:
        roll = self.random.random()
        if roll < 0.12 and depth > 1:
            return self._inline(type_, depth)
        if roll < 0.22 and depth > 1:
            return self._spread(type_, depth)
        fields = {} if isinstance(type_, GraphQLUnionType) else type_.fields
        possible = [name for name in fields if f"{type_.name}.{name}" not in self.left_out]
        if depth <= 1:
            possible = [name for name in possible if is_leaf_type(get_named_type(fields[name].type))]
        if not possible or roll > 0.95:
            return self._maybe("t: ", 0.3) + "__typename" + self._directives()
        return self._field(type_, self.random.choice(possible), depth)

    def _field(self, type_: Composite, name: str, depth: int) -> str:
        assert not isinstance(type_, GraphQLUnionType)
        definition = type_.fields[name]
        arguments = self._arguments(f"{type_.name}.{name}", definition.args)
        alias = self._alias(type_, name, arguments)
        inner = get_named_type(definition.type)
        body = "" if is_leaf_type(inner) else " " + self._selection(inner, depth - 1)
        return f"{alias}{name}{arguments}{self._directives()}{body}"

    def _alias(self, type_: Composite, name: str, arguments: str) -> str:
        """The same for the same thing, so that selections are merged; another one for the same field with other arguments."""
        thing = f"{type_.name}.{name}{arguments}"
        if thing not in self._keys:
            plain = not arguments and self.random.random() < 0.7
            self._keys[thing] = "" if plain else f"{name}_{len(self._keys)}: "
        return self._keys[thing] if self.random.random() < 0.9 or arguments else f"other_{name}_{type_.name}: "

    def _inline(self, type_: Composite, depth: int) -> str:
        on = self._condition(type_)
        condition = "" if on is type_ and self.random.random() < 0.5 else f" on {on.name}"
        return f"...{condition}{self._directives()} {self._selection(on, depth - 1)}"

    def _spread(self, type_: Composite, depth: int) -> str:
        on = self._condition(type_)
        known = [name for name, (of, _) in self._fragments.items() if of == on.name]
        if known and self.random.random() < 0.5:
            return f"...{self.random.choice(known)}{self._directives()}"
        body = self._selection(on, depth - 2)  # first, so that a fragment cannot spread itself
        name = f"F{len(self._fragments)}"
        self._fragments[name] = (on.name, body)
        return f"...{name}{self._directives()}"

    def _condition(self, type_: Composite) -> Composite:
        if isinstance(type_, GraphQLObjectType):
            around: list[Composite] = [type_, type_, *type_.interfaces]
            return around[self.random.randrange(len(around))]
        possible: list[Composite] = [type_, *self.schema.get_possible_types(type_)]
        return possible[self.random.randrange(len(possible))]

    def _directives(self) -> str:
        if self.random.random() > 0.08:
            return ""
        name = self.random.choice(("skip", "include"))
        if self.random.random() < 0.5:
            return f" @{name}(if: {self.random.choice(('true', 'false'))})"
        known = [each for each, (text, _) in self._variables.items() if text.startswith("Boolean")]
        if known and self.random.random() < 0.6:
            return f" @{name}(if: ${self.random.choice(known)})"
        chosen = self.random.random() < 0.5
        if self.random.random() < 0.7:
            return f" @{name}(if: ${self._declare('Boolean!', chosen)})"
        return f" @{name}(if: ${self._declare('Boolean = true', chosen, absent=self.random.random() < 0.5)})"

    # ------------------------------------------------------------ arguments

    def _arguments(self, place: str, definitions: Mapping[str, GraphQLArgument]) -> str:
        given = []
        for name, definition in definitions.items():
            required = isinstance(definition.type, GraphQLNonNull) and definition.default_value is Undefined
            if required or self.random.random() < 0.4:
                given.append(f"{name}: {self._argument(f'{place}.{name}', definition)}")
        return f"({', '.join(given)})" if given else ""

    def _argument(self, place: str, definition: GraphQLArgument) -> str:
        type_ = definition.type
        value = self._value(type_, place)
        if self.random.random() < 0.5:
            return _literal(value)
        return f"${self._variable(type_, value)}"

    def _variable(self, type_: GraphQLInputType, value: Any) -> str:
        value = _without_variables(value, self._given)
        text = str(type_)
        nullable = not isinstance(type_, GraphQLNonNull)
        roll = self.random.random()
        if nullable and roll < 0.15:
            return self._declare(text, None, absent=True)
        if nullable and roll < 0.25:
            return self._declare(text, None)
        if roll < 0.4:
            return self._declare(f"{text} = {_literal(value)}", value, absent=self.random.random() < 0.6)
        return self._declare(f"{text}!" if nullable and roll < 0.5 else text, value)

    def _declare(self, text: str, value: Any, *, absent: bool = False) -> str:
        name = f"v{len(self._variables)}"
        self._variables[name] = (text, value)
        if not absent:
            self._given[name] = value
        return name

    def _value(self, type_: GraphQLInputType, place: str) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self._value_of(type_.of_type, place)
        return None if self.random.random() < 0.07 else self._value_of(type_, place)

    def _value_of(self, type_: GraphQLInputType, place: str) -> Any:
        if isinstance(type_, GraphQLList):
            items = [self._inside(type_.of_type, place) for _ in range(self.random.choice((0, 1, 1, 2)))]
            return items if len(items) != 1 or self.random.random() < 0.8 else items[0]
        if isinstance(type_, GraphQLEnumType):
            return EnumName(self.random.choice(list(type_.values)))
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_)
        assert isinstance(type_, GraphQLNamedType)
        return (self.values.get(place) or self.values[type_.name])(self.random)

    def _object(self, type_: GraphQLInputObjectType) -> dict[str, Any]:
        if type_.is_one_of:
            name = self.random.choice(list(type_.fields))
            chosen = GraphQLNonNull(type_.fields[name].type)
            return {name: self._value(chosen, f"{type_.name}.{name}")}
        found = {}
        for name, definition in type_.fields.items():
            required = isinstance(definition.type, GraphQLNonNull) and definition.default_value is Undefined
            if required or self.random.random() < 0.4:
                found[name] = self._inside(definition.type, f"{type_.name}.{name}")
        return found

    def _inside(self, type_: GraphQLInputType, place: str) -> Any:
        """A value, or a variable for it, which stands in a literal alone."""
        value = self._value(type_, place)
        return Variable(self._variable(type_, value)) if self.random.random() < 0.15 else value

    def _maybe(self, text: str, chance: float) -> str:
        return text if self.random.random() < chance else ""


def _literal(value: Any) -> str:
    match value:
        case Variable():
            return f"${value}"
        case EnumName():
            return str(value)
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{name}: {_literal(each)}' for name, each in value.items())}}}"
    return json.dumps(value)


def _without_variables(value: Any, given: Mapping[str, Any]) -> Any:
    """A value that is itself a variable cannot contain one."""
    match value:
        case Variable():
            return given.get(value)
        case list():
            return [_without_variables(each, given) for each in value]
        case dict():
            return {name: _without_variables(each, given) for name, each in value.items()}
    return value
