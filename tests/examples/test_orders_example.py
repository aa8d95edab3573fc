from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.domain.errors import LimitExceeded
from engine.domain.events import ExecutionCancelled, ExecutionFailed, ExecutionSucceeded, StepCompensated, StepStarted
from engine.usecases.signal_execution import signal_execution
from engine.usecases.start_execution import StartExecution, start_execution
from examples.orders.functions import CONSIGNMENTS, PAYMENTS, RESERVATIONS
from tests.examples.runner import CALLER, Example, open_example, told


@asynccontextmanager
async def shop(tmp_path: Path) -> AsyncIterator[Example]:
    async with open_example("orders", tmp_path) as example:
        example.input["pace"] = "5ms"
        yield example


async def books(example: Example) -> dict[str, dict[str, Any]]:
    kept = {"reservations": RESERVATIONS, "payments": PAYMENTS, "consignments": CONSIGNMENTS}
    return {
        name: {item.key: item.value for item in await example.memory.asearch(place)} for name, place in kept.items()
    }


async def test_an_order_is_reserved_paid_packed_and_shipped(tmp_path: Path) -> None:
    async with shop(tmp_path) as example:
        end = (await example.run())[-1]
        assert isinstance(end, ExecutionSucceeded)
        assert end.output == {
            "order": "A-1001",
            "amount": 27600,
            "payment": "pay-A-1001",
            "tracking": "road-A-1001",
        }
        assert await books(example) == {
            "reservations": {"A-1001": {"loom": 1, "yarn-blue": 6}},
            "payments": {"pay-A-1001": {"amount": 27600, "status": "captured"}},
            "consignments": {"road-A-1001": {"order": "A-1001", "parcels": 2}},
        }


async def test_an_order_that_cannot_be_shipped_is_undone_in_reverse_order(tmp_path: Path) -> None:
    async with shop(tmp_path) as example:
        events = await example.run(country="US")
        end = events[-1]
        assert isinstance(end, ExecutionFailed)
        assert end.failure.code == "child_failed"
        assert end.failure.details["failure"]["code"] == "no_route"
        assert told(events, StepCompensated) == ["payment", "reserve"]
        assert await books(example) == {
            "reservations": {},
            "payments": {"pay-A-1001": {"amount": 27600, "status": "refunded"}},
            "consignments": {},
        }


async def test_an_order_that_is_cancelled_in_the_warehouse_is_undone(tmp_path: Path) -> None:
    async with shop(tmp_path) as example:
        events = await example.run(cancel_at="packed")
        end = events[-1]
        assert isinstance(end, ExecutionCancelled)
        assert end.reason == "changed my mind"
        assert told(events, StepCompensated) == ["payment", "reserve"]
        assert "shipping" not in told(events, StepStarted)
        assert (await books(example))["payments"]["pay-A-1001"]["status"] == "refunded"


async def test_a_parcel_that_is_packed_before_the_money_is_there_counts(tmp_path: Path) -> None:
    async with shop(tmp_path) as example:
        request = StartExecution(workflow="order", input=example.input)
        started = await start_execution(example.services, CALLER, request)
        await signal_execution(
            example.services, CALLER, started.state.id, name="packed", payload={"parcels": 3}, idempotency_key=None
        )
        events = await example.follow(started.state.id)
        assert isinstance(events[-1], ExecutionSucceeded)
        assert (await books(example))["consignments"]["road-A-1001"]["parcels"] == 3


async def test_the_same_order_does_not_run_twice_at_a_time(tmp_path: Path) -> None:
    async with shop(tmp_path) as example:
        request = StartExecution(workflow="order", input=example.input)
        await start_execution(example.services, CALLER, request)
        with pytest.raises(LimitExceeded):
            await start_execution(example.services, CALLER, request)
