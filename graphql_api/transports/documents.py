"""GraphQL documents, parsed and validated once for each text."""

import re
from collections import OrderedDict
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

from graphql_api.errors import PARSE_FAILED, VALIDATION_FAILED, formatted_all
from graphql_api.transports.complexity import Complexity, complexity_of
from graphql_api.transports.refusal import RequestRefused

_MOST_DIGITS = 400
_LONG_NUMBER = re.compile(rf"\d{{{_MOST_DIGITS}}}")


@dataclass(frozen=True, kw_only=True)
class DocumentLimits:
    """Tokens bound the work of parsing and validating, the others that of executing. `fields` counts each fragment as
    often as it is spread, so that small documents cannot unfold into huge ones. The introspection query of common tools
    has a depth of 15.
    """

    characters: int = 100_000
    tokens: int = 5_000
    depth: int = 15
    aliases: int = 200
    fields: int = 2_000


class Documents:
    """Remembers the valid documents that were used last: validating one takes 0.7 ms, executing a small one 0.1."""

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits, *, remembered: int = 500) -> None:
        self._schema = schema
        self._limits = limits
        self._remembered = remembered
        self._known: OrderedDict[str, DocumentNode] = OrderedDict()

    def get(self, text: str) -> DocumentNode:
        """Raises `RequestRefused`."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        document = self._parsed(text)
        self._check(document)
        self._known[text] = document
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return document

    def _parsed(self, text: str) -> DocumentNode:
        if len(text) > self._limits.characters:
            message = (
                f"The document has {len(text):,} characters; the limit is {self._limits.characters:,}: use variables"
            )
            raise _refused([GraphQLError(message)], PARSE_FAILED)
        try:
            document = parse(text, max_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            raise _refused([error], PARSE_FAILED) from error
        except RecursionError:
            raise _refused([GraphQLError("The document is nested too deeply")], PARSE_FAILED) from None
        if _LONG_NUMBER.search(text):
            visit(document, _ShortNumbers())
        return document

    def _check(self, document: DocumentNode) -> None:
        try:
            errors = validate(self._schema, document, max_errors=20)
        except RecursionError:
            errors = [GraphQLError("The document is nested too deeply")]
        if not errors:
            errors = self._excesses(complexity_of(document))
        if errors:
            raise _refused(errors, VALIDATION_FAILED)

    def _excesses(self, found: Complexity) -> list[GraphQLError]:
        limits = self._limits
        counts = (
            ("levels of fields", found.depth, limits.depth),
            ("aliases", found.aliases, limits.aliases),
            ("fields", found.fields, limits.fields),
        )
        return [
            GraphQLError(f"The document has {count:,} {name}; the limit is {limit:,}")
            for name, count, limit in counts
            if count > limit
        ]


class _ShortNumbers(Visitor):
    """graphql-core fails at whole numbers that Python does not read, which are those of thousands of digits."""

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        if len(node.value) > _MOST_DIGITS:
            raise _refused([GraphQLError("A number has too many digits", node)], PARSE_FAILED)


def _refused(errors: list[GraphQLError], code: str) -> RequestRefused:
    return RequestRefused(formatted_all(errors, code))
