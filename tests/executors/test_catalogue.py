import pytest
from jsonschema import Draft202012Validator

from engine.domain.kinds import StepKind
from engine.executors.approval import Approval
from engine.executors.catalogue import DuplicateKind, StepKindCatalogue
from engine.executors.child import Child
from engine.executors.decide import Decide
from engine.executors.emit import Emit
from engine.executors.fail import FailStep
from engine.executors.function import Function
from engine.executors.http import Http
from engine.executors.loop import Loop
from engine.executors.map_over import Map
from engine.executors.signal import Signal
from engine.executors.sleep import Sleep
from engine.executors.transform import Transform

KINDS: list[type[StepKind]] = [
    Approval,
    Child,
    Decide,
    Emit,
    FailStep,
    Function,
    Http,
    Loop,
    Map,
    Signal,
    Sleep,
    Transform,
]


def test_two_kinds_of_one_name_are_refused_with_both_places() -> None:
    class Other(Transform):
        pass

    with pytest.raises(DuplicateKind, match=r"engine\.executors\.transform\.Transform and by .*Other"):
        StepKindCatalogue([Transform(), Other()])


def test_the_description_lists_kinds_by_name_with_their_schema() -> None:
    described = StepKindCatalogue([Transform(), Approval()]).describe()
    assert [kind.name for kind in described] == ["approval", "transform"]
    assert described[0].with_schema["properties"].keys() >= {"prompt", "schema", "assignees"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_valid_schema_and_describes_itself_and_its_fields(kind: type[StepKind]) -> None:
    schema = kind.With.model_json_schema(by_alias=True)
    Draft202012Validator.check_schema(schema)
    assert kind.description.endswith(".")
    assert all(field.get("description") for field in schema["properties"].values()), schema["properties"]


def test_the_catalogue_is_a_mapping() -> None:
    catalogue = StepKindCatalogue([Transform()])
    assert list(catalogue) == ["transform"]
    assert len(catalogue) == 1
    assert catalogue["transform"].name == "transform"
