"""Paths of documents and collections: segments that alternate between a collection's name and a document's id."""

from engine.domain.errors import BadRequest


def split_document_path(path: str) -> tuple[str, str]:
    """The collection's path and the document's id: `tenants/t1/executions/ex_1` gives `tenants/t1/executions`, `ex_1`.

    Raises `BadRequest` for what is no document's path.
    """
    parent, _, identifier = path.rpartition("/")
    if not identifier or not path.count("/") % 2 or "//" in path or path[0] == "/" or not encodable(path):
        raise BadRequest(f"{path[:200]!r} is not the path of a document")
    return parent, identifier


def encodable(text: str) -> bool:
    """False for lone surrogates, which JSON can carry and no database takes."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
