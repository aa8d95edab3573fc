"""Which database is meant, and how Firestore names what is in it."""

from urllib.parse import quote

import msgspec

SERVICE = "firestore.googleapis.com:443"

Metadata = tuple[tuple[str, str], ...]


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """`emulator` is the `host:port` of one; None is Google's service."""

    project: str
    database: str
    emulator: str | None = None

    @property
    def address(self) -> str:
        return self.emulator or SERVICE

    @property
    def name(self) -> str:
        return f"projects/{self.project}/databases/{self.database}"

    @property
    def root(self) -> str:
        """The parent of collections that are in no document."""
        return f"{self.name}/documents"

    @property
    def request_limit(self) -> int:
        """Bytes of one request; a commit beyond it cannot work."""
        return 4 * 1024 * 1024 if self.emulator else 10 * 1024 * 1024

    def document_name(self, path: str) -> str:
        return f"{self.root}/{path}"

    def path(self, document_name: str) -> str:
        return document_name[len(self.root) + 1 :]

    def metadata(self, key: str, value: str) -> Metadata:
        """Headers of a call. The service routes it by one of the request's fields, and by the older header as a whole."""
        routing = (
            ("google-cloud-resource-prefix", self.name),
            ("x-goog-request-params", f"{key}={quote(value, safe='')}"),
        )
        return (*routing, ("authorization", "Bearer owner")) if self.emulator else routing
