"""Definitions drawn as flowcharts."""

from engine.domain.status import StepStatus
from graphql_api.mermaid import flowchart


def test_needs_become_arrows_and_conditions_make_them_dashed() -> None:
    steps = [
        {"id": "a", "kind": "llm"},
        {"id": "b", "kind": "decide", "when": "${ true }"},
        {"id": "end", "kind": "approval", "needs": ["a", "b"]},
    ]
    assert flowchart({"steps": steps}) == (
        "flowchart TD\n"
        '  s_a["a (llm)"]\n'
        '  s_b{"b (decide)"}\n'
        '  s_end{{"end (approval)"}}\n'
        "  s_a -.-> s_b\n"
        "  s_a --> s_end\n"
        "  s_b --> s_end\n"
    )


def test_nested_steps_stand_in_a_box_and_handlers_hang_on_dotted_arrows() -> None:
    inner = [{"id": "x", "kind": "http", "needs": []}, {"id": "y", "kind": "http"}]
    steps = [
        {"id": "m", "kind": "map", "needs": [], "with": {"steps": inner}, "on_error": {"step": "h"}},
        {"id": "h", "kind": "emit", "needs": []},
    ]
    chart = flowchart({"steps": steps})
    assert (
        '  subgraph s_m["m (map)"]\n    s_m__x["x (http)"]\n    s_m__y["y (http)"]\n    s_m__x --> s_m__y\n  end\n'
        in chart
    )
    assert "  s_m -. on error .-> s_h\n" in chart


def test_titles_cannot_break_out_of_their_labels() -> None:
    chart = flowchart({"steps": [{"id": "a", "kind": "llm", "title": '"]; click s_a "javascript:x"\n<img>'}]})
    (_, node) = chart.splitlines()
    assert node.count('"') == 2
    assert "<" not in node


def test_steps_are_coloured_by_their_status() -> None:
    chart = flowchart({"steps": [{"id": "a", "kind": "llm"}]}, {"a": StepStatus.FAILED})
    assert "  class s_a failed\n" in chart
