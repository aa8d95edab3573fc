"""Opening a channel to the service, with the process's credentials, or to an emulator, with none."""

import asyncio
from collections.abc import Sequence
from typing import Any

import google.auth
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport, PublisherTransport
from grpc import aio  # type: ignore[import-untyped]  # gRPC has no types

from engine.domain.errors import Unavailable

EMULATOR_PROJECT = "weft"
"""Where an emulator is used and no project is named: it takes any."""
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # The defaults reach 2 minutes: an emulator or a network that is back would be found too late.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


async def connect(
    project: str | None, emulator: str | None, interceptors: Sequence[Any] = ()
) -> tuple[aio.Channel, str]:
    """The channel and the project's id; nothing has been sent on it yet. Raises `Unavailable`."""
    if emulator:
        channel = aio.insecure_channel(emulator, options=_OPTIONS, interceptors=interceptors)
        return channel, project or EMULATOR_PROJECT
    credentials, own_project = await _credentials()
    found = project or own_project
    if not found:
        raise Unavailable("no Google Cloud project for Pub/Sub: set GOOGLE_CLOUD_PROJECT to the id of one")
    channel = PublisherGrpcAsyncIOTransport.create_channel(
        PublisherTransport.DEFAULT_HOST, credentials=credentials, options=_OPTIONS, interceptors=interceptors
    )
    return channel, found


async def _credentials() -> tuple[Any, str | None]:
    try:
        # In a thread: it reads files and may ask a metadata server.
        found: tuple[Any, str | None] = await asyncio.to_thread(
            google.auth.default, scopes=PublisherTransport.AUTH_SCOPES
        )
    except DefaultCredentialsError as error:
        raise Unavailable(
            "no Google Cloud credentials for Pub/Sub: run `gcloud auth application-default login`, run with a service account, "
            "or set PUBSUB_EMULATOR_HOST to use an emulator"
        ) from error
    except GoogleAuthError as error:
        raise Unavailable(f"the Google Cloud credentials cannot be used: {error}") from error
    return found
