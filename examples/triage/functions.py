"""Sends answers, by writing them where a mail server would pick them up: LangGraph's long-term memory."""

from datetime import UTC, datetime

from langgraph.config import get_store
from langgraph.runtime import get_runtime

from weft import function

OUTBOX = ("triage", "outbox")


@function(name="triage.send_reply")
async def send_reply(customer: str, text: str) -> dict[str, str]:
    """One letter for each execution, however often the step is tried."""
    execution = get_runtime().execution_info
    letter = execution.run_id if execution and execution.run_id else customer
    sent = {"to": customer, "text": text, "at": datetime.now(UTC).isoformat()}
    await get_store().aput(OUTBOX, letter, sent)
    return {"letter": letter, **sent}
