"""Renders every overlay of `k8s/`, and checks each document against Kubernetes' schemas and all of them against our rules.

    python .ci/validate_manifests.py k8s/overlays docs/deploy-google-cloud.md

Offline: `kubectl kustomize` and the schemas are part of the locked environment. Secrets are not in the repository; the document
named last says which ones have to be made by hand.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from kubernetes_validate import (  # type: ignore[import-untyped]  # it ships no types
    SchemaNotFoundError,
    ValidationError,
    validate,
)
from manifest_rules import Document, name_of, rule_problems

KUBERNETES = ("1.34", "1.37")
"""The oldest and the newest version that the manifests are for."""

_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
POD_MONITORING = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "monitoring.googleapis.com/v1"},
        "kind": {"const": "PodMonitoring"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["selector", "endpoints"],
            "properties": {
                "selector": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"matchLabels": _LABELS, "matchExpressions": {"type": "array"}},
                },
                "endpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["port", "interval"],
                        "properties": {
                            "port": {"type": ["string", "integer"]},
                            "path": {"type": "string", "pattern": "^/"},
                            "interval": {"type": "string", "pattern": "^[0-9]+(s|m)$"},
                            "timeout": {"type": "string", "pattern": "^[0-9]+(s|m)$"},
                        },
                    },
                },
                "targetLabels": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "metadata": {"type": "array", "items": {"enum": ["pod", "container", "node"]}},
                        "fromPod": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["from"],
                                "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The part of the custom resource that we use: https://github.com/GoogleCloudPlatform/prometheus-engine, doc/api.md."""

CUSTOM_RESOURCES = {("monitoring.googleapis.com/v1", "PodMonitoring"): POD_MONITORING}


class CannotRender(Exception):
    """kustomize refuses the directory."""


def overlays(directory: Path) -> list[Path]:
    """Every kustomization below it; components are parts of those, and not rendered by themselves."""
    return sorted(
        file.parent for file in directory.rglob("kustomization.yaml") if "kind: Kustomization" in file.read_text()
    )


def render(directory: Path) -> list[Document]:
    """Raises `CannotRender`. The kubectl is the one of this environment, whatever else is installed."""
    kubectl = Path(sys.executable).parent / "kubectl"
    if not kubectl.exists():
        raise CannotRender(f"{kubectl} is missing: the environment is not that of requirements/dev.txt")
    done = subprocess.run(  # noqa: S603 - both are ours
        [kubectl, "kustomize", directory], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:  # what kustomize only warns of will be refused by a later version
        raise CannotRender(done.stderr.strip())
    return list(yaml.safe_load_all(done.stdout))


def schema_problems(document: Document) -> Iterator[str]:
    custom = CUSTOM_RESOURCES.get((document.get("apiVersion", ""), document.get("kind", "")))
    if custom is not None:
        for error in jsonschema.Draft202012Validator(custom).iter_errors(document):
            yield f"{name_of(document)}: {_place(error)}: {error.message}"
        return
    for version in KUBERNETES:
        try:
            validate(document, version, strict=True)
        except ValidationError as error:
            yield f"{name_of(document)}: {_place(error)}: {error.message} (Kubernetes {version})"
        except SchemaNotFoundError as error:
            yield f"{name_of(document)}: {error.message}"


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error.path) or "document"


def problems(directory: Path, documentation: str) -> list[str]:
    """Of one overlay: one line each."""
    try:
        documents = render(directory)
    except CannotRender as error:
        return [str(error)]
    found = [problem for document in documents for problem in schema_problems(document)]
    return found + list(rule_problems(documents, documentation))


def main(directory: Path, documentation: Path) -> int:
    checked = overlays(directory)
    found = [f"{overlay}: {problem}" for overlay in checked for problem in problems(overlay, documentation.read_text())]
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if not checked:
        sys.stderr.write(f"{directory}: has no overlay\n")
    sys.stdout.write(f"{directory}: {len(checked)} overlays, {len(found)} problems\n")
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
