"""How functions, graphs and step kinds are offered and collected, and what arguments a function takes."""

import posixpath
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from engine.domain.kinds import Begin, Beginning, StepKind, Succeed
from engine.executors.functions import Functions
from engine.executors.parts import Offered, PartsRefused, import_modules, offered_graphs, offered_kinds
from engine.executors.signatures import BadArguments
from engine.executors.transform import TransformWith
from weft import function, graph, step_kind


def module(source: str, name: str = "offering") -> ModuleType:
    made = ModuleType(name)
    exec(compile(source, f"/srv/{name}.py", "exec"), vars(made))
    return made


def functions(*calls: Callable[..., Any]) -> Functions:
    return Functions(Offered(f"f{index}", call, "here") for index, call in enumerate(calls))


def bind(call: Callable[..., Any], **arguments: Any) -> Any:
    bound = functions(call)["f0"].bind(arguments)
    return call(*bound.positional, **bound.keyword)


def problems(call: Callable[..., Any], **arguments: Any) -> dict[str, str]:
    with pytest.raises(BadArguments) as raised:
        functions(call)["f0"].bind(arguments)
    return {".".join(problem.path): problem.message for problem in raised.value.problems}


# ------------------------------------------------------------------ offering


def test_the_decorator_changes_nothing_about_the_function() -> None:
    def plain() -> int:
        return 1

    assert function(name="x")(plain) is plain
    assert plain() == 1


def test_marked_functions_are_found_by_given_or_own_name() -> None:
    found = Functions.collect(
        [
            module("""
from weft import function
@function(name="digest.count_words")
def count(text: str) -> int:
    "Counts."
    return len(text.split())
@function
def plain(): ...
@function()
async def called(): ...
def unmarked(): ...
""")
        ]
    )
    assert sorted(found) == ["called", "digest.count_words", "plain"]
    assert [found[name].asynchronous for name in sorted(found)] == [True, False, False]
    assert found["digest.count_words"].doc == "Counts."


def test_the_same_function_may_be_offered_by_two_modules() -> None:
    first = module("from weft import function\n@function\ndef f(): ...", "first")
    second = ModuleType("second")
    vars(second)["f"] = vars(first)["f"]
    assert list(Functions.collect([first, second])) == ["f"]


def test_two_functions_of_one_name_are_refused_with_both_places() -> None:
    source = "from weft import function\n@function(name='a.b')\ndef f(): ..."
    with pytest.raises(PartsRefused, match=r"'a.b' is offered twice: by .*/srv/one.py:2.* and by .*/srv/two.py:2"):
        Functions.collect([module(source, "one"), module(source, "two")])


def test_a_wrapper_made_by_another_decorator_is_still_offered() -> None:
    @function(name="inner")
    def inner(x: int) -> int:
        return x

    @wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> int:
        return inner(*args, **kwargs) + 1

    holder = ModuleType("holder")
    vars(holder)["outer"] = outer
    found = Functions.collect([holder])
    assert found["inner"].call is outer
    assert found["inner"].schema["required"] == ["x"]


def test_a_function_without_a_name_of_its_own_needs_one() -> None:
    with pytest.raises(TypeError, match="give one"):
        function(lambda: 1)


def test_functions_are_named_by_module_and_attribute_too() -> None:
    found = Functions.collect([], attributes=["posixpath:basename"])
    assert bind(found["basename"].call, p="/a/b") == "b"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("posixpath", "write module:attribute"),
        ("posixpath:nothing", "has no attribute 'nothing'"),
        ("no_such_module:f", "cannot be imported"),
        ("posixpath:sep", "cannot be called"),
    ],
)
def test_an_attribute_that_leads_nowhere_is_refused(name: str, reason: str) -> None:
    with pytest.raises(PartsRefused, match=reason):
        Functions.collect([], attributes=[name])


def test_a_module_that_fails_on_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_offering.py").write_text("raise RuntimeError('boom')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PartsRefused, match="'broken_offering' cannot be imported: RuntimeError: boom"):
        import_modules(["broken_offering"])
    assert "broken_offering" not in sys.modules


def install(directory: Path, entry_points: str) -> None:
    """What pip leaves behind of a package, as far as it concerns entry points."""
    information = directory / "offering-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(entry_points)


def test_installed_packages_offer_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "[weft.functions]\npaths.base = posixpath:basename\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert Functions.collect([])["paths.base"].call is posixpath.basename


def test_an_installed_package_that_is_broken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "[weft.step_kinds]\nmine = posixpath:nothing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PartsRefused, match=r"entry point 'mine' of weft\.step_kinds cannot be loaded"):
        offered_kinds([])


