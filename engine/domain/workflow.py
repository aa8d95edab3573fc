"""A workflow and its immutable, numbered versions."""

from datetime import datetime
from typing import Any

import msgspec

from engine.domain.status import WorkflowStatus


class Workflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`title` and `description` are those of the latest version. `active_version` is what new executions use; None for a draft."""

    id: str
    name: str
    status: WorkflowStatus
    created_at: datetime
    updated_at: datetime
    latest_version: int
    active_version: int | None = None
    title: str | None = None
    description: str | None = None
    labels: dict[str, str] = {}
    deleted: bool = False
    """Kept for the executions that it leaves behind; found by nobody else."""


class WorkflowVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`definition` has the implicit `needs` written out; `checksum` is the sha256 of its canonical JSON."""

    workflow_id: str
    workflow: str
    number: int
    definition: dict[str, Any]
    checksum: str
    created_at: datetime
    created_by: str | None = None

    @property
    def id(self) -> str:
        return version_id(self.workflow_id, self.number)


def version_id(workflow_id: str, number: int) -> str:
    return f"wv_{workflow_id.partition('_')[2]}_{number}"
