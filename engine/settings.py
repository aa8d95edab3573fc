"""Settings: the only reader of the environment. Every name begins with `WEFT_`; one that is not known is refused."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.domain.durations import parse_duration

SECRET_PREFIX = "WEFT_SECRET_"  # noqa: S105  # the name of a variable, not a secret
NO_TOKENS_FILE = "WEFT_AUTH=token needs WEFT_TOKENS_FILE, the file of the tokens that may call"
ROLES = ("admin", "editor", "viewer")
LIMITS = (
    "characters", "tokens", "argument_tokens", "fragments", "operations", "root_fields", "depth", "fields", "aliases",
    "directives", "comparisons", "cost", "seconds", "body_bytes", "connections", "response_bytes",
)  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment: how it is read, and what it means, for the README's table and `weft doctor`."""

    name: str
    field: str
    read: Callable[[str], Any]
    meaning: str


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"is {text!r}; it may be {' or '.join(allowed)}")
        return text

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise ValueError(f"is {text!r}; it must be a whole number from {least} to {most}")
        return int(text)

    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in _names(text))


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in _names(text))


def _lease(text: str) -> timedelta:
    lease = parse_duration(text)
    if not timedelta(seconds=2) <= lease <= timedelta(minutes=10):
        raise ValueError(f"is {text!r}; it must be from 2s to 10m")
    return lease


def _prefix(text: str) -> str:
    # Without a hyphen, because that is what ends it: see `engine.secrets.secret_manager`.
    if not re.fullmatch("[a-z][a-z0-9]{0,19}", text):
        raise ValueError(f"is {text!r}; it must be 1 to 20 small letters and digits, a letter first")
    return text


def _lanes(text: str) -> dict[str, int]:
    lanes = {}
    for part in _names(text):
        name, separator, limit = part.partition("=")
        if not separator or not name or not limit.isdigit() or int(limit) < 1:
            raise ValueError(f"has {part!r}; write name=limit, such as gpu=2,crm=10")
        lanes[name] = int(limit)
    return lanes


def _roles(text: str) -> frozenset[str]:
    names = _names(text)
    if names == ("none",):
        return frozenset()
    for name in names:
        if name not in ROLES:
            raise ValueError(f"has {name!r}; write roles ({', '.join(ROLES)}), comma-separated, or none")
    return frozenset(names)


def _limits(text: str) -> dict[str, dict[str, int]]:
    limits: dict[str, dict[str, int]] = {}
    for part in _names(text):
        name, _, value = part.partition("=")
        role, _, limit = name.partition(".")
        if role not in ROLES or limit not in LIMITS or not re.fullmatch("[1-9][0-9]{0,8}", value):
            raise ValueError(
                f"has {part!r}; write role.limit=number, such as viewer.cost=20000; limits: {', '.join(LIMITS)}"
            )
        limits.setdefault(role, {})[limit] = int(value)
    return limits


def _rates(text: str) -> dict[str, tuple[int, int]]:
    rates = {}
    for part in _names(text):
        found = re.fullmatch("([a-z]+)=([1-9][0-9]{0,6})/([smh])", part)
        if not found or found[1] not in ROLES:
            raise ValueError(f"has {part!r}; write role=requests/s, /m or /h, such as editor=100/s,viewer=600/m")
        rates[found[1]] = (int(found[2]), {"s": 1, "m": 60, "h": 3600}[found[3]])
    return rates


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/-]*)?", text):
        raise ValueError(f"is {text!r}; write an address such as https://weft.example.com")
    return text.rstrip("/")


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError(f"is {text!r}; write the email of a service account")
    return text


def _topics(text: str) -> tuple[str, ...]:
    topics = _names(text)
    for topic in topics:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}", topic) or topic.startswith("goog"):
            raise ValueError(f"has {topic!r}; write ids of topics such as orders, comma-separated")
        if topic.startswith("weft.") and topic != "weft.emitted":
            raise ValueError(f"has {topic!r}, which belongs to the engine")
    return topics


def _origins(text: str) -> tuple[str, ...]:
    origins = _names(text)
    for origin in origins:
        if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", origin):
            raise ValueError(f"has {origin!r}; write origins such as https://console.example.com, in small letters")
    return origins


