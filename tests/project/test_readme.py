"""What the documents say that the code says too."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.settings import CLIENT_VARIABLES, VARIABLES, Settings

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def shown(default: Any) -> str:
    match default:
        case None | ():
            return ""
        case timedelta():
            return f"`{default.total_seconds():g}s`"
        case Mapping():
            return ", ".join(f"`{name}={limit}`" for name, limit in default.items())
        case tuple():
            return ", ".join(f"`{part}`" for part in default)
    return f"`{default}`"


def configuration_table() -> list[str]:
    rows = [
        f"| `{variable.name}` | {shown(getattr(Settings(), variable.field))} | {variable.meaning} |"
        for variable in VARIABLES
    ]
    return [re.sub(r" +", " ", row) for row in rows]


def test_the_configuration_table_is_the_settings() -> None:
    readme = (ROOT / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| `WEFT_")]
    others = [row for row in rows if row.startswith(("| `WEFT_SECRET_", *(f"| `{name}`" for name in CLIENT_VARIABLES)))]
    assert [row for row in rows if row not in others] == configuration_table()
    assert len(others) == 1 + len(CLIENT_VARIABLES)


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=str
)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text()):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = (document.parent / path) if path else document
            assert target.exists(), link
            if anchor:
                assert anchor in anchors(target), link


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
