"""Chooses the adapters of the settings. Google's clients are imported in their mode alone: they take 0.4 s and 60 MB."""

from engine.bootstrap.google_clients import google_clients
from engine.bus.local import LocalBus
from engine.bus.port import MessageBus
from engine.secrets.environment import EnvironmentSecrets
from engine.secrets.port import SecretSource
from engine.settings import Settings
from engine.storage.port import DocumentStore
from engine.storage.sqlite import SqliteStore

DATABASE = "weft.db"


async def open_store(settings: Settings) -> DocumentStore:
    """The store alone, for whoever closes it. Raises `CannotOpenStore`, as where another process has it open, and `BadSettings`."""
    if settings.store == "firestore":
        with google_clients("WEFT_STORE=firestore"):
            from engine.storage.firestore import FirestoreStore  # noqa: PLC0415  # in this mode alone

        return await FirestoreStore.open(
            project=settings.project, database=settings.database, emulator=settings.firestore_emulator
        )
    return await SqliteStore.open(settings.data_dir / DATABASE)


async def open_bus(settings: Settings) -> MessageBus:
    """The bus alone, for whoever closes it. Raises `Unavailable`, `BadSettings`."""
    if settings.bus == "pubsub":
        with google_clients("WEFT_BUS=pubsub"):
            from engine.bus.pubsub import PubSubBus  # noqa: PLC0415  # in this mode alone

        return await PubSubBus.open(
            project=settings.project, emulator=settings.pubsub_emulator, provision=settings.provision == "auto"
        )
    return LocalBus()


async def open_secrets(settings: Settings) -> SecretSource:
    """Where secrets come from, for whoever closes it. Raises `Unavailable`."""
    if settings.secret_source == "secret-manager":  # noqa: S105  # the name of a source, not a secret
        with google_clients("WEFT_SECRETS=secret-manager"):
            from engine.secrets.secret_manager import SecretManagerSecrets  # noqa: PLC0415  # in this mode alone

        return await SecretManagerSecrets.open(project=settings.project, prefix=settings.secret_prefix)
    return EnvironmentSecrets(settings.secrets)
