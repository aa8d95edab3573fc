"""compose.yaml against the code. Its shape is checked by the official schema in `make check`."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.domain.durations import parse_duration
from engine.settings import GOOGLE_VARIABLES, read_settings
from weft.cli.lazy_group import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

each_of_ours = pytest.mark.parametrize("service", OURS.values(), ids=OURS)
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def test_there_are_two_apis_two_workers_both_emulators_and_what_provisions_them() -> None:
    commands = [" ".join(service["command"]) for service in OURS.values()]
    assert sorted(commands) == ["provision"] + ["serve --role api"] * 2 + ["serve --role worker"] * 2
    assert set(SERVICES) - set(OURS) == {"firestore", "pubsub"}


@each_of_ours
def test_a_service_runs_a_command_of_weft_with_settings_that_exist(service: dict[str, Any]) -> None:
    assert service["command"][0] in COMMANDS
    names = {variable.name for variable in GOOGLE_VARIABLES}
    assert all(name.startswith("WEFT_") or name in names for name in service["environment"])
    settings = read_settings(service["environment"])
    assert (settings.store, settings.bus, settings.auth) == ("firestore", "pubsub", "token")
    assert settings.provision == "never"


@each_of_ours
def test_the_emulators_are_services_and_listen_where_they_are_looked_for(service: dict[str, Any]) -> None:
    settings = read_settings(service["environment"])
    for address in (settings.firestore_emulator, settings.pubsub_emulator):
        assert address is not None
        name, _, port = address.partition(":")
        command = SERVICES[name]["command"]
        assert f"--host-port=0.0.0.0:{port}" in command
        assert f"--project={settings.project}" in command
        assert any(part.endswith(f":{port}/") for part in SERVICES[name]["healthcheck"]["test"])


@each_of_ours
def test_files_that_are_named_exist(service: dict[str, Any]) -> None:
    mounts = {volume["target"]: ROOT / volume["source"] for volume in service["volumes"]}
    examples = mounts["/srv/weft/examples"]
    settings = read_settings(service["environment"])
    for path in settings.scripts:
        assert (examples.parent / path).is_file(), path
    for module in settings.modules:
        assert (examples.parent / f"{module.replace('.', '/')}.py").is_file(), module
    (config,) = service["configs"]
    assert config["target"] == str(settings.tokens_file)
    # It is made, and not in the repository: a token that everybody knows would let every web page in.
    made = COMPOSE["configs"][config["source"]]["file"].removeprefix("./")
    assert f"\n{made}:" in (ROOT / "Makefile").read_text()
    assert made.split("/")[0] + "/" in (ROOT / ".gitignore").read_text()


@each_of_ours
def test_a_container_of_ours_can_write_nothing_but_its_temporary_files(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp:size=256m"]
    assert all(volume["read_only"] for volume in service["volumes"])


@each_of_ours
def test_a_container_is_given_the_time_that_the_server_takes_to_stop(service: dict[str, Any]) -> None:
    grace = read_settings(service["environment"]).grace
    assert parse_duration(service["stop_grace_period"]).total_seconds() >= grace.total_seconds() + 5


@each_service
def test_no_container_has_privileges(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in service
    assert "privileged" not in service


def test_the_apis_are_published_to_this_machine_alone_and_nothing_else_is() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-1": ["127.0.0.1:8001:8000"], "api-2": ["127.0.0.1:8002:8000"]}


def test_each_waits_for_what_it_needs() -> None:
    needs = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    healthy, done = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    assert needs.pop("provision") == {"firestore": healthy, "pubsub": healthy}
    assert all(needs.pop(name) == {} and SERVICES[name]["healthcheck"] for name in ("firestore", "pubsub"))
    assert all(need == {"provision": done} for need in needs.values())


@each_service
def test_no_image_is_whatever_is_newest(service: dict[str, Any]) -> None:
    image = re.sub(r"\$\{\w+:-(.*)\}", r"\1", service["image"])
    assert ":" in image.rpartition("/")[2]
    assert not image.endswith(":latest")
