"""Decides whether a request is carried out: what its document is, and whether the caller may ask for so much."""

from collections.abc import Awaitable
from typing import Any, NamedTuple

from engine.usecases.caller import Caller
from graphql_api.admission.deadlines import Deadlines, Overdue
from graphql_api.admission.formula import value_of
from graphql_api.admission.limits import DEFAULT_LIMITS, Limits, RoleLimits
from graphql_api.admission.persisted import PersistedDocuments
from graphql_api.transports.documents import Document, Documents
from graphql_api.transports.refusal import RequestRefused
from graphql_api.transports.request import GraphQLRequest

COST_LIMIT_EXCEEDED = "COST_LIMIT_EXCEEDED"
TIMEOUT = "TIMEOUT"


class Admitted(NamedTuple):
    """A request that may be carried out within its limits."""

    text: str
    document: Document
    limits: Limits
    extensions: dict[str, Any] | None
    """Of the response to a query or a mutation."""
    deadlines: Deadlines

    @property
    def hide_suggestions(self) -> bool:
        return not self.limits.introspection

    async def carried_out(self, executing: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """The response of a query or a mutation, or that it took too long."""
        seconds = self.limits.seconds
        try:
            response = await self.deadlines.within(executing, seconds)
        except Overdue:
            message = f"The request took longer than {seconds} s and was stopped; a mutation may have been carried out"
            response = {"data": None, "errors": [{"message": message, "extensions": {"code": TIMEOUT}}]}
        if self.extensions is not None:
            response["extensions"] = self.extensions
        return response


class Admission:
    """`reports_cost`: responses of queries and mutations show in `extensions.cost` what was requested and what is allowed."""

    def __init__(
        self,
        documents: Documents,
        limits: RoleLimits = DEFAULT_LIMITS,
        persisted: PersistedDocuments | None = None,
        *,
        reports_cost: bool = False,
    ) -> None:
        self._documents = documents
        self._limits = limits
        self._persisted = persisted or PersistedDocuments()
        self._reports_cost = reports_cost
        self._deadlines = Deadlines()

    def limits_of(self, caller: Caller) -> Limits:
        return self._limits[caller.role]

    def admit(self, request: GraphQLRequest, caller: Caller) -> Admitted:
        """Raises `RequestRefused`."""
        limits = self._limits[caller.role]
        resolved = self._persisted.resolve(request, caller)
        document = self._documents.get(resolved.text, limits)
        self._persisted.register(resolved, caller)
        formula = document.costs.get(request.operation_name or None, document.highest_cost)
        requested = value_of(formula, request.variables or {})
        if requested > limits.cost:
            raise _too_expensive(requested, limits.cost)
        extensions = {"cost": {"requested": requested, "maximum": limits.cost}} if self._reports_cost else None
        return Admitted(resolved.text, document, limits, extensions, self._deadlines)


def _too_expensive(requested: int, maximum: int) -> RequestRefused:
    cost = {"requested": requested, "maximum": maximum}
    message = f"The request costs {requested:,}; the limit is {maximum:,}: ask for smaller pages or fewer fields"
    error = {"message": message, "extensions": {"code": COST_LIMIT_EXCEEDED, "cost": cost}}
    return RequestRefused([error], extensions={"cost": cost})
