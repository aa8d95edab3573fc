"""What the resolver of a field is called with. As long as nobody can change it, it is made once for all objects of a run, or
for all runs; an input object belongs to the resolver that gets it.
"""

from typing import Any, NamedTuple, Protocol

from graphql import GraphQLSchema
from strawberry.relay.types import GlobalID
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.arguments import _is_leaf_type as is_leaf_type
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from strawberry.types.field import StrawberryField

from graphql_api.compiled.coercion import Coercion, Named, lasting
from graphql_api.compiled.field import Field
from graphql_api.compiled.info import LazyInfo
from graphql_api.compiled.paths import Path
from graphql_api.compiled.run import Run


class Convert(Protocol):
    """From the names and values of the schema to those of the resolver."""

    @property
    def plain(self) -> bool:
        """Whether it makes nothing anew."""

    def __call__(self, coerced: Named, run: Run, path: Path) -> Named: ...


class Arguments:
    def __init__(self, field: Field, convert: Convert) -> None:
        self._number = field.number
        self._coercion = Coercion(field)
        self._convert = convert
        self._always: Named | None = None if field.definition.args else {}

    def ready(self, run: Run) -> Named | None:
        """Those that were made before."""
        return self._always if self._always is not None else run.arguments.get(self._number)

    def coerced(self, run: Run) -> Named:
        """Raises `GraphQLError`."""
        return self._coercion.given(run.variables, hide_suggestions=run.hide_suggestions)

    def converted(self, coerced: Named, run: Run, path: Path) -> Named:
        given = self._convert(coerced, run, path)
        if self._convert.plain and lasting(given):
            if self._coercion.varies:
                run.arguments[self._number] = given
            else:
                self._always = given
        return given

    def made(self, run: Run, path: Path) -> Named:
        given = self.ready(run)
        return given if given is not None else self.converted(self.coerced(run), run, path)


class AsTheyAre:
    plain = True

    def __call__(self, coerced: Named, run: Run, path: Path) -> Named:
        del run, path
        return coerced


class _Converted(NamedTuple):
    name: str
    argument: StrawberryArgument
    plain: bool


class AsStrawberryDoes:
    """To the names of the parameters, and to objects of the input types."""

    def __init__(self, field: Field, definition: StrawberryField, schema: GraphQLSchema) -> None:
        converter = schema._strawberry_schema.schema_converter  # type: ignore[attr-defined]  # noqa: SLF001 # Strawberry's mark
        self._config, self._scalars = converter.config, converter.scalar_registry
        self._field, self._definition = field, definition
        name_of = self._config.name_converter.from_argument
        self._arguments = [_Converted(name_of(each), each, self._is_plain(each)) for each in definition.arguments]
        self.plain = all(each.plain for each in self._arguments)

    def __call__(self, coerced: Named, run: Run, path: Path) -> Named:
        given: dict[str, Any] = {}
        for name, argument, plain in self._arguments:
            if name in coerced:
                value = coerced[name]
                given[argument.python_name] = value if plain else self._converted(name, argument, value, run, path)
        return given

    def _converted(self, name: str, argument: StrawberryArgument, value: Any, run: Run, path: Path) -> Any:
        info = LazyInfo(run, self._field, self._definition, path)
        return convert_argument(value, argument.type, self._scalars, self._config, info, path=(name,))

    def _is_plain(self, argument: StrawberryArgument) -> bool:
        """Whether it is a scalar or an enum, which are given on as they are."""
        type_ = argument.type
        if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
            type_ = type_.of_type
        return type_ is not GlobalID and not isinstance(type_, StrawberryMaybe) and is_leaf_type(type_, self._scalars)
