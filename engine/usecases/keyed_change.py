"""Changes of an execution under an idempotency key: carried out once, however often they are asked for."""

from typing import Any

from engine.domain.errors import WeftError
from engine.domain.execution import Command
from engine.storage.repositories.head import Stored
from engine.storage.repositories.idempotency import use
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_key
from engine.usecases.services import Services


async def change_once(
    services: Services, caller: Caller, execution_id: str, command: Command, *, verb: str, key: str | None, request: Any
) -> Stored:
    """`request` is what must be the same for the key to count as a repetition. Raises `IdempotencyMismatch` where it is not."""
    if key is None:
        return await services.journal.change(caller.tenant, execution_id, command)
    require_key(key)
    if await services.idempotency.find(caller.tenant, verb, key, request) is None:
        expire_at = services.clock() + services.limits.idempotency_window
        write = use(caller.tenant, verb, key, request=request, result_id=execution_id, expire_at=expire_at)
        try:
            return await services.journal.change(caller.tenant, execution_id, command, [write])
        except WeftError:
            # A repetition that came at the same time finds the step answered, say: what counts is whether its key was used.
            if await services.idempotency.find(caller.tenant, verb, key, request) is None:
                raise
    return await services.journal.load(caller.tenant, execution_id)
