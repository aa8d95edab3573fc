"""Documents that are named instead of sent: trusted ones, which the operator lists, and those that clients register.

Names are Apollo's (`extensions.persistedQuery`) and those of GraphQL over HTTP's draft of persisted documents (`documentId`).
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.usecases.caller import Caller, Role
from graphql_api.transports.refusal import RequestRefused, bad_request
from graphql_api.transports.request import GraphQLRequest

NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
NOT_IN_LIST = "PERSISTED_QUERY_NOT_IN_LIST"
DOCUMENT_NOT_FOUND = "PERSISTED_DOCUMENT_NOT_FOUND"
NAMES_NOTHING = frozenset({NOT_FOUND, NOT_SUPPORTED, NOT_IN_LIST, DOCUMENT_NOT_FOUND})
"""No document was looked at."""
_SHA256 = re.compile("[0-9a-f]{64}")
_PREFIX = "sha256:"


def sha256_of(text: str) -> str:
    """A lone surrogate has no UTF-8; whoever hashed one did it in some other way."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Resolved(NamedTuple):
    """`register` is the hash under which the text is to be known, once it has proved to be a document."""

    text: str
    register: str | None = None


class PersistedDocuments:
    """`trusted` are texts by id; a text is found by its sha256 too. Roles in `only_for` may execute these alone."""

    def __init__(self, trusted: Mapping[str, str] | None = None, only_for: frozenset[Role] = frozenset()) -> None:
        self._trusted = dict(trusted or {})
        self._trusted_by_hash = {sha256_of(text): text for text in self._trusted.values()}
        self._only_for = only_for
        self._registered = RegisteredDocuments()

    def resolve(self, request: GraphQLRequest, caller: Caller) -> Resolved:
        """Raises `RequestRefused`."""
        persisted = (request.extensions or {}).get("persistedQuery")
        if request.document_id is not None:
            return Resolved(self._by_id(request, request.document_id, caller))
        if persisted is not None:
            return self._by_hash(request.query, persisted, caller)
        text = request.query or ""
        if caller.role in self._only_for and sha256_of(text) not in self._trusted_by_hash:
            raise _not_in_list()
        return Resolved(text)

    def register(self, resolved: Resolved, caller: Caller) -> None:
        if resolved.register is not None:
            self._registered.put(caller.tenant, resolved.register, resolved.text)

    def _by_id(self, request: GraphQLRequest, document_id: str, caller: Caller) -> str:
        if request.query is not None:
            raise bad_request("Send either `query` or `documentId`")
        digest = document_id.removeprefix(_PREFIX)
        text = self._trusted.get(document_id) or self._known(digest, caller)
        if text is None:
            raise _refused(DOCUMENT_NOT_FOUND, "No document is known by this documentId")
        return text

    def _by_hash(self, query: str | None, persisted: Any, caller: Caller) -> Resolved:
        digest = _digest_of(persisted)
        known = self._known(digest, caller)
        if known is not None and query in (None, known):
            return Resolved(known)
        if caller.role in self._only_for:
            raise _not_in_list()
        if query is None:
            raise _refused(NOT_FOUND, "PersistedQueryNotFound")
        if sha256_of(query) != digest:
            raise bad_request("provided sha does not match query")
        return Resolved(query, digest)

    def _known(self, digest: str, caller: Caller) -> str | None:
        trusted = self._trusted_by_hash.get(digest)
        if trusted is not None or caller.role in self._only_for:
            return trusted
        return self._registered.get(caller.tenant, digest)


class RegisteredDocuments:
    """What clients registered, by tenant, so that none learns or displaces what another has. Those used last stay. They are kept in
    UTF-8: as a `str`, a text takes four bytes for each of its characters as soon as one of them is an emoji.
    """

    def __init__(self, *, tenants: int = 100, documents: int = 1_000, tenant_bytes: int = 1_000_000) -> None:
        self._most_tenants = tenants
        self._most_documents = documents
        self._most_bytes = tenant_bytes
        self._tenants: OrderedDict[str, OrderedDict[str, bytes]] = OrderedDict()
        self._bytes: dict[str, int] = {}

    def get(self, tenant: str, digest: str) -> str | None:
        known = self._tenants.get(tenant)
        encoded = known.get(digest) if known else None
        if known is None or encoded is None:
            return None
        known.move_to_end(digest)
        self._tenants.move_to_end(tenant)
        return encoded.decode("utf-8", "surrogatepass")

    def put(self, tenant: str, digest: str, text: str) -> None:
        known = self._tenants.setdefault(tenant, OrderedDict())
        self._tenants.move_to_end(tenant)
        if digest not in known:
            known[digest] = encoded = text.encode("utf-8", "surrogatepass")
            self._bytes[tenant] = self._bytes.get(tenant, 0) + len(encoded)
        while len(known) > self._most_documents or self._bytes[tenant] > self._most_bytes:
            _, dropped = known.popitem(last=False)
            self._bytes[tenant] -= len(dropped)
        if len(self._tenants) > self._most_tenants:
            gone, _ = self._tenants.popitem(last=False)
            del self._bytes[gone]

    @property
    def bytes_kept(self) -> int:
        return sum(self._bytes.values())


def _digest_of(persisted: Any) -> str:
    """Raises `RequestRefused`."""
    if not isinstance(persisted, dict):
        raise bad_request("extensions.persistedQuery is an object")
    if persisted.get("version") != 1:
        raise _refused(NOT_SUPPORTED, "PersistedQueryNotSupported")
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise bad_request("extensions.persistedQuery.sha256Hash has 64 hexadecimal digits")
    return digest


def _not_in_list() -> RequestRefused:
    return _refused(NOT_IN_LIST, "Only listed documents are executed for you, and this is none of them")


def _refused(code: str, message: str) -> RequestRefused:
    """Apollo's clients look at the message as well as at the code."""
    return RequestRefused([{"message": message, "extensions": {"code": code}}])
