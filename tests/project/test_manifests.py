"""`.ci/validate_manifests.py` and `.ci/manifest_rules.py`: the manifests keep the rules, and each rule finds what breaks it."""

import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

from manifest_rules import rule_problems  # noqa: E402  # found by the path above
from validate_manifests import CannotRender, main, overlays, render, schema_problems  # noqa: E402  # the same

OVERLAYS = ROOT / "k8s" / "overlays"
GUIDE = ROOT / "docs" / "deploy-google-cloud.md"

Manifests = list[dict[str, Any]]
Change = Callable[["Rendered"], object]


class Rendered:
    """The production overlay, to be broken."""

    def __init__(self, documents: Manifests) -> None:
        self.documents = documents
        self.documentation = "`weft-tokens` `weft-model-keys`"

    def one(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = (each for each in self.documents if (each["kind"], each["metadata"]["name"]) == (kind, name))
        return found

    def drop(self, kind: str, name: str) -> None:
        self.documents.remove(self.one(kind, name))

    @property
    def pod(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.one("Deployment", "weft-api")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> dict[str, Any]:
        container: dict[str, Any] = self.pod["containers"][0]
        return container

    def set_variable(self, name: str, value: str) -> None:
        self.container["env"] = [{"name": name, "value": value}]

    def problems(self) -> list[str]:
        return list(rule_problems(self.documents, self.documentation))


@pytest.fixture(scope="module")
def production() -> Manifests:
    return render(OVERLAYS / "production")


@pytest.fixture
def rendered(production: Manifests) -> Rendered:
    return Rendered(deepcopy(production))


def test_the_overlays_keep_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OVERLAYS, GUIDE) == 0, capsys.readouterr().err
    assert "4 overlays, 0 problems" in capsys.readouterr().out


def test_every_environment_has_what_runs_and_what_provisions_it() -> None:
    assert [str(each.relative_to(OVERLAYS)) for each in overlays(OVERLAYS)] == [
        "production",
        "production/provision",
        "staging",
        "staging/provision",
    ]


def test_the_unbroken_overlay_has_no_problem(rendered: Rendered) -> None:
    assert rendered.problems() == []


MISSHAPEN: list[tuple[str, Change, str]] = [
    (
        "a field that does not exist",
        lambda r: r.pod.update(enableServiceLink=False),
        "weft-api: spec.template.spec: Additional properties are not allowed ('enableServiceLink' was unexpected)",
    ),
    (
        "a value of another type",
        lambda r: r.one("Deployment", "weft-api")["spec"].update(minReadySeconds="5"),
        "weft-api: spec.minReadySeconds: '5' is not",
    ),
    (
        "a kind without a schema",
        lambda r: r.one("Deployment", "weft-api").update(kind="Nonsense"),
        "Couldn't find schema for kind Nonsense",
    ),
    (
        "a monitoring field that does not exist",
        lambda r: r.one("PodMonitoring", "weft")["spec"]["endpoints"][0].update(scheme="ftp"),
        "weft: spec.endpoints.0: Additional properties are not allowed ('scheme' was unexpected)",
    ),
]


@pytest.mark.parametrize(("change", "problem"), [case[1:] for case in MISSHAPEN], ids=[case[0] for case in MISSHAPEN])
def test_what_kubernetes_would_refuse_is_found(rendered: Rendered, change: Change, problem: str) -> None:
    concerned = [rendered.one("Deployment", "weft-api"), rendered.one("PodMonitoring", "weft")]
    change(rendered)
    found = [each for document in concerned for each in schema_problems(document)]
    assert any(problem in each for each in found), found


# Each line breaks one thing.
BROKEN: list[tuple[str, Change, str]] = [
    ("service links", lambda r: r.pod.pop("enableServiceLinks"), "enableServiceLinks is not false"),
    (
        "a mounted token",
        lambda r: r.pod.update(automountServiceAccountToken=True),
        "automountServiceAccountToken is not",
    ),
    ("a second container", lambda r: r.pod["containers"].append(r.container), "has more than one container"),
    ("root", lambda r: r.pod["securityContext"].update(runAsUser=0), "a numbered user other than root"),
    ("maybe root", lambda r: r.pod["securityContext"].pop("runAsNonRoot"), "a numbered user other than root"),
    ("no seccomp", lambda r: r.pod["securityContext"].pop("seccompProfile"), "seccompProfile is not RuntimeDefault"),
    (
        "a writable root",
        lambda r: r.container["securityContext"].pop("readOnlyRootFilesystem"),
        "the root file system is not read-only",
    ),
    (
        "escalation",
        lambda r: r.container["securityContext"].pop("allowPrivilegeEscalation"),
        "allowPrivilegeEscalation is not false",
    ),
    ("capabilities", lambda r: r.container["securityContext"].pop("capabilities"), "capabilities are not all dropped"),
    ("a moving tag", lambda r: r.container.update(image="host/weft:latest"), "no tag or digest of one release"),
    ("no tag", lambda r: r.container.update(image="host:5000/weft"), "no tag or digest of one release"),
    ("an unknown command", lambda r: r.container.update(args=["server"]), "args do not begin with a command of weft"),
    ("another program", lambda r: r.container.update(command=["sh"]), "args do not begin with a command of weft"),
    ("no request", lambda r: r.container["resources"]["requests"].pop("cpu"), "resources.requests.cpu is missing"),
    ("no limit", lambda r: r.container["resources"].pop("limits"), "resources.limits.memory is missing"),
    ("no account", lambda r: r.pod.pop("serviceAccountName"), "the ServiceAccount default is not one of its own"),
    ("an unknown account", lambda r: r.drop("ServiceAccount", "weft-api"), "the ServiceAccount weft-api is not one"),
    (
        "an unknown ConfigMap",
        lambda r: r.container["envFrom"].append({"configMapRef": {"name": "lost"}}),
        "the ConfigMap lost does not exist",
    ),
    (
        "an unknown mounted ConfigMap",
        lambda r: r.pod["volumes"].append({"name": "lost", "configMap": {"name": "lost"}}),
        "the ConfigMap lost does not exist",
    ),
    (
        "an undocumented Secret",
        lambda r: setattr(r, "documentation", "`weft-model-keys`"),
        "the Secret weft-tokens neither exists nor is documented",
    ),
    (
        "an undocumented Secret in a variable",
        lambda r: r.container.update(
            env=[{"name": "WEFT_X", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]
        ),
        "the Secret x neither exists nor is documented",
    ),
    ("an unknown setting", lambda r: r.set_variable("WEFT_STOER", "firestore"), "WEFT_STOER is not a setting"),
    ("a wrong value", lambda r: r.set_variable("WEFT_STORE", "postgres"), "WEFT_STORE is 'postgres'"),
    ("a foreign variable", lambda r: r.set_variable("GOOGLE_PROJECT", "x"), "GOOGLE_PROJECT is no setting"),
    (
        "no project",
        lambda r: r.container["envFrom"].pop(),
        "GOOGLE_CLOUD_PROJECT is not set",
    ),
    ("no authentication", lambda r: r.container.update(env=[{"name": "WEFT_AUTH", "value": "local"}]), "WEFT_AUTH"),
    ("loopback", lambda r: r.set_variable("WEFT_HOST", "127.0.0.1"), "serves without WEFT_AUTH and WEFT_HOST"),
    ("the right to create", lambda r: r.set_variable("WEFT_PROVISION", "auto"), "WEFT_PROVISION is not never"),
    ("fixed replicas", lambda r: r.one("Deployment", "weft-api")["spec"].update(replicas=3), "replicas belong to the"),
    ("no autoscaler", lambda r: r.drop("HorizontalPodAutoscaler", "weft-api"), "has no HorizontalPodAutoscaler"),
    ("no budget", lambda r: r.drop("PodDisruptionBudget", "weft-api"), "has no PodDisruptionBudget"),
    ("one node for all", lambda r: r.pod.pop("topologySpreadConstraints"), "has no topologySpreadConstraints"),
    ("no probe", lambda r: r.container.pop("startupProbe"), "startupProbe does not ask for /healthz"),
    (
        "a restart for a missing store",
        lambda r: r.container["livenessProbe"]["httpGet"].update(path="/readyz"),
        "livenessProbe does not ask for /healthz",
    ),
    ("no pause", lambda r: r.container.pop("lifecycle"), "has a Service and no preStop sleep"),
    (
        "a short end",
        lambda r: r.pod.update(terminationGracePeriodSeconds=45),
        "terminationGracePeriodSeconds is too short",
    ),
    ("a long grace", lambda r: r.set_variable("WEFT_GRACE", "5m"), "terminationGracePeriodSeconds is too short"),
    (
        "a Service of nothing",
        lambda r: r.one("Service", "weft-api")["spec"]["selector"].update({"app.kubernetes.io/component": "web"}),
        "Service/weft-api: selects no pod",
    ),
    (
        "monitoring of nothing",
        lambda r: r.one("PodMonitoring", "weft")["spec"]["selector"]["matchLabels"].update({"app": "web"}),
        "PodMonitoring/weft: selects no pod",
    ),
    (
        "a policy for nothing",
        lambda r: r.one("NetworkPolicy", "weft-egress")["spec"]["podSelector"]["matchLabels"].update({"app": "web"}),
        "NetworkPolicy/weft-egress: selects no pod",
    ),
    (
        "an open network",
        lambda r: r.drop("NetworkPolicy", "weft-default-deny"),
        "no NetworkPolicy denies Ingress by default",
    ),
    (
        "a half-open network",
        lambda r: r.one("NetworkPolicy", "weft-default-deny")["spec"].update(policyTypes=["Ingress"]),
        "no NetworkPolicy denies Egress by default",
    ),
]


@pytest.mark.parametrize(("change", "problem"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_rule_is_found(rendered: Rendered, change: Change, problem: str) -> None:
    change(rendered)
    assert any(problem in found for found in rendered.problems()), rendered.problems()


def test_what_kustomize_refuses_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [missing.yaml]\n")
    with pytest.raises(CannotRender, match=r"missing\.yaml"):
        render(tmp_path)
    assert main(tmp_path, GUIDE) == 1
    assert "missing.yaml" in capsys.readouterr().err


def test_a_directory_without_overlays_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path, GUIDE) == 1
    assert "has no overlay" in capsys.readouterr().err


def test_a_missing_kubectl_is_a_problem_and_not_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(CannotRender, match=r"not that of requirements/dev\.txt"):
        render(OVERLAYS / "production")


def test_the_workers_are_scaled_by_the_backlog_of_their_own_subscription(rendered: Rendered) -> None:
    from engine.bus.pubsub.names import consumer_subscription  # noqa: PLC0415  # Google's client comes with it
    from engine.bus.topics import WAKE  # noqa: PLC0415  # the same
    from engine.bus.topology import WORKERS  # noqa: PLC0415  # the same

    metrics = rendered.one("HorizontalPodAutoscaler", "weft-worker")["spec"]["metrics"]
    (external,) = (each["external"]["metric"] for each in metrics if each["type"] == "External")
    assert external["name"] == "pubsub.googleapis.com|subscription|num_undelivered_messages"
    wanted = {"resource.labels.subscription_id": consumer_subscription(WAKE, WORKERS)}
    assert external["selector"]["matchLabels"] == wanted


def test_each_role_has_an_identity_of_its_own(rendered: Rendered) -> None:
    accounts = {
        each["metadata"]["name"]: each["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
        for each in rendered.documents + render(OVERLAYS / "production" / "provision")
        if each["kind"] == "ServiceAccount"
    }
    assert accounts == {
        name: f"{name}@my-project.iam.gserviceaccount.com" for name in ("weft-api", "weft-worker", "weft-provision")
    }
