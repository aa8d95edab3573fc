"""`docs/language.md` against the step kinds, and its examples against the validator."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.bootstrap import Engine, open_engine
from engine.domain.ids import TenantId
from engine.settings import Settings
from engine.usecases.caller import Caller, Role
from engine.usecases.validate_workflow import validate_workflow

ROOT = Path(__file__).resolve().parents[2]
CALLER = Caller(tenant=TenantId("local"), principal="tests", role=Role.ADMIN)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with open_engine(Settings(data_dir=tmp_path)) as engine:
        yield engine


def document() -> str:
    return (ROOT / "docs" / "language.md").read_text()


def workflows_in(path: Path) -> list[str]:
    """The YAML blocks that are whole workflows."""
    blocks = re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
    return [block for block in blocks if re.search(r"^name:", block, re.MULTILINE) and "\nsteps:" in block]


async def test_every_kind_has_a_section_that_names_all_its_fields(engine: Engine) -> None:
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", document() + "\n##", re.DOTALL | re.MULTILINE))
    for name, kind in engine.services.kinds.items():
        assert name in sections
        for field in kind.With.model_json_schema(by_alias=True)["properties"]:
            assert f"`{field}`" in sections[name], f"{name}.{field}"


@pytest.mark.parametrize("path", [ROOT / "docs" / "language.md", ROOT / "README.md"], ids=lambda path: path.name)
async def test_the_workflows_of_the_documents_are_valid(engine: Engine, path: Path) -> None:
    assert workflows_in(path)
    for workflow in workflows_in(path):
        assert await validate_workflow(engine.services, CALLER, workflow) == []
