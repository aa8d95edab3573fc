"""Generates the Python that makes the selections of an object.

Fields that are an attribute of the source and a scalar of the schema are read in line, and nearly all fields of a long list
are; the others are called. The text has only names that are minted here and attributes of the schema's classes, nothing of
the document: what that contributes are constants, passed by name. So selections of the same shape have the same text, which
is compiled once.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from graphql.pyutils import is_awaitable as has_await

from graphql_api.compiled.awaiting import PLAIN, SETTLED, noted, settled
from graphql_api.compiled.field import Field
from graphql_api.compiled.leaves import Quick
from graphql_api.compiled.paths import Path
from graphql_api.compiled.run import Run

Make = Callable[[Run, Any, Path], Any]
"""Of an object, at its path: a dict, or an awaitable of one. Raises the located error of a field that must not be null."""
MakeMany = Callable[..., None]
"""Of a list of objects, at its path: adds them to those that are done, and the places of those that wait to the places that do.
Takes what guards an awaitable item, and what answers for an item that fails.
"""


class _Broken:
    """Stands for what could not be read: whoever reads an attribute of it gets the same error."""

    __slots__ = ("_error",)

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


_COMMON = {
    "PLAIN": PLAIN,
    "SETTLED": SETTLED,
    "Broken": _Broken,
    "has_await": has_await,
    "noted": noted,
    "settled": settled,
}


class Constant(NamedTuple):
    """The same for every object."""

    key: str
    value: Any


class Called(NamedTuple):
    """`resolve` gets the run, the object and its path."""

    key: str
    resolve: Callable[[Run, Any, Path], Any]


class ReadInLine(NamedTuple):
    """`complete` gets the run, what the attribute has, and the path of the field, where `quick` does not fit. With dots in it,
    `attribute` is an attribute of attributes.
    """

    key: str
    field: Field
    attribute: str
    quick: Quick
    complete: Callable[[Run, Any, Path], Any]


Selected = Constant | Called | ReadInLine


class Made(NamedTuple):
    """`many` is for lists of objects whose fields are all read in line; None where some are not."""

    one: Make
    many: MakeMany | None


def object_functions(selected: Sequence[Selected]) -> Made:
    names = _names(selected)
    in_line = not any(isinstance(each, Called) for each in selected)
    return Made(
        one=FunctionType(_code("\n".join(_one(selected))), names),
        many=FunctionType(_code("\n".join(_many(selected))), names) if in_line else None,
    )


def object_function(selected: Sequence[Selected]) -> Make:
    made: Make = FunctionType(_code("\n".join(_one(selected))), _names(selected))
    return made


def _names(selected: Sequence[Selected]) -> dict[str, Any]:
    names: dict[str, Any] = dict(_COMMON)
    for at, each in enumerate(selected):
        names[f"K{at}"] = each.key
        match each:
            case Constant(value=value):
                names[f"V{at}"] = value
            case Called(resolve=resolve):
                names[f"F{at}"] = resolve
            case ReadInLine(field=field, quick=quick, complete=complete):
                names |= {f"F{at}": field.fail, f"C{at}": complete}
                names |= {f"{name}{at}": value for name, value in zip("AB", quick.constants, strict=False)}
    return names


@lru_cache(2_000)
def _code(text: str) -> CodeType:
    module = compile(text, "<compiled operation>", "exec")
    return next(each for each in module.co_consts if isinstance(each, CodeType))


def _one(selected: Sequence[Selected]) -> Iterator[str]:
    yield "def one(run, source, path):"
    yield " waits = None"
    yield " try:"
    yield from (f"  {line}" for line in _fields(selected, "path"))
    yield " except Exception:"
    yield "  if waits is not None: run.settle_in_background(waits.values())"
    yield "  raise"
    yield f" made = {_object(selected)}"
    yield " return made if waits is None else settled(made, waits)"


def _many(selected: Sequence[Selected]) -> Iterator[str]:
    """The loop of `lists.py` over the same, with a path for those alone that need one."""
    yield "def many(run, values, path, done, waiting, guarded, fail):"
    yield " at = len(done)"
    yield " for source in values:"
    yield "  waits = None"
    yield "  try:"
    yield from (f"   {line}" for line in _fields(selected, "(path, at)"))
    yield f"   made = {_object(selected)}"
    yield "   if waits is not None:"
    yield "    made = guarded(run, settled(made, waits), (path, at))"
    yield "    waiting.append(at)"
    yield "  except Exception as error:"
    yield "   if waits is not None: run.settle_in_background(waits.values())"
    yield "   fail(run, error, (path, at))"
    yield "   made = None"
    yield "  done.append(made)"
    yield "  at += 1"


def _object(selected: Sequence[Selected]) -> str:
    values = (f"V{at}" if isinstance(each, Constant) else f"v{at}" for at, each in enumerate(selected))
    return f"{{{', '.join(f'K{at}: {value}' for at, value in enumerate(values))}}}"


def _fields(selected: Sequence[Selected], path: str) -> Iterator[str]:
    yield "pass"
    owners = _owners(selected)
    for owner, name in owners.items():
        if name != "source":
            yield f"try: {name} = source.{owner}"
            yield f"except Exception as error: {name} = Broken(error)"
    for at, each in enumerate(selected):
        match each:
            case Called():
                yield f"v{at} = F{at}(run, source, {path})"
                yield f"if v{at}.__class__ not in SETTLED and has_await(v{at}): waits = noted(waits, K{at}, v{at})"
            case ReadInLine():
                yield from _read(at, each, path, owners[_owner(each)])


def _owners(selected: Sequence[Selected]) -> dict[str, str]:
    """What fields are attributes of, and the names that these get: each is looked up once for all of its attributes."""
    found = dict.fromkeys(_owner(each) for each in selected if isinstance(each, ReadInLine))
    return {owner: f"o{number}" if owner else "source" for number, owner in enumerate(found)}


def _owner(each: ReadInLine) -> str:
    return each.attribute.rpartition(".")[0]


def _read(at: int, each: ReadInLine, path: str, owner: str) -> Iterator[str]:
    """What does not fit is completed the long way, which reports its errors itself; what fails here cannot be null."""
    quick, value = each.quick, f"v{at}"
    fits, written = (
        part.format(v=value, a=f"A{at}", b=f"B{at}") if part else None for part in (quick.fits, quick.written)
    )
    null = f"{value} is not None" if each.field.nullable else None
    yield "try:"
    yield f" {value} = {owner}.{each.attribute.rpartition('.')[2]}"
    if written is None:
        yield f" if not ({fits}){f' and {null}' if null else ''}:"
    else:
        certain = "" if quick.certain else f" and type(w := {written}) in PLAIN"
        yield f" if {fits}{certain}: {value} = {written if quick.certain else 'w'}"
        yield f" elif {null}:" if null else " else:"
    yield f"  {value} = C{at}(run, {value}, ({path}, K{at}))"
    yield f"  if {value}.__class__ not in SETTLED and has_await({value}): waits = noted(waits, K{at}, {value})"
    yield f"except Exception as error: {value} = F{at}(run, error, ({path}, K{at}))"
