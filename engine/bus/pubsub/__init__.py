"""The bus over Google Cloud Pub/Sub or its emulator."""

from engine.bus.pubsub.bus import PubSubBus

__all__ = ["PubSubBus"]
