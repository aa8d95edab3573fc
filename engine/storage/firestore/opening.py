"""Opening the store: the project, the credentials, and one look whether the database answers."""

import asyncio

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.storage.errors import CannotOpenStore
from engine.storage.firestore.calls import CallFailed
from engine.storage.firestore.database import Database
from engine.storage.firestore.failures import no_such_database

_EMULATED_PROJECT = "weft"
_NO_CREDENTIALS = (
    "there are no credentials for Firestore: run `gcloud auth application-default login`, or set "
    "GOOGLE_APPLICATION_CREDENTIALS to a key file; for an emulator set FIRESTORE_EMULATOR_HOST to its host:port"
)
_NO_PROJECT = "it is not known which Google Cloud project has the Firestore database: set GOOGLE_CLOUD_PROJECT"


async def locate(project: str | None, database: str, emulator: str | None) -> tuple[Database, Credentials | None]:
    """Raises `CannotOpenStore`."""
    if emulator is not None:
        return Database(project=project or _EMULATED_PROJECT, database=database, emulator=emulator), None
    try:
        # In a thread: it reads files, and may ask the machine's metadata server.
        credentials, own_project = await asyncio.to_thread(
            google.auth.default, scopes=FirestoreGrpcAsyncIOTransport.AUTH_SCOPES
        )
    except GoogleAuthError as error:
        none = isinstance(error, DefaultCredentialsError) and "default credentials were not found" in str(error)
        what = _NO_CREDENTIALS if none else f"the credentials for Firestore cannot be used: {error}"
        raise CannotOpenStore(what) from error
    if project is None and own_project is None:
        raise CannotOpenStore(_NO_PROJECT)
    return Database(project=project or str(own_project), database=database), credentials


def cannot_open(failure: CallFailed, database: Database) -> CannotOpenStore:
    """What the first call's failure says to whoever starts the server."""
    return CannotOpenStore(f"{_wrong(failure, database)} (Firestore answered {failure})")


def _wrong(failure: CallFailed, database: Database) -> str:
    project, name = database.project, database.database
    if no_such_database(failure):
        return (
            f"the project {project} has no Firestore database {name}: create it with "
            f"`gcloud firestore databases create --project={project} --database='{name}' --location=...`, or name another "
            "by GOOGLE_CLOUD_PROJECT and WEFT_DATABASE"
        )
    match failure.code:
        case StatusCode.PERMISSION_DENIED | StatusCode.UNAUTHENTICATED:
            return (
                f"the project {project} does not let this account use its Firestore database {name}: check "
                "GOOGLE_CLOUD_PROJECT, enable firestore.googleapis.com, and give the account the role roles/datastore.user"
            )
        case StatusCode.RESOURCE_EXHAUSTED:
            return f"a quota of the Firestore database {name} of the project {project} is used up"
        case StatusCode.FAILED_PRECONDITION:
            return f"the database {name} of the project {project} is not in Firestore's native mode"
        case StatusCode.INVALID_ARGUMENT | StatusCode.NOT_FOUND:
            return (
                f"{database.name} is not the name of a Firestore database: check GOOGLE_CLOUD_PROJECT and WEFT_DATABASE"
            )
        case _:
            where = f"the emulator at {database.address}" if database.emulator else f"Firestore at {database.address}"
            return f"{where} does not answer: check that it is running and can be reached"
