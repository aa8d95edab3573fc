"""A request as HTTP and sockets carry it alike."""

from typing import Any

import msgspec


class GraphQLRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Instead of its text, a document may be named: by `document_id`, or by its hash in `extensions.persistedQuery`."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Becomes a `ValidationError` of msgspec."""
        if self.query is None and self.document_id is None and (self.extensions or {}).get("persistedQuery") is None:
            raise ValueError("it has no `query`, and names no document")

    def with_text(self, text: str) -> "GraphQLRequest":
        """The same, with the text of the document that it names."""
        return msgspec.structs.replace(self, query=text, document_id=None)
