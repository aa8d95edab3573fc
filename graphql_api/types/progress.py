"""How far an execution is."""

import strawberry

from engine.usecases.read_executions import Progress as DomainProgress


@strawberry.type(description="How many of an execution's top-level steps are where. Steps that were skipped are done.")
class Progress:
    total: int = strawberry.field(description="All steps.")
    done: int = strawberry.field(description="Those that are done, however they ended.")
    failed: int = strawberry.field(description="Those that failed.")
    running: int = strawberry.field(description="Those that run, or are between retries.")
    waiting: int = strawberry.field(description="Those that wait for something outside.")
    percent: float = strawberry.field(description="The share that is done, 0 to 100.")

    @staticmethod
    def of(progress: DomainProgress) -> "Progress":
        return Progress(
            total=progress.total,
            done=progress.done,
            failed=progress.failed,
            running=progress.running,
            waiting=progress.waiting,
            percent=progress.percent,
        )
