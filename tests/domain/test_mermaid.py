"""Flowcharts of definitions."""

import re

import pytest

from engine.domain.mermaid import mermaid
from tests.domain.step_kinds import step


def test_steps_and_their_needs_are_drawn() -> None:
    assert mermaid([step("a"), step("b", when="${ true }"), step("c", needs=["a", "b"])]) == (
        "flowchart TD\n"
        '  s_a["a<br/><small>value</small>"]\n'
        '  s_b["b<br/><small>value</small>"]\n'
        '  s_c["c<br/><small>value</small>"]\n'
        '  s_a -->|"when"| s_b\n'
        "  s_a --> s_c\n"
        "  s_b --> s_c\n"
    )


def test_the_way_to_a_handler_is_dashed_and_the_handler_follows_nothing_else() -> None:
    chart = mermaid([step("a", on_error={"step": "h"}), step("h"), step("b")])
    assert '  s_a -.->|"on error"| s_h\n' in chart
    assert "  s_a --> s_b\n" in chart
    assert "--> s_h" not in chart


def test_nested_steps_are_a_subgraph() -> None:
    chart = mermaid([step("m", "map", with_={"items": [], "steps": [step("x"), step("y")]})], {"m.x": "FAILED"})
    assert '  subgraph s_m["m<br/><small>map</small>"]\n    s_m_0x[' in chart
    assert "    s_m_0x --> s_m_0y\n  end\n" in chart
    assert "  class s_m_0x FAILED\n" in chart


def test_statuses_are_classes_and_only_those_in_use_are_defined() -> None:
    chart = mermaid([step("a"), step("b"), step("c")], {"a": "SUCCEEDED", "b": "SUCCEEDED", "zzz": "FAILED"})
    assert "  class s_a,s_b SUCCEEDED\n" in chart
    assert re.findall(r"classDef (\w+)", chart) == ["SUCCEEDED"]


@pytest.mark.parametrize(
    "title", ['"]; click s_a "x"', "<script>x</script>", "a\nb --> c", "`x`", "#quot;", "%%{init: {}}%%", "x" * 500]
)
def test_a_title_cannot_break_out_of_its_label(title: str) -> None:
    chart = mermaid([step("a", title=title)])
    label = chart.split('["', 1)[1].split('<br/><small>value</small>"]\n')[0]
    assert re.fullmatch(r"(?:[\w .,:/+-]|#\d+;|…)*", label)
    assert len(chart.splitlines()) == 2


def test_ids_that_look_alike_or_are_words_of_mermaid_stay_apart() -> None:
    nested = step("a", "map", with_={"items": [], "steps": [step("b")]})
    chart = mermaid([nested, step("a_0b"), step("end"), step("a_b")])
    assert len(set(re.findall(r"(s_\w+)(?=\[)", chart))) == 5