VARIABLES = (
    Variable("WEFT_HOST", "host", str, "address to listen on; only loopback addresses with `WEFT_AUTH=local`"),
    Variable("WEFT_PORT", "port", _whole(0, 65535), "port to listen on; 0 takes a free one"),
    Variable(
        "WEFT_WORKERS",
        "workers",
        _whole(1, 256),
        "processes that share the address; more than 1 need a store and a bus that processes share",
    ),
    Variable(
        "WEFT_PUBLIC_URL",
        "public_url",
        _url,
        "where others reach this server: the addresses of webhooks begin with it; unset: `http://<host>:<port>`",
    ),
    Variable("WEFT_DATA_DIR", "data_dir", Path, "directory of the embedded store"),
    Variable(
        "WEFT_STORE", "store", _choice("sqlite", "firestore"), "where documents are kept: `sqlite`, or `firestore`"
    ),
    Variable("WEFT_BUS", "bus", _choice("local", "pubsub"), "how hints move between processes: `local`, or `pubsub`"),
    Variable("WEFT_DATABASE", "database", str, "the Firestore database"),
    Variable(
        "WEFT_PROVISION",
        "provision",
        _choice("auto", "never"),
        "whether a start may create missing topics and subscriptions: `auto`, or `never` (`weft provision` did)",
    ),
    Variable(
        "WEFT_LEASE", "lease", _lease, "how long a worker holds an execution without renewing, from `2s` to `10m`"
    ),
    Variable(
        "WEFT_MODULES", "modules", _names, "Python modules with functions, graphs and step kinds, comma-separated"
    ),
    Variable("WEFT_LOG_FORMAT", "log_format", _choice("console", "json"), "`console` or `json`"),
    Variable(
        "WEFT_LOG_LEVEL",
        "log_level",
        _choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR`",
    ),
    Variable(
        "WEFT_AUTH",
        "auth",
        _choice("local", "token"),
        "who may call: `local`, everyone on this machine is the owner; `token`, who shows a token of `WEFT_TOKENS_FILE`",
    ),
    Variable("WEFT_TOKENS_FILE", "tokens_file", Path, "YAML file of the tokens that may call"),
    Variable("WEFT_LANES", "lanes", _lanes, "concurrency limits of lanes: `name=limit`, comma-separated"),
    Variable("WEFT_CAPACITY", "capacity", _whole(1, 100_000), "executions that a worker drives at a time"),
    Variable(
        "WEFT_RETENTION",
        "retention",
        parse_duration,
        "how long ended executions are kept, such as `30d`; unset: for ever",
    ),
    Variable("WEFT_SCRIPTS", "scripts", _paths, "YAML files of the `scripted:` model provider, comma-separated"),
    Variable("WEFT_PRICES", "prices", Path, "YAML file with model prices, for budgets in US dollars"),
    Variable(
        "WEFT_HTTP_ALLOW",
        "http_allow",
        _networks,
        "private networks that `http` steps may reach, such as `10.1.0.0/16`",
    ),
    Variable(
        "WEFT_SECRETS",
        "secret_source",
        _choice("environment", "secret-manager"),
        "where `secrets.<name>` come from: `environment`, the variables `WEFT_SECRET_<NAME>`; or Google's `secret-manager`",
    ),
    Variable(
        "WEFT_SECRETS_PREFIX",
        "secret_prefix",
        _prefix,
        "in Secret Manager, `secrets.crm` of the tenant `acme` is the secret `<prefix>-acme-crm`",
    ),
    Variable(
        "WEFT_LIMITS",
        "limits",
        _limits,
        "limits of requests: `role.limit=number`, such as `viewer.cost=20000`, comma-separated; see docs/api-limits.md",
    ),
    Variable(
        "WEFT_INTROSPECTION",
        "introspection",
        _roles,
        "roles that may introspect the schema, comma-separated, or `none`",
    ),
    Variable(
        "WEFT_RATE",
        "rates",
        _rates,
        "how often each caller may ask: `role=requests/s`, `/m` or `/h`, comma-separated; unset: no limit",
    ),
    Variable(
        "WEFT_DOCUMENTS",
        "documents",
        Path,
        "trusted GraphQL documents, which clients name by id or sha256: a directory, or a JSON file",
    ),
    Variable(
        "WEFT_DOCUMENTS_ONLY",
        "documents_only",
        _roles,
        "roles that may execute the documents of `WEFT_DOCUMENTS` alone, comma-separated",
    ),
    Variable(
        "WEFT_ORIGINS",
        "origins",
        _origins,
        "web pages that may use the API, such as `https://console.example.com`, comma-separated; others then may not",
    ),
    Variable(
        "WEFT_EMIT_TOPICS",
        "emit_topics",
        _topics,
        "topics that `emit` steps may name beside `weft.emitted`, comma-separated; unset: any with `local`, none with `pubsub`",
    ),
    Variable(
        "WEFT_PUSH_EMAIL",
        "push_email",
        _email,
        "the service account as which Pub/Sub pushes to `/pubsub/push/<trigger>`; unset: nobody may push",
    ),
    Variable(
        "WEFT_PUSH_AUDIENCE",
        "push_audience",
        str,
        "the audience of the tokens of what is pushed; unset: the address of `WEFT_PUBLIC_URL`",
    ),
    Variable(
        "WEFT_PUSH_VERIFY",
        "push_verify",
        _choice("on", "off"),
        "`off`: whoever pushes is believed, for development with `WEFT_AUTH=local` or an emulator of Pub/Sub",
    ),
    Variable("WEFT_GRACE", "grace", parse_duration, "how long a stopping server waits for what is under way"),
)


