"""Operations: what every transport does with a request once it has read it.

Strawberry builds the schema; graphql-core runs it directly, since Strawberry's own way around it (extensions, hooks, a
fresh validation) costs more than the execution itself and is not used here.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLSchema, OperationType
from graphql.execution import Executor, create_source_event_stream

from graphql_api.admission.admission import Admission, Admitted
from graphql_api.admission.rates import Rates
from graphql_api.context import Context
from graphql_api.errors import BAD_USER_INPUT, formatted_all, formatted_exception
from graphql_api.metrics import Metrics
from graphql_api.transports.plain_fields import PlainFieldExecutor, is_awaitable, plain_fields_of
from graphql_api.transports.refusal import RequestRefused
from graphql_api.transports.request import GraphQLRequest

Response = dict[str, Any]
"""`data` and `errors` as they go to the client. Without `data`, nothing was executed, or a stream broke."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation that is ready to run: its document is valid and its variables fit."""

    executor: Executor[Any]
    admitted: Admitted
    metrics: Metrics

    @property
    def kind(self) -> OperationType:
        return self.executor.operation.operation

    async def run(self) -> Response:
        """Of a query or a mutation."""
        response = await self.admitted.carried_out(_executed(self.executor))
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
                executor = self.executor.build_per_event_executor(event)
                executor.context_value = executor.context_value.renewed()
                yield await _executed(executor)


class Operations:
    def __init__(
        self, schema: GraphQLSchema, admission: Admission, metrics: Metrics, rates: Rates | None = None
    ) -> None:
        self._schema = schema
        self._plain_fields = plain_fields_of(schema)
        self._admission = admission
        self.rates = rates or Rates()
        """Transports ask before they prepare, since a stream that goes on is prepared again."""
        self._metrics = metrics

    def prepare(self, request: GraphQLRequest, context: Context) -> Operation:
        """Raises `RequestRefused`."""
        try:
            admitted = self._admission.admit(request, context.caller)
            executor = PlainFieldExecutor.build(
                self._schema,
                admitted.document.node,
                context_value=context,
                raw_variable_values=request.variables,
                operation_name=request.operation_name,
                max_coercion_errors=20,
                hide_suggestions=admitted.hide_suggestions,
                is_awaitable=is_awaitable,
                plain_fields=self._plain_fields,
            )
        except RequestRefused:
            self._metrics.count("request", "refused")
            raise
        except Exception as error:
            self._metrics.count("request", "error")
            raise RequestRefused([formatted_exception(error)], status=500) from error
        if isinstance(executor, list):
            self._metrics.count("request", "refused")
            raise RequestRefused(formatted_all(executor, BAD_USER_INPUT))
        return Operation(executor=executor, admitted=admitted, metrics=self._metrics)


async def _executed(executor: Executor[Any]) -> Response:
    outcome = executor.execute_operation()
    result = cast("ExecutionResult", await outcome if isawaitable(outcome) else outcome)
    if result.errors:
        return {"data": result.data, "errors": formatted_all(result.errors)}
    return {"data": result.data}
