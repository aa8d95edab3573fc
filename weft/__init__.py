"""Durable AI-agent workflows: what Python modules import to offer functions, graphs and step kinds."""

from weft.decorators import function, graph, step_kind

__all__ = ["function", "graph", "step_kind"]
