from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.domain.events import (
    ExecutionCancelled,
    ExecutionFailed,
    ExecutionSucceeded,
    StepCompensated,
    StepSkipped,
    StepStarted,
)
from examples.triage.functions import OUTBOX
from examples.triage.stub import CustomerService
from tests.api.serving import served
from tests.examples.runner import Example, open_example, told


@asynccontextmanager
async def triage(tmp_path: Path) -> AsyncIterator[tuple[Example, CustomerService, str]]:
    service = CustomerService()
    async with (
        served(service.app()) as address,
        open_example("triage", tmp_path) as example,
    ):
        yield example, service, f"http://{address}"


async def test_an_approved_answer_is_sent_and_the_hold_stays(tmp_path: Path) -> None:
    async with triage(tmp_path) as (example, service, crm):
        end = (await example.run(crm=crm))[-1]
        assert isinstance(end, ExecutionSucceeded)
        assert end.output["category"] == "billing"
        assert end.output["summary"] == "I was charged twice for invoice 2231."
        (letter,) = await example.memory.asearch(OUTBOX)
        assert letter.value["text"].startswith("Dear Ada Lovelace")
        assert list(service.holds) == ["hold-1"]


async def test_a_rejected_answer_releases_the_hold_and_sends_nothing(tmp_path: Path) -> None:
    async with triage(tmp_path) as (example, service, crm):
        events = await example.run({"approve": {"approved": False, "note": "too vague"}}, crm=crm)
        end = events[-1]
        assert isinstance(end, ExecutionFailed)
        assert (end.failure.code, end.failure.message) == (
            "answer_rejected",
            "The answer was not approved: too vague",
        )
        assert told(events, StepCompensated) == ["hold"]
        assert (service.holds, service.released) == ({}, ["hold-1"])
        assert await example.memory.asearch(OUTBOX) == []


async def test_a_cancelled_ticket_releases_the_hold(tmp_path: Path) -> None:
    async with triage(tmp_path) as (example, service, crm):
        events = await example.run(cancel_at="approve", crm=crm)
        assert isinstance(events[-1], ExecutionCancelled)
        assert service.released == ["hold-1"]


async def test_a_ticket_about_a_bug_needs_no_customer_and_no_hold(tmp_path: Path) -> None:
    async with triage(tmp_path) as (example, service, crm):
        events = await example.run(ticket="The export ends with an error. Every time.", crm=crm)
        end = events[-1]
        assert isinstance(end, ExecutionSucceeded)
        assert end.output["category"] == "bug"
        assert told(events, StepSkipped) == ["customer", "hold", "rejected"]
        assert service.holds == {}


async def test_an_unknown_customer_fails_at_once_and_is_not_asked_for_again(tmp_path: Path) -> None:
    async with triage(tmp_path) as (example, _, crm):
        events = await example.run(customer="nobody", crm=crm)
        end = events[-1]
        assert isinstance(end, ExecutionFailed)
        assert end.failure.code == "http_404"
        assert told(events, StepStarted).count("customer") == 1
