"""A tiny customer service for the triage example: customers to look up, and holds on refunds.

    python -m examples.triage.stub --port 8765

A server that should reach it needs `WEFT_HTTP_ALLOW=127.0.0.0/8`, since workflows may not call private addresses.
"""

import argparse
from itertools import count

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PORT = 8765
CUSTOMERS = {
    "ada": {"id": "ada", "name": "Ada Lovelace", "plan": "team", "since": "2023-04-01"},
    "charles": {"id": "charles", "name": "Charles Babbage", "plan": "free", "since": "2024-11-12"},
}


class CustomerService:
    """`holds` are the open ones by id; `released` the ids of those that were taken back, in order."""

    def __init__(self) -> None:
        self.holds: dict[str, dict[str, str]] = {}
        self.released: list[str] = []
        self._numbers = count(1)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/customers/{id}", self.customer),
                Route("/holds", self.create_hold, methods=["POST"]),
                Route("/holds/{id}", self.release_hold, methods=["DELETE"]),
            ]
        )

    async def customer(self, request: Request) -> Response:
        customer = CUSTOMERS.get(request.path_params["id"])
        return JSONResponse(customer) if customer else JSONResponse({"error": "no such customer"}, 404)

    async def create_hold(self, request: Request) -> Response:
        """The same idempotency key again gives the same hold."""
        key = request.headers.get("idempotency-key")
        for hold in self.holds.values():
            if key is not None and hold["key"] == key:
                return JSONResponse(hold, 201)
        hold = {**await request.json(), "id": f"hold-{next(self._numbers)}", "key": key or ""}
        self.holds[hold["id"]] = hold
        return JSONResponse(hold, 201)

    async def release_hold(self, request: Request) -> Response:
        if self.holds.pop(request.path_params["id"], None) is None:
            return JSONResponse({"error": "no such hold"}, 404)
        self.released.append(request.path_params["id"])
        return Response(status_code=204)


def main() -> None:
    arguments = argparse.ArgumentParser(description="The customer service of the triage example")
    arguments.add_argument("--port", type=int, default=PORT)
    uvicorn.run(CustomerService().app(), host="127.0.0.1", port=arguments.parse_args().port, log_level="warning")


if __name__ == "__main__":
    main()
