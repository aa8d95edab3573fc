"""Workflows, their versions and their unique names."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.domain.definition import NAME
from engine.domain.ids import well_formed
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.port import (
    Create,
    Delete,
    Document,
    DocumentStore,
    FieldValue,
    Filter,
    Op,
    Order,
    Put,
    Write,
)
from engine.storage.repositories.decoding import decoded
from engine.storage.repositories.head import label_set

_workflow = msgspec.json.Decoder(Workflow)
_version = msgspec.json.Decoder(WorkflowVersion)
_encoder = msgspec.json.Encoder()


class StoredWorkflow(msgspec.Struct, frozen=True):
    rev: int
    workflow: Workflow


class WorkflowRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def create(self, tenant: str, workflow: Workflow, version: WorkflowVersion) -> None:
        """Raises `Conflict` on the name's document if the name is taken."""
        name = Create(path=_name_path(tenant, workflow.name), body=_encoder.encode({"id": workflow.id}))
        head = Create(path=_path(tenant, workflow.id), body=_encoder.encode(workflow), fields=_fields(workflow))
        await self._store.commit([name, head, _version_write(tenant, version)])

    async def save(self, tenant: str, before: StoredWorkflow, after: Workflow, version: WorkflowVersion | None) -> None:
        """Replaces the head, with a new version if there is one. Raises `Conflict` if somebody else wrote since `before`."""
        head = Put(path=_path(tenant, after.id), body=_encoder.encode(after), fields=_fields(after), if_rev=before.rev)
        await self._store.commit([head, *([_version_write(tenant, version)] if version else [])])

    async def delete(self, tenant: str, stored: StoredWorkflow) -> None:
        """Frees the name and takes the workflow out of every list. Its versions stay, for the executions that ran them.

        Raises `Conflict` as `save` does.
        """
        tombstone = replace(stored.workflow, status=WorkflowStatus.ARCHIVED, deleted=True)
        path = _path(tenant, stored.workflow.id)
        await self._store.commit(
            [
                Put(path=path, body=_encoder.encode(tombstone), if_rev=stored.rev),
                Delete(path=_name_path(tenant, stored.workflow.name)),
            ]
        )

    async def by_name(self, tenant: str, name: str) -> StoredWorkflow | None:
        document = await self._store.get(_name_path(tenant, name)) if re.fullmatch(NAME, name) else None
        if document is None:
            return None
        found: dict[str, Any] = msgspec.json.decode(document.body)
        return (await self.by_id(tenant, [found["id"]]))[0]

    async def by_id(self, tenant: str, ids: Sequence[str]) -> list[StoredWorkflow | None]:
        """Deleted ones too."""
        possible = [each for each in ids if well_formed(each)]
        documents = await self._store.get_many([_path(tenant, each) for each in possible])
        found = {document.id: _stored(document) for document in documents if document is not None}
        return [found.get(each) for each in ids]

    async def page(
        self,
        tenant: str,
        *,
        statuses: Sequence[WorkflowStatus] | None,
        label: str | None,
        start_after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Workflow]:
        """Newest first."""
        documents = await self._store.query(
            f"tenants/{tenant}/workflows",
            filters=_filters(statuses, label),
            order=(Order("created_at", descending=True),),
            start_after=start_after,
            limit=limit,
        )
        return [_stored(document).workflow for document in documents]

    async def count(self, tenant: str, *, statuses: Sequence[WorkflowStatus] | None, label: str | None) -> int:
        return await self._store.count(f"tenants/{tenant}/workflows", filters=_filters(statuses, label))

    async def version(self, tenant: str, workflow_id: str, number: int) -> WorkflowVersion | None:
        return (await self.versions(tenant, [(workflow_id, number)]))[0]

    async def versions(self, tenant: str, keys: Sequence[tuple[str, int]]) -> list[WorkflowVersion | None]:
        documents = await self._store.get_many([_version_path(tenant, *key) for key in keys])
        return [decoded(_version, document) if document else None for document in documents]

    async def version_page(
        self, tenant: str, workflow_id: str, *, below: int | None, limit: int
    ) -> list[WorkflowVersion]:
        """Newest first; `below` is the number of the last one seen."""
        documents = await self._store.query(
            f"{_path(tenant, workflow_id)}/versions",
            order=(Order("number", descending=True),),
            start_after=(below, _number(below)) if below is not None else None,
            limit=limit,
        )
        return [decoded(_version, document) for document in documents]


def _stored(document: Document) -> StoredWorkflow:
    return StoredWorkflow(document.rev, decoded(_workflow, document))


def _fields(workflow: Workflow) -> dict[str, FieldValue]:
    return {
        "name": workflow.name,
        "status": workflow.status.value,
        "labels": label_set(workflow.labels),
        "created_at": workflow.created_at,
    }


def _filters(statuses: Sequence[WorkflowStatus] | None, label: str | None) -> tuple[Filter, ...]:
    filters = []
    if statuses is not None:
        filters.append(Filter("status", Op.IN, tuple(status.value for status in statuses)))
    if label is not None:
        filters.append(Filter("labels", Op.CONTAINS, label))
    return tuple(filters)


def _version_write(tenant: str, version: WorkflowVersion) -> Write:
    return Create(
        path=_version_path(tenant, version.workflow_id, version.number),
        body=_encoder.encode(version),
        fields={"number": version.number},
    )


def _path(tenant: str, workflow_id: str) -> str:
    return f"tenants/{tenant}/workflows/{workflow_id}"


def _name_path(tenant: str, name: str) -> str:
    return f"tenants/{tenant}/names/workflows:{name}"


def _version_path(tenant: str, workflow_id: str, number: int) -> str:
    return f"{_path(tenant, workflow_id)}/versions/{_number(number)}"


def _number(number: int) -> str:
    return f"{number:010d}"
