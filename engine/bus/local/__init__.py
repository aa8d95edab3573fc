"""The in-process bus."""

from engine.bus.local.bus import LocalBus

__all__ = ["LocalBus"]
