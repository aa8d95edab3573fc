"""What we ask of Kubernetes manifests beyond their schemas. The documents of one overlay are looked at together."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.domain.durations import parse_duration
from engine.settings import GOOGLE_VARIABLES, BadSettings, read_settings
from weft.cli.lazy_group import COMMANDS

Document = dict[str, Any]

CLOSING_SECONDS = 5
"""What a server needs to close its connections after WEFT_GRACE."""

_GOOGLE = {variable.name for variable in GOOGLE_VARIABLES}


def rule_problems(documents: list[Document], documentation: str) -> Iterator[str]:
    """One line for each broken rule. `documentation` says which Secrets an operator makes."""
    workloads = [Workload(document, documents) for document in documents if document["kind"] in {"Deployment", "Job"}]
    for workload in workloads:
        for problem in workload.problems(documentation):
            yield f"{name_of(workload.document)}: {problem}"
    yield from _selector_problems(documents, [workload.labels for workload in workloads])
    if any(document["kind"] == "Deployment" for document in documents):
        yield from _policy_problems(documents)


def name_of(document: Document) -> str:
    return f"{document.get('kind')}/{document.get('metadata', {}).get('name')}"


class Workload:
    """A Deployment or a Job with one container, among the documents that it refers to."""

    def __init__(self, document: Document, documents: list[Document]) -> None:
        self.document = document
        self._documents = documents
        self._pod = document["spec"]["template"]["spec"]
        self._container = self._pod["containers"][0]
        self.labels: Mapping[str, str] = document["spec"]["template"]["metadata"].get("labels", {})

    def problems(self, documentation: str) -> Iterator[str]:
        yield from self._isolation()
        yield from self._image_and_command()
        yield from self._references(documentation)
        yield from self._environment()
        if self.document["kind"] == "Deployment":
            yield from self._availability()

    def _isolation(self) -> Iterator[str]:
        if self._pod.get("enableServiceLinks") is not False:
            yield "enableServiceLinks is not false: Services would inject WEFT_ variables, which the settings refuse"
        if self._pod.get("automountServiceAccountToken") is not False:
            yield "automountServiceAccountToken is not false: nothing here talks to Kubernetes"
        if len(self._pod["containers"]) != 1 or self._pod.get("initContainers"):
            yield "has more than one container: the rules look at one"
        pod, container = self._pod.get("securityContext", {}), self._container.get("securityContext", {})
        if pod.get("runAsNonRoot") is not True or not pod.get("runAsUser"):
            yield "does not run as a numbered user other than root"
        if pod.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield "seccompProfile is not RuntimeDefault"
        if container.get("readOnlyRootFilesystem") is not True:
            yield "the root file system is not read-only"
        if container.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation is not false"
        if container.get("capabilities") != {"drop": ["ALL"]}:
            yield "capabilities are not all dropped"

    def _image_and_command(self) -> Iterator[str]:
        name, separator, tag = self._container["image"].rpartition("/")[2].partition(":")
        if "@sha256:" not in self._container["image"] and (not separator or tag == "latest"):
            yield f"the image {name} has no tag or digest of one release"
        command, *_ = self._container.get("args", [""])
        if "command" in self._container or command not in COMMANDS:
            yield f"args do not begin with a command of weft: {command!r}"
        resources = self._container.get("resources", {})
        for kind, resource in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if resource not in resources.get(kind, {}):
                yield f"resources.{kind}.{resource} is missing"

    def _references(self, documentation: str) -> Iterator[str]:
        account = self._pod.get("serviceAccountName", "default")
        if account == "default" or not self._find("ServiceAccount", account):
            yield f"the ServiceAccount {account} is not one of its own"
        for name in self._config_maps():
            if not self._find("ConfigMap", name):
                yield f"the ConfigMap {name} does not exist"
        for name in self._secrets():
            if not self._find("Secret", name) and f"`{name}`" not in documentation:
                yield f"the Secret {name} neither exists nor is documented"

    def _environment(self) -> Iterator[str]:
        environment = self.environment()
        for name in environment:
            if not name.startswith("WEFT_") and name not in _GOOGLE:
                yield f"{name} is no setting"
        try:
            settings = read_settings(environment)
        except BadSettings as error:
            yield from error.problems
            return
        if settings.project is None:
            yield "GOOGLE_CLOUD_PROJECT is not set"
        if self._container.get("args", [""])[0] == "serve":
            if settings.auth == "local" or settings.host.startswith("127."):
                yield "serves without WEFT_AUTH and WEFT_HOST that others can use"
            if settings.provision != "never":
                yield "WEFT_PROVISION is not never: serving needs no right to create"

    def _availability(self) -> Iterator[str]:
        if "replicas" in self.document["spec"]:
            yield "replicas belong to the HorizontalPodAutoscaler"
        name = self.document["metadata"]["name"]
        autoscalers = (each["spec"]["scaleTargetRef"] for each in self._all("HorizontalPodAutoscaler"))
        if not any((target["kind"], target["name"]) == ("Deployment", name) for target in autoscalers):
            yield "has no HorizontalPodAutoscaler"
        if not any(matches(each["spec"]["selector"], self.labels) for each in self._all("PodDisruptionBudget")):
            yield "has no PodDisruptionBudget"
        if not self._pod.get("topologySpreadConstraints"):
            yield "has no topologySpreadConstraints"
        for probe, path in (("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            if self._container.get(probe, {}).get("httpGet", {}).get("path") != path:
                yield f"{probe} does not ask for {path}"
        yield from self._ending()

    def _ending(self) -> Iterator[str]:
        pause = self._container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if not pause and any(matches(service["spec"]["selector"], self.labels) for service in self._all("Service")):
            yield "has a Service and no preStop sleep: load balancers would send to a server that is gone"
        grace = parse_duration(self.environment().get("WEFT_GRACE", "10s")).total_seconds()
        if self._pod.get("terminationGracePeriodSeconds", 30) < pause + grace + CLOSING_SECONDS:
            yield "terminationGracePeriodSeconds is too short for preStop, WEFT_GRACE and closing"

    def environment(self) -> dict[str, str]:
        """What the container will see, less what Secrets add."""
        found: dict[str, str] = {}
        for source in self._container.get("envFrom", []):
            for document in self._find("ConfigMap", source.get("configMapRef", {}).get("name")):
                found.update(document.get("data", {}))
        found.update({entry["name"]: entry["value"] for entry in self._container.get("env", []) if "value" in entry})
        return found

    def _config_maps(self) -> Iterator[str]:
        yield from (source["configMapRef"]["name"] for source in self._sources("configMapRef"))
        yield from (volume["configMap"]["name"] for volume in self._pod.get("volumes", []) if "configMap" in volume)

    def _secrets(self) -> Iterator[str]:
        yield from (source["secretRef"]["name"] for source in self._sources("secretRef"))
        yield from (volume["secret"]["secretName"] for volume in self._pod.get("volumes", []) if "secret" in volume)
        for entry in self._container.get("env", []):
            if "secretKeyRef" in entry.get("valueFrom", {}):
                yield entry["valueFrom"]["secretKeyRef"]["name"]

    def _sources(self, kind: str) -> Iterable[Document]:
        return (source for source in self._container.get("envFrom", []) if kind in source)

    def _find(self, kind: str, name: str | None) -> list[Document]:
        return [document for document in self._all(kind) if document["metadata"]["name"] == name]

    def _all(self, kind: str) -> list[Document]:
        return [document for document in self._documents if document["kind"] == kind]


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """A selector of labels, with or without `matchLabels`. Expressions do not occur for pods."""
    wanted = selector.get("matchLabels", {}) if "matchLabels" in selector or not selector else selector
    return all(labels.get(key) == value for key, value in wanted.items())


def _selector_problems(documents: list[Document], pods: list[Mapping[str, str]]) -> Iterator[str]:
    places = {"Service": "selector", "PodDisruptionBudget": "selector", "PodMonitoring": "selector"}
    for document in documents:
        place = {**places, "NetworkPolicy": "podSelector"}.get(document["kind"])
        if place and not any(matches(document["spec"][place], labels) for labels in pods):
            yield f"{name_of(document)}: selects no pod"


def _policy_problems(documents: list[Document]) -> Iterator[str]:
    denied: set[str] = set()
    for document in documents:
        spec = document["spec"] if document["kind"] == "NetworkPolicy" else {}
        if spec.get("podSelector") == {} and "ingress" not in spec and "egress" not in spec:
            denied.update(spec["policyTypes"])
    for direction in ("Ingress", "Egress"):
        if direction not in denied:
            yield f"no NetworkPolicy denies {direction} by default"
