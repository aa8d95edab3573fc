"""A shop whose books are LangGraph's long-term memory, so they are as durable as the executions themselves.

Every entry is kept under a key that derives from the order: to do a step twice changes nothing.
"""

from dataclasses import dataclass

from langgraph.config import get_store

from weft import function

RESERVATIONS = ("orders", "reservations")
PAYMENTS = ("orders", "payments")
CONSIGNMENTS = ("orders", "consignments")


@dataclass(frozen=True)
class Item:
    """`price` is for one, in cents."""

    sku: str
    quantity: int
    price: int


@function(name="orders.total")
def total(items: list[Item]) -> int:
    return sum(item.quantity * item.price for item in items)


@function(name="orders.reserve")
async def reserve(order: str, items: list[Item]) -> str:
    await get_store().aput(RESERVATIONS, order, {item.sku: item.quantity for item in items})
    return order


@function(name="orders.release")
async def release(order: str) -> None:
    await get_store().adelete(RESERVATIONS, order)


@function(name="orders.authorize")
async def authorize(order: str, amount: int) -> str:
    payment = f"pay-{order}"
    await get_store().aput(PAYMENTS, payment, {"amount": amount, "status": "authorized"})
    return payment


@function(name="orders.capture")
async def capture(authorization: str) -> str:
    return await _mark(authorization, "captured")


@function(name="orders.refund")
async def refund(payment: str) -> str:
    return await _mark(payment, "refunded")


@function(name="orders.book")
async def book(order: str, route: str, parcels: int) -> str:
    tracking = f"{route}-{order}"
    await get_store().aput(CONSIGNMENTS, tracking, {"order": order, "parcels": parcels})
    return tracking


async def _mark(payment: str, status: str) -> str:
    store = get_store()
    found = await store.aget(PAYMENTS, payment)
    if found is None:
        raise LookupError(f"there is no payment {payment}")
    await store.aput(PAYMENTS, payment, {**found.value, "status": status})
    return payment
