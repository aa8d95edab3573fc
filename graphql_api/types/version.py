"""A version of a workflow and the steps in it."""

from datetime import datetime, timedelta
from typing import Any

import strawberry

from engine.domain import workflow as domain
from engine.domain.durations import parse_duration
from graphql_api.mermaid import flowchart
from graphql_api.types.node import Node
from graphql_api.types.resolvers import resolved
from graphql_api.types.scalars import JSON


@strawberry.type(description="A step as a definition gives it.")
class StepDefinition:
    id: str = strawberry.field(description="Unique among its siblings.")
    kind: str = strawberry.field(description="The kind of step; see `stepKinds`.")
    needs: list[str] = strawberry.field(description="The steps that must be done before this one starts.")
    when: str | None = strawberry.field(
        description="The condition; the step is skipped if it is false. Null runs it always."
    )
    timeout: timedelta | None = strawberry.field(
        description="How long one attempt may take; null is the workflow's default."
    )
    with_: JSON = strawberry.field(name="with", description="The kind's own settings; see `withSchema` of its kind.")

    @staticmethod
    def of(step: dict[str, Any], above: str | None) -> "StepDefinition":
        when, timeout, needs = step.get("when"), step.get("timeout"), step.get("needs")
        if needs is None:
            needs = [above] if above else []
        return StepDefinition(
            id=step["id"],
            kind=step["kind"],
            needs=list(needs),
            when=str(when).lower() if isinstance(when, bool) else when,
            timeout=parse_duration(timeout) if timeout else None,
            with_=JSON(step.get("with") or {}),
        )


@strawberry.type(description="An immutable version of a workflow.")
class WorkflowVersion(Node):
    number: int = strawberry.field(description="From 1, without gaps.")
    definition: JSON = strawberry.field(description="The definition, with implicit `needs` written out.")
    checksum: str = strawberry.field(description="SHA-256 of the canonical definition, in hexadecimal.")
    created_at: datetime = strawberry.field(description="When it was saved.")
    created_by: str | None = strawberry.field(description="Who saved it; null if nobody in particular.")
    version: strawberry.Private[domain.WorkflowVersion]

    @resolved("JSON Schema of the input that executions take; {} takes anything.")
    def input_schema(self) -> JSON:
        schema = self.version.definition.get("input")
        return JSON({} if schema is None else schema)

    @resolved("The steps, in order of definition; nested ones stand in `with` of theirs.")
    def steps(self) -> list[StepDefinition]:
        steps = self.version.definition["steps"]
        above = [None, *(step["id"] for step in steps)]
        return [StepDefinition.of(step, before) for step, before in zip(steps, above, strict=False)]

    @resolved("Mermaid flowchart of the steps.")
    def mermaid(self) -> str:
        return flowchart(self.version.definition)

    @staticmethod
    def of(version: domain.WorkflowVersion) -> "WorkflowVersion":
        return WorkflowVersion(
            id=strawberry.ID(version.id),
            number=version.number,
            definition=JSON(version.definition),
            checksum=version.checksum,
            created_at=version.created_at,
            created_by=version.created_by,
            version=version,
        )
