"""Operations: what every transport does with a request once it has read it.

Strawberry builds the schema; operations are compiled against it, and what cannot be compiled graphql-core executes.
Strawberry's own way of executing (extensions, hooks, a fresh validation) costs more than the execution and is not used.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, OperationType
from graphql.execution import Executor, create_source_event_stream

from engine.usecases.caller import Caller
from graphql_api.admission.admission import Admission, Admitted
from graphql_api.admission.limits import Limits
from graphql_api.admission.persisted import NAMES_NOTHING
from graphql_api.admission.places import Places
from graphql_api.admission.rates import Rates
from graphql_api.compiled import Prepared
from graphql_api.context import Context
from graphql_api.errors import BAD_USER_INPUT, formatted, formatted_all, formatted_exception
from graphql_api.metrics import Metrics
from graphql_api.room import Room
from graphql_api.transports.refusal import RequestRefused, shortened
from graphql_api.transports.request import GraphQLRequest

Response = dict[str, Any]
"""`data` and `errors` as they go to the client, by way of `write_json`. Without `data`, nothing was executed, or a stream broke."""


@dataclass(kw_only=True)
class Operation:
    """An operation that is ready to run: its document is valid and its variables fit."""

    prepared: Prepared
    context: Context
    admitted: Admitted
    metrics: Metrics

    @property
    def kind(self) -> OperationType:
        return self.prepared.program.operation.operation

    @cached_property
    def executor(self) -> Executor[Any]:
        """graphql-core's, which opens subscriptions."""
        return self.prepared.executor(self.context)

    async def run(self) -> Response:
        """Of a query or a mutation."""
        response = await self.admitted.carried_out(self._executed(None, self.context))
        self.metrics.count(self.kind.value, "error" if "errors" in response else "ok")
        return response

    async def stream(self) -> AsyncGenerator[Response, None]:
        """The events of a subscription, or the one response of anything else. A response without `data` is the last.

        Subscriptions are not counted here, since one stream may have many subscribers.
        """
        if self.kind is not OperationType.SUBSCRIPTION:
            yield await self.run()
            return
        try:
            async with aclosing(self._events()) as events:
                async for response in events:
                    yield response
        except Exception as error:  # noqa: BLE001 # whatever it is, the client is told that the stream broke; errors.py logs it
            yield {"errors": [formatted_exception(error)]}

    async def _events(self) -> AsyncGenerator[Response, None]:
        source = create_source_event_stream(self.executor)
        opened = await source if isawaitable(source) else source
        if isinstance(opened, ExecutionResult):
            yield {"errors": formatted_all(opened.errors)}
            return
        async with aclosing(cast("AsyncGenerator[Any, None]", opened)) as events:
            async for event in events:
                yield await self._executed(event, self.context.renewed())

    async def _executed(self, root: Any, context: Context) -> Response:
        self.metrics.executed(self.prepared.left_to_core)
        with Room(self.admitted.limits.response_bytes) as room:
            result = await self.prepared.execute(root, context)
        if room.exceeded:
            refusal = room.refusal(of_mutation=self.kind is OperationType.MUTATION)
            return {"data": None, "errors": [formatted(refusal)]}
        if result.errors:
            return {"data": result.data, "errors": formatted_all(result.errors)}
        return {"data": result.data}


class Operations:
    def __init__(
        self, admission: Admission, metrics: Metrics, rates: Rates | None = None, places: Places | None = None
    ) -> None:
        self._admission = admission
        self.rates = rates or Rates()
        """Transports ask before they prepare, since a stream that goes on is prepared again."""
        self.places = places or Places()
        self._metrics = metrics

    def prepare(self, request: GraphQLRequest, context: Context) -> Operation:
        """Raises `RequestRefused`."""
        try:
            admitted = self._admission.admit(request, context.caller)
            prepared = _prepared(admitted, request)
        except RequestRefused as refusal:
            raise self._refused(refusal, context.caller) from None
        except Exception as error:
            self._metrics.count("request", "error")
            raise RequestRefused([formatted_exception(error)], status=500) from error
        if isinstance(prepared, list):
            raise self._refused(RequestRefused(shortened(formatted_all(prepared, BAD_USER_INPUT))), context.caller)
        return Operation(prepared=prepared, context=context, admitted=admitted, metrics=self._metrics)

    def limits_of(self, caller: Caller) -> Limits:
        return self._admission.limits_of(caller)

    def _refused(self, refusal: RequestRefused, caller: Caller) -> RequestRefused:
        """Counts it, in the caller's rate too. To ask for a document that is not known yet is how clients register one."""
        self._metrics.count("request", "refused")
        if refusal.errors[0]["extensions"]["code"] in NAMES_NOTHING:
            return refusal
        return refusal.with_headers(self.rates.take_refused(caller))


def _prepared(admitted: Admitted, request: GraphQLRequest) -> Prepared | list[GraphQLError]:
    program = admitted.document.programs.get(request.operation_name)
    if isinstance(program, GraphQLError):
        return [program]
    return program.prepare(request.variables, hide_suggestions=admitted.hide_suggestions)