GOOGLE_VARIABLES = (
    Variable("GOOGLE_CLOUD_PROJECT", "project", str, "the Google Cloud project of Firestore and Pub/Sub"),
    Variable("FIRESTORE_EMULATOR_HOST", "firestore_emulator", str, "`host:port` of a Firestore emulator"),
    Variable("PUBSUB_EMULATOR_HOST", "pubsub_emulator", str, "`host:port` of a Pub/Sub emulator"),
)
"""Google's own, with the meaning they have everywhere."""

CLIENT_VARIABLES = {
    "WEFT_URL": "the server that the command line talks to (`http://127.0.0.1:8000`)",
    "WEFT_TOKEN": "the token that the command line shows to it",
    "WEFT_TOKEN_OVER_HTTP": "`yes`: the command line shows the token to other machines over plain http too",
}
"""Read by the `weft` command alone."""


def read_settings(environment: Mapping[str, str], **overrides: Any) -> Settings:
    """Raises `BadSettings` with everything that is wrong. `overrides`, where not None, come before the environment."""
    known = {variable.name: variable for variable in (*VARIABLES, *GOOGLE_VARIABLES)}
    values: dict[str, Any] = {}
    problems = []
    secrets = {}
    for name, text in environment.items():
        if name.startswith(SECRET_PREFIX):
            secrets[name.removeprefix(SECRET_PREFIX)] = text
        elif name in known and text != "":
            try:
                values[known[name].field] = known[name].read(text)
            except ValueError as error:
                problems.append(f"{name} {error}")
        elif name.startswith("WEFT_") and name not in known and name not in CLIENT_VARIABLES:
            problems.append(f"{name} is not a setting; see the configuration table in the README")
    values.update({name: value for name, value in overrides.items() if value is not None})
    problems.extend(_disagreements(values))
    if problems:
        raise BadSettings(problems)
    return Settings(**values, secrets=secrets)


def _disagreements(values: Mapping[str, Any]) -> list[str]:
    """What no setting shows by itself. `values` are those that were given."""
    problems = []
    if values.get("auth") == "token" and "tokens_file" not in values:
        problems.append(NO_TOKENS_FILE)
    if "tokens_file" in values and "auth" not in values:
        problems.append("WEFT_TOKENS_FILE protects nothing without WEFT_AUTH=token; say `token`, or `local`")
    if values.get("documents_only") and "documents" not in values:
        problems.append("WEFT_DOCUMENTS_ONLY lets nothing be executed without WEFT_DOCUMENTS, the documents")
    if "push_audience" in values and "push_email" not in values:
        problems.append("WEFT_PUSH_AUDIENCE does nothing without WEFT_PUSH_EMAIL, the account that may push")
    if values.get("push_verify") == "off" and values.get("auth") == "token" and "pubsub_emulator" not in values:
        problems.append(
            "WEFT_PUSH_VERIFY=off lets anybody push: it goes with WEFT_AUTH=local or PUBSUB_EMULATOR_HOST alone"
        )
    role, workers = values.get("role", "all"), values.get("workers", 1)
    shared = (values.get("store"), values.get("bus")) == ("firestore", "pubsub")
    if workers > 1 and not shared:
        problems.append(
            f"{workers} workers need a store and a bus that processes share, and the embedded ones belong to one process: say "
            "WEFT_STORE=firestore and WEFT_BUS=pubsub, or --workers 1"
        )
    if role != "all" and not shared:
        problems.append(
            f"the role {role} needs others beside it: a store and a bus that processes share, WEFT_STORE=firestore and "
            "WEFT_BUS=pubsub"
        )
    return problems
