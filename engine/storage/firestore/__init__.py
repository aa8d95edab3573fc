"""The shared store: Cloud Firestore, or its emulator."""

from engine.storage.firestore.store import FirestoreStore

__all__ = ["FirestoreStore"]
