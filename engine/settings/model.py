"""What may be set, and what it is where nobody says."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSettings(Exception):
    """`problems` has one sentence for each variable that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Defaults are those of a laptop. `secrets` are the `WEFT_SECRET_<NAME>` variables, by NAME. `role` (all, api, worker) is said on
    the command line; `project` and the emulators (`host:port`) are Google's own variables. `limits` are by role and name, `rates`
    are requests and seconds by role.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    public_url: str | None = None
    push_audience: str | None = None
    push_email: str | None = None
    push_verify: str = "on"
    data_dir: Path = Path(".weft")
    store: str = "sqlite"
    bus: str = "local"
    modules: tuple[str, ...] = ()
    log_format: str = "console"
    log_level: str = "INFO"
    auth: str = "local"
    tokens_file: Path | None = None
    role: str = "all"
    project: str | None = None
    database: str = "(default)"
    firestore_emulator: str | None = None
    pubsub_emulator: str | None = None
    provision: str = "auto"
    lease: timedelta = timedelta(seconds=60)
    lanes: Mapping[str, int] = field(default_factory=dict)
    capacity: int = 200
    retention: timedelta | None = None
    scripts: tuple[Path, ...] = ()
    prices: Path | None = None
    http_allow: tuple[Network, ...] = ()
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    introspection: frozenset[str] | None = None
    rates: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    documents: Path | None = None
    documents_only: frozenset[str] | None = None
    origins: tuple[str, ...] = ()
    emit_topics: tuple[str, ...] | None = None
    trigger_topics: tuple[str, ...] | None = None
    grace: timedelta = timedelta(seconds=10)
    secret_source: str = "environment"  # noqa: S105  # the name of a source, not a secret
    secret_prefix: str = "weft"  # noqa: S105  # the same
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def reached_at(self) -> str:
        """Without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def emit_to(self) -> frozenset[str] | None:
        """The topics that `emit` steps may name beside the default one; None: any. Those of Pub/Sub are shared with whoever else uses
        the project.
        """
        if self.emit_topics is None:
            return frozenset() if self.bus == "pubsub" else None
        return frozenset(self.emit_topics)
