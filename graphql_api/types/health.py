"""Whether the service serves."""

from datetime import timedelta

import strawberry

from engine.usecases.health import HealthReport
from graphql_api.types.enums import HealthStatus


@strawberry.type(description="The result of looking at one part.")
class HealthCheck:
    name: str = strawberry.field(description="The part.")
    status: HealthStatus = strawberry.field(description="Whether it serves.")
    message: str | None = strawberry.field(description="What is wrong; null if nothing is.")


@strawberry.type(description="Whether the service serves.")
class Health:
    status: HealthStatus = strawberry.field(description="The worst of all checks that matter.")
    version: str = strawberry.field(description="The version of Weft.")
    uptime: timedelta = strawberry.field(description="Since the process that answers began.")
    store: str = strawberry.field(description="The kind of store.")
    bus: str = strawberry.field(description="The kind of bus.")
    checks: list[HealthCheck] = strawberry.field(description="The parts that were looked at.")

    @staticmethod
    def of(report: HealthReport) -> "Health":
        return Health(
            status=report.status,
            version=report.version,
            uptime=report.uptime,
            store=report.store,
            bus=report.bus,
            checks=[
                HealthCheck(name=check.name, status=check.status, message=check.message) for check in report.checks
            ],
        )
