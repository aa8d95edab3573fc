"""Trusted documents are looked at when the server starts, so that none is refused later."""

from collections.abc import Mapping

from graphql_api.admission.limits import Limits
from graphql_api.transports.documents import Documents
from graphql_api.transports.refusal import RequestRefused


class BadDocument(Exception):  # it is about what the operator gave, and no error of ours
    """`problems` has one line for each document that is not valid, or beyond the limits."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def check_documents(documents: Documents, trusted: Mapping[str, str], limits: Limits) -> None:
    """Raises `BadDocument`."""
    problems = []
    for name, text in trusted.items():
        try:
            documents.get(text, limits)
        except RequestRefused as refusal:
            problems.append(f"the document {name}: {refusal}")
    if problems:
        raise BadDocument(problems)