def test_graphs_are_offered_by_a_bare_call_and_by_assignment() -> None:
    offering = module("from weft import graph\ngraph('bare', 1)\nkept = graph('kept', 2)")
    assert {part.name: part.value for part in offered_graphs([offering])} == {"bare": 1, "kept": 2}


def test_an_imported_graph_is_offered_where_it_is_assigned() -> None:
    kept = graph("kept", 3)
    holder = ModuleType("holder")
    vars(holder)["kept"] = kept
    assert [part.value for part in offered_graphs([holder])] == [3]


def test_two_graphs_of_one_name_are_refused() -> None:
    with pytest.raises(PartsRefused, match=r"graph 'a' is offered twice: by /srv/offering.py:2 and by .*:3"):
        offered_graphs([module("from weft import graph\ngraph('a', object())\ngraph('a', object())")])


def test_step_kinds_are_marked_and_their_subclasses_are_not() -> None:
    @step_kind
    class Custom(StepKind):
        name = "custom"
        description = "Custom."
        With = TransformWith

        def begin(self, beginning: Beginning) -> Begin:
            return Succeed(beginning.with_.value)

    class Derived(Custom):
        name = "derived"

    holder = ModuleType("holder")
    vars(holder).update(Custom=Custom, Derived=Derived)
    assert [part.value for part in offered_kinds([holder])] == [Custom]


# ------------------------------------------------------------------ signatures


class Customer(BaseModel):
    name: str


@dataclass
class Point:
    x: int


def test_arguments_are_turned_into_the_annotated_types() -> None:
    def f(customer: Customer, at: date, points: list[Point], mode: Literal["a", "b"] = "a") -> Any:
        return customer, at, points, mode

    assert bind(f, customer={"name": "Ada"}, at="2026-11-20", points=[{"x": 1}]) == (
        Customer(name="Ada"),
        date(2026, 11, 20),
        [Point(1)],
        "a",
    )


def test_names_that_pydantic_reserves_are_ordinary_parameters() -> None:
    def f(schema: str, json: int, copy: bool, _hidden: int = 0, model_config: str = "") -> Any:  # noqa: FBT001 - a parameter
        return schema, json, copy, _hidden, model_config

    assert bind(f, schema="s", json=1, copy=True, model_config="m") == ("s", 1, True, 0, "m")


def test_defaults_are_the_functions_own_objects() -> None:
    marker = object()

    def f(a: Any = marker, /, b: list[int] = []) -> Any:  # noqa: B006 - the very object is what is tested
        return a, b

    assert bind(f) == (marker, [])
    assert functions(f)["f0"].schema["properties"].keys() == {"a", "b"}


def test_more_keywords_are_passed_on_where_the_function_takes_them() -> None:
    def f(a: int, **rest: Any) -> Any:
        return a, rest

    assert bind(f, a=1, b=2) == (1, {"b": 2})


def test_partials_and_objects_can_be_registered() -> None:
    class Counter:
        """Counts."""

        async def __call__(self, text: str) -> int:
            return len(text)

    def add(a: int, b: int) -> int:
        return a + b

    found = functions(partial(add, b=1), Counter())
    assert bind(partial(add, b=1), a=1) == 2
    assert [found[name].asynchronous for name in ("f0", "f1")] == [False, True]


def test_every_problem_is_told_with_its_path_and_without_the_value() -> None:
    def f(customer: Customer, count: int) -> None: ...

    found = problems(f, customer={"name": ["hunter2"]}, extra=1)
    assert found.keys() == {"args.customer.name", "args.count", "args.extra"}
    assert found["args.count"] == "this argument is required"
    assert found["args.extra"] == "the function has no such parameter"
    assert "hunter2" not in str(found)


def test_the_schema_describes_the_arguments() -> None:
    def f(text: str, times: int = 1) -> None:
        """Repeats."""

    (described,) = functions(f).describe()
    assert (described.name, described.doc) == ("f0", "Repeats.")
    assert described.schema["required"] == ["text"]
    assert described.schema["properties"]["times"]["default"] == 1
    assert described.schema["additionalProperties"] is False


def _generator() -> Iterator[int]:
    yield 1


async def _async_generator() -> AsyncIterator[int]:
    yield 1


def _star(*values: int) -> None: ...


def _unknown(x: "NoSuchType") -> None: ...  # type: ignore[name-defined] # noqa: F821 - what is tested


def _no_json(x: ModuleType) -> None: ...


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (_generator, "is a generator"),
        (_async_generator, "is a generator"),
        (_star, r"takes \*values"),
        (_unknown, "annotations cannot be resolved"),
        (_no_json, "cannot be read from JSON"),
    ],
)
def test_a_function_that_json_cannot_call_is_refused_when_it_is_registered(call: Any, reason: str) -> None:
    with pytest.raises(PartsRefused, match=reason):
        functions(call)
