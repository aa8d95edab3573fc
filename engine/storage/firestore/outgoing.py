"""A commit as Firestore is asked for it."""

import secrets
from collections.abc import Sequence

from engine.domain.errors import PayloadTooLarge
from engine.storage.commit_limits import check_body, check_writes
from engine.storage.firestore.database import Database
from engine.storage.firestore.documents import BODY, REV, TOKEN_BYTES, WRITERS, WRITERS_KEPT, Revision, fill_value
from engine.storage.firestore.messages import CommitRequest, Message
from engine.storage.firestore.preconditions import conditional
from engine.storage.firestore.revisions import Revisions
from engine.storage.indexes import collection_at
from engine.storage.paths import split_document_path
from engine.storage.port import Create, Delete, Put, Write


class Commit:
    """One request, which is armed with what is known of the revisions before each attempt. All attempts leave one token."""

    def __init__(self, database: Database, writes: Sequence[Write]) -> None:
        """Raises `BadRequest`, `PayloadTooLarge`, `UndeclaredQuery`, `UndeclaredField`."""
        check_writes(writes)
        self.writes = writes
        self.token = secrets.token_bytes(TOKEN_BYTES)
        self.conditional = any(conditional(write) for write in writes)
        self.request: Message = CommitRequest(database=database.name)
        for write in writes:
            _fill(self.request.writes.add(), database, write, self.token)
        size = self.request.ByteSize()
        if size > database.request_limit:
            raise PayloadTooLarge(f"a commit would have {size:,} bytes; Firestore takes {database.request_limit:,}")

    def arm(self, revisions: Revisions) -> bool:
        """Whether enough is known to ask: for each condition on a rev, when that was written."""
        for write, message in zip(self.writes, self.request.writes, strict=True):
            if isinstance(write, Create) or write.if_rev is None:
                continue
            known = revisions.get(write.path)
            if known is None or known.rev != write.if_rev:
                return False
            time = message.current_document.update_time
            time.seconds, time.nanos = known.update_time
            if isinstance(write, Put):
                message.update.fields[WRITERS].bytes_value = _on_top(known, self.token)
        return True

    def learn(self, response: Message, revisions: Revisions) -> None:
        for write, message, result in zip(self.writes, self.request.writes, response.write_results, strict=True):
            if isinstance(write, Delete):
                revisions.forget(write.path)
                continue
            stored = message.update.fields
            rev = result.transform_results[0] if result.transform_results else stored[REV]
            time = result.update_time
            writers = stored[WRITERS].bytes_value
            revisions.learn(write.path, Revision(rev.integer_value, (time.seconds, time.nanos), writers))


def _fill(message: Message, database: Database, write: Write, token: bytes) -> None:
    parent, _ = split_document_path(write.path)
    collection = collection_at(parent)
    if isinstance(write, Delete):
        message.delete = database.document_name(write.path)
        return
    check_body(write.body)
    message.update.name = database.document_name(write.path)
    fields = message.update.fields
    fields[BODY].bytes_value = write.body
    fields[WRITERS].bytes_value = token
    for name, value in write.fields.items():
        if value is None:
            collection.type_of(name)
        else:
            fill_value(fields[name], collection, name, value)
    if isinstance(write, Create):
        fields[REV].integer_value = 1
        message.current_document.exists = False
    elif write.if_rev is not None:
        fields[REV].integer_value = write.if_rev + 1
    else:
        # The rev is not known and has to survive, so what is replaced is named instead: what is named and not given is deleted.
        message.update_mask.field_paths.extend((BODY, WRITERS, *collection.fields))
        increment = message.update_transforms.add(field_path=REV)
        increment.increment.integer_value = 1


def _on_top(known: Revision, token: bytes) -> bytes:
    return (token + known.writers)[: TOKEN_BYTES * WRITERS_KEPT]
