from pathlib import Path
from typing import Any

import pytest

from engine.domain.events import ExecutionSucceeded, ModelCalled, StepFailed, StepSkipped, StepStarted
from examples.digest.functions import Section, facts, read_document, split
from tests.examples.runner import EXAMPLES, Event, open_example, told

TEXT = """Before everything.

# First *part*

It has one link, to [a page](https://example.org/page). And two sentences. And a third.

```python
# not a heading
x = 1
```

## Code alone

```
y = 2
```
"""


async def digest(tmp_path: Path, given: dict[str, Any] | None = None) -> list[Event]:
    async with open_example("digest", tmp_path) as example:
        example.input = given or example.input
        return await example.run()


async def test_the_readme_is_digested_section_by_section(tmp_path: Path) -> None:
    events = await digest(tmp_path)
    end = events[-1]
    assert isinstance(end, ExecutionSucceeded)
    readme = (EXAMPLES.parent / "README.md").read_text()
    for section in split(readme):
        assert section.heading in end.output
    assert told(events, StepFailed) == []
    assert len(told(events, ModelCalled)) == sum(bool(section.prose) for section in split(readme))


async def test_the_digest_of_a_section_is_made_of_its_own_sentences(tmp_path: Path) -> None:
    end = (await digest(tmp_path, {"text": TEXT}))[-1]
    assert isinstance(end, ExecutionSucceeded)
    assert "## First part\n\nIt has one link, to a page. And two sentences.\n" in end.output
    assert end.output.startswith("# Digest\n\n3 sections, 15 words, 3 lines of code, ")


async def test_the_model_is_not_asked_about_a_section_without_prose(tmp_path: Path) -> None:
    events = await digest(tmp_path, {"text": TEXT})
    assert told(events, StepSkipped) == ["digests[2].digest"]


async def test_sections_are_digested_at_the_same_time(tmp_path: Path) -> None:
    events = await digest(tmp_path, {"text": TEXT})
    order = [type(event) for event in events if getattr(event, "step_id", "").endswith(".digest")]
    assert order[:2] == [StepStarted, StepStarted]


def test_facts_count_what_is_there() -> None:
    section = next(section for section in split(TEXT) if section.heading == "First part")
    assert facts(section).words == 13
    assert facts(section).code_lines == 2
    assert facts(section).links == ["https://example.org/page"]


def test_a_document_without_headings_is_one_section() -> None:
    assert split("just text") == [Section(heading="Preface", level=1, text="just text", prose="just text")]


def test_files_outside_of_the_repository_are_not_read() -> None:
    with pytest.raises(ValueError, match="not a file of this repository"):
        read_document(file="../secret.md")
