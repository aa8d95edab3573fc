"""Reads the environment."""

from collections.abc import Mapping
from typing import Any

from engine.settings.model import BadSettings, Settings
from engine.settings.variables import CLIENT_VARIABLES, GOOGLE_VARIABLES, VARIABLES

SECRET_PREFIX = "WEFT_SECRET_"  # noqa: S105  # the name of a variable, not a secret
NO_TOKENS_FILE = "WEFT_AUTH=token needs WEFT_TOKENS_FILE, the file of the tokens that may call"


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
