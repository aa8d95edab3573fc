"""The variables of the environment, as the README's table lists them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.domain.durations import parse_duration
from engine.settings.texts import (
    choice,
    email,
    lanes,
    lease,
    limits,
    names,
    networks,
    origins,
    paths,
    prefix,
    rates,
    resources,
    roles,
    topics,
    url,
    whole,
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment: how it is read, and what it means, for the README's table and `weft doctor`."""

    name: str
    field: str
    read: Callable[[str], Any]
    meaning: str


VARIABLES = (
    Variable("WEFT_HOST", "host", str, "address to listen on; only loopback addresses with `WEFT_AUTH=local`"),
    Variable("WEFT_PORT", "port", whole(0, 65535), "port to listen on; 0 takes a free one"),
    Variable(
        "WEFT_WORKERS",
        "workers",
        whole(1, 256),
        "processes that share the address; more than 1 need a store and a bus that processes share",
    ),
    Variable(
        "WEFT_PUBLIC_URL",
        "public_url",
        url,
        "where others reach this server: the addresses of webhooks begin with it; unset: `http://<host>:<port>`",
    ),
    Variable("WEFT_DATA_DIR", "data_dir", Path, "directory of the embedded store"),
    Variable(
        "WEFT_STORE", "store", choice("sqlite", "firestore"), "where documents are kept: `sqlite`, or `firestore`"
    ),
    Variable("WEFT_BUS", "bus", choice("local", "pubsub"), "how hints move between processes: `local`, or `pubsub`"),
    Variable("WEFT_DATABASE", "database", str, "the Firestore database"),
    Variable(
        "WEFT_PROVISION",
        "provision",
        choice("auto", "never"),
        "whether a start may create missing topics and subscriptions: `auto`, or `never` (`weft provision` did)",
    ),
    Variable("WEFT_LEASE", "lease", lease, "how long a worker holds an execution without renewing, from `2s` to `10m`"),
    Variable("WEFT_MODULES", "modules", names, "Python modules with functions, graphs and step kinds, comma-separated"),
    Variable("WEFT_LOG_FORMAT", "log_format", choice("console", "json"), "`console` or `json`"),
    Variable(
        "WEFT_LOG_LEVEL",
        "log_level",
        choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR`",
    ),
    Variable(
        "WEFT_AUTH",
        "auth",
        choice("local", "token"),
        "who may call: `local`, everyone on this machine is the owner; `token`, who shows a token of `WEFT_TOKENS_FILE`",
    ),
    Variable("WEFT_TOKENS_FILE", "tokens_file", Path, "YAML file of the tokens that may call"),
    Variable("WEFT_LANES", "lanes", lanes, "concurrency limits of lanes: `name=limit`, comma-separated"),
    Variable("WEFT_CAPACITY", "capacity", whole(1, 100_000), "executions that a worker drives at a time"),
    Variable(
        "WEFT_RETENTION",
        "retention",
        parse_duration,
        "how long ended executions are kept, such as `30d`; unset: for ever",
    ),
    Variable("WEFT_SCRIPTS", "scripts", paths, "YAML files of the `scripted:` model provider, comma-separated"),
    Variable("WEFT_PRICES", "prices", Path, "YAML file with model prices, for budgets in US dollars"),
    Variable(
        "WEFT_HTTP_ALLOW",
        "http_allow",
        networks,
        "private networks that `http` steps may reach, such as `10.1.0.0/16`",
    ),
    Variable(
        "WEFT_SECRETS",
        "secret_source",
        choice("environment", "secret-manager"),
        "where `secrets.<name>` come from: `environment`, the variables `WEFT_SECRET_<NAME>`; or Google's `secret-manager`",
    ),
    Variable(
        "WEFT_SECRETS_PREFIX",
        "secret_prefix",
        prefix,
        "in Secret Manager, `secrets.crm` of the tenant `acme` is the secret `<prefix>-acme-crm`",
    ),
    Variable(
        "WEFT_LIMITS",
        "limits",
        limits,
        "limits of requests: `role.limit=number`, such as `viewer.cost=20000`, comma-separated; see docs/api-limits.md",
    ),
    Variable(
        "WEFT_INTROSPECTION",
        "introspection",
        roles,
        "roles that may introspect the schema, comma-separated, or `none`",
    ),
    Variable(
        "WEFT_RATE",
        "rates",
        rates,
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
        roles,
        "roles that may execute the documents of `WEFT_DOCUMENTS` alone, comma-separated",
    ),
    Variable(
        "WEFT_ORIGINS",
        "origins",
        origins,
        "web pages that may use the API, such as `https://console.example.com`, comma-separated; others then may not",
    ),
    Variable(
        "WEFT_EMIT_TOPICS",
        "emit_topics",
        topics,
        "topics that `emit` steps may name beside `weft.emitted`, comma-separated; unset: any with `local`, none with `pubsub`",
    ),
    Variable(
        "WEFT_TRIGGER_TOPICS",
        "trigger_topics",
        resources,
        "topics, and subscriptions that exist, that triggers may name, comma-separated; unset: any that are not the engine's",
    ),
    Variable(
        "WEFT_PUSH_EMAIL",
        "push_email",
        email,
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
        choice("on", "off"),
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
