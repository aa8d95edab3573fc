"""Builds an engine out of its parts and takes it down again: the only place that names adapters."""

from engine.bootstrap.adapters import DATABASE, open_bus, open_store
from engine.bootstrap.engine import Engine, open_engine, utc_now

__all__ = ["DATABASE", "Engine", "open_bus", "open_engine", "open_store", "utc_now"]
