"""GraphQL documents, parsed and validated once for each text."""

import re
import sys
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    IntValueNode,
    Visitor,
    parse,
    validate,
    visit,
)

from graphql_api.admission.cost import formulas_of
from graphql_api.admission.formula import Formula, largest
from graphql_api.admission.limits import Limits
from graphql_api.admission.measures import Excess, Measures, measures_of
from graphql_api.compiled import MOST_FIELDS, Programs
from graphql_api.errors import PARSE_FAILED, VALIDATION_FAILED, formatted_all
from graphql_api.transports.refusal import RequestRefused, shortened
from graphql_api.transports.refused_documents import RefusedDocuments

INTROSPECTION_DISABLED = "INTROSPECTION_DISABLED"
_MOST_ERRORS = 3
_MOST_ROLES = 8
_MOST_DIGITS = 400
_MOST_TEXT_BYTES = 20_000
_TOKEN_BYTES = 500
_FIELD_BYTES = 3 * _TOKEN_BYTES
"""Of a field that is compiled."""
_TEXTS = 3
"""The text stands in the document, and again in the comments and the literals of its tokens and nodes."""
_LONG_NUMBER = re.compile(rf"\d{{{_MOST_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, and what is known about it for every request: `costs` are by the name of the operation."""

    programs: Programs
    measures: Measures
    costs: dict[str | None, Formula]
    highest_cost: Formula
    """For a request that names none; of several operations the most expensive one, though such a request is refused."""
    within: list[Limits]
    """Those that it is known to keep: a role's are one object, for as long as the process runs."""

    def check(self, limits: Limits) -> None:
        """Raises `RequestRefused`."""
        if not any(each is limits for each in self.within):
            _check_measures(self.measures, limits)
            if len(self.within) < _MOST_ROLES:
                self.within.append(limits)


class Documents:
    """Remembers the valid documents that were used last, up to so many bytes of them: validating one takes 0.7 ms, executing a
    small one 0.1. Of texts beyond 20 KB only those in `trusted` are remembered: a few that are long would displace all others. What is
    refused is remembered, too.
    """

    def __init__(
        self, schema: GraphQLSchema, *, trusted: Iterable[str] = (), remembered_bytes: int = 100_000_000
    ) -> None:
        self._schema = schema
        self._trusted = frozenset(trusted)
        self._remembered_bytes = remembered_bytes
        self._bytes = 0
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._refused = RefusedDocuments()

    def get(self, text: str, limits: Limits) -> Document:
        """Raises `RequestRefused`. What is known about a document is the same for every role; what is allowed is not."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            known.check(limits)
            return known
        _check_length(text, limits)
        with self._refused.remembering(text, limits):
            document = self._new(text, limits)
        self._remember(text, document)
        return document

    def _new(self, text: str, limits: Limits) -> Document:
        node = self._parsed(text, limits)
        measures = _measured(node, limits)
        _check_measures(measures, limits)
        self._validate(node, hide_suggestions=not limits.introspection)
        costs = formulas_of(self._schema, node)
        programs = Programs(self._schema, node, measures.fields)
        return Document(programs, measures, costs, largest(costs.values()), [limits])

    def _remember(self, text: str, document: Document) -> None:
        if sys.getsizeof(text) > _MOST_TEXT_BYTES and text not in self._trusted:
            return
        self._known[text] = document
        self._bytes += _weight(text, document)
        while self._bytes > self._remembered_bytes:
            dropped = self._known.popitem(last=False)
            self._bytes -= _weight(*dropped)

    def _parsed(self, text: str, limits: Limits) -> DocumentNode:
        try:
            document = parse(text, max_tokens=limits.tokens)
        except GraphQLSyntaxError as error:
            raise _refused([error], PARSE_FAILED) from error
        except RecursionError:
            raise _refused([GraphQLError("The document is nested too deeply")], PARSE_FAILED) from None
        if _LONG_NUMBER.search(text):
            visit(document, _ShortNumbers())
        return document

    def _validate(self, document: DocumentNode, *, hide_suggestions: bool) -> None:
        errors = validate(self._schema, document, max_errors=_MOST_ERRORS, hide_suggestions=hide_suggestions)
        if errors:
            raise _refused(errors, VALIDATION_FAILED)


def _weight(text: str, document: Document) -> int:
    fields = min(document.measures.fields, MOST_FIELDS)
    return _TEXTS * sys.getsizeof(text) + _TOKEN_BYTES * document.measures.tokens + _FIELD_BYTES * fields


def _check_length(text: str, limits: Limits) -> None:
    """Raises `RequestRefused`."""
    if len(text) > limits.characters:
        message = f"The document has {len(text):,} characters; the limit is {limits.characters:,}: use variables"
        raise _refused([GraphQLError(message)], PARSE_FAILED)


def _measured(document: DocumentNode, limits: Limits) -> Measures:
    try:
        return measures_of(document, fields=limits.fields, comparisons=limits.comparisons)
    except Excess as excess:
        raise _refused([GraphQLError(str(excess))], VALIDATION_FAILED) from None
    except RecursionError:
        raise _refused([GraphQLError("The document is nested too deeply")], VALIDATION_FAILED) from None


def _check_measures(found: Measures, limits: Limits) -> None:
    """Raises `RequestRefused`."""
    counts = (
        ("characters", found.characters, limits.characters),
        ("tokens", found.tokens, limits.tokens),
        ("tokens of arguments", found.argument_tokens, limits.argument_tokens),
        ("fragments", found.fragments, limits.fragments),
        ("operations", found.operations, limits.operations),
        ("fields at the top", found.root_fields, limits.root_fields),
        ("levels of fields", found.depth, limits.depth),
        ("aliases", found.aliases, limits.aliases),
        ("fields", found.fields, limits.fields),
        ("directives", found.directives, limits.directives),
        ("pairs of repeated fields", found.comparisons, limits.comparisons),
    )
    excesses = [
        GraphQLError(f"The document has {count:,} {name}; the limit is {limit:,}")
        for name, count, limit in counts
        if count > limit
    ]
    if excesses:
        raise _refused(excesses, VALIDATION_FAILED)
    if found.introspects and not limits.introspection:
        raise _refused([GraphQLError("Introspection is not allowed for your role")], INTROSPECTION_DISABLED)


class _ShortNumbers(Visitor):
    """graphql-core fails at whole numbers that Python does not read, which are those of thousands of digits."""

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        if len(node.value) > _MOST_DIGITS:
            raise _refused([GraphQLError("A number has too many digits", node)], PARSE_FAILED)


def _refused(errors: list[GraphQLError], code: str) -> RequestRefused:
    return RequestRefused(shortened(formatted_all(errors, code)))
