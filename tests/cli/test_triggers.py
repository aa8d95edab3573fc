"""Triggers from the command line, against one server in a process of its own."""

import json
import os
import re
import shlex
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.server_process import ServerProcess
from tests.cli.shell import Shell
from weft.cli.exit_codes import ExitCode

FLOW = """\
name: handle
input: {type: object, required: [order], properties: {order: {type: string}}}
output: "${ input.order }"
steps: [{id: a, kind: transform, with: {value: "${ input.order }"}}]
"""
ORDERS = """\
# all that is paid
name: orders
workflow: handle
event: {types: [shop.order.*]}
condition: event.data.total > 10
input_mapping: {order: "${ event.data.id }"}
dedup_key: event.data.id
dedup_window: 1h
throttle: {limit: 100, per: 1m}
---
- name: nightly
  workflow: handle
  schedule:
    cron: 30 2 * * *
    timezone: Europe/Berlin
    overlap: buffer_one
    catch_up_window: 1h
    start_at: 2026-01-01T00:00:00+01:00
  input_mapping:
    order: "${ event.time }"
- name: hook
  workflow: handle
  webhook: {}
  input_mapping: {order: "${ event.data.id }"}
"""


@pytest.fixture
def applied(weft: Shell) -> Iterator[Shell]:
    """With the triggers of ORDERS, which are gone afterwards."""
    assert weft("apply", "-", input=FLOW).exit_code == ExitCode.DONE
    result = weft("trigger", "apply", "-", input=ORDERS)
    assert result.exit_code == ExitCode.DONE, result.output
    yield weft
    for each in weft.json("trigger", "list"):
        weft("trigger", "delete", each["name"])


def delivered(weft: Shell, event_id: str, name: str = "orders") -> dict[str, Any]:
    """What the trigger did with an event, when it has."""
    while True:
        for each in weft.json("trigger", "deliveries", name):
            if each["eventId"] == event_id:
                return dict(each)


def hook_of(weft: Shell, address: str) -> str:
    """At the port that the system gave to the server."""
    return f"{weft.server.url}/hooks/{address.strip().rpartition('/')[2]}"


def test_a_file_of_several_documents_creates_triggers_and_updates_them(weft: Shell, tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(ORDERS)
    weft("apply", "-", input=FLOW)
    dry = weft("trigger", "apply", str(file), "--dry-run")
    assert dry.stdout == "orders: would be created\nnightly: would be created\nhook: would be created\n"
    assert weft.json("trigger", "list") == []
    created = weft("trigger", "apply", str(file)).stdout.splitlines()
    address = created.pop()
    assert created == ["orders: created", "nightly: created", "hook: created"]
    assert "/hooks/" in address
    assert [each["action"] for each in weft.json("trigger", "apply", str(file))] == ["unchanged"] * 3
    assert (
        weft("trigger", "apply", str(file), "--dry-run").stdout
        == "orders: unchanged\nnightly: unchanged\nhook: unchanged\n"
    )
    file.write_text(ORDERS.replace("30 2 * * *", "45 3 * * *"))
    assert "nightly: would be updated\n" in weft("trigger", "apply", str(file), "--dry-run").stdout
    changed = weft.json("trigger", "apply", str(file))
    assert [each["action"] for each in changed] == ["unchanged", "updated", "unchanged"]
    assert changed[1]["trigger"]["config"]["schedule"]["cron"] == "45 3 * * *"
    assert changed[2]["trigger"]["webhookUrl"] == address.strip()
    assert {each["name"] for each in weft.json("trigger", "list")} == {"orders", "nightly", "hook"}
    assert [each["name"] for each in weft.json("trigger", "list", "--kind", "schedule")] == ["nightly"]
    for name in ("orders", "nightly", "hook"):
        assert weft("trigger", "delete", name).stdout == f"{name} deleted\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total > 10", "total > 11"),
        ("condition: event.data.total > 10\n", ""),
        ('order: "${ event.data.id }"}', "order: x}"),
        ("dedup_window: 1h", "dedup_window: 61m"),
        ("throttle: {limit: 100, per: 1m}", "throttle: {limit: 100, per: 2m}"),
        ("throttle: {limit: 100, per: 1m}", "buffer: {max_size: 2, max_wait: 1s}"),
        ("shop.order.*", "shop.*"),
    ],
)
def test_whatever_differs_is_updated_once(applied: Shell, old: str, new: str) -> None:
    assert old in ORDERS
    actions = [
        [
            each["action"]
            for each in json.loads(applied("trigger", "apply", "-", "--json", input=ORDERS.replace(old, new, 1)).stdout)
        ]
        for _ in range(2)
    ]
    assert actions == [["updated", "unchanged", "unchanged"], ["unchanged"] * 3]


def test_json_files_are_read_too(applied: Shell, tmp_path: Path) -> None:
    file = tmp_path / "two.json"
    file.write_text(
        json.dumps(
            [{"name": f"j{n}", "workflow": "handle", "event": {"types": ["a"]}, "max_attempts": 1} for n in (1, 2)]
        )
    )
    assert applied("trigger", "apply", str(file)).stdout == "j1: created\nj2: created\n"


def test_what_is_wrong_with_a_file_is_said_with_line_and_path(applied: Shell, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "name: good\nworkflow: handle\nevent: {types: [a]}\n"
        "---\n"
        "name: bad\nworkflow: handle\nschedule:\n  cron: 0 0 31 2 *\n  catch_up_window: -1h\n"
        "---\n"
        "name: bad\nworkflow: handle\nschedul:\n  cron: 0 0 1 2 *\n"
        "---\n"
        "name: bad\nworkflow: handle\nschedule:\n  cron: 0 0 31 2 *\n"
        "---\n"
        "name: bad\nworkflow: handle\nevent: {types: [a]}\ncondition: event.data.\n"
        "---\n"
        "name: bad\nworkflow: nowhere\nwebhook: {signature: github}\n"
        "---\n"
        "name: bad\nworkflow: nowhere\nwebhook: {}\n"
    )
    result = applied("trigger", "apply", str(file))
    assert result.exit_code == ExitCode.REFUSED
    assert result.stdout == "good: created\n"
    assert f"{file}:9: schedule.catch_up_window: " in result.stderr
    assert f"{file}:13: schedul: is not a known field\n  hint: did you mean schedule?" in result.stderr
    assert f"{file}:19: schedule.cron: '0 0 31 2 *' never fires" in result.stderr
    assert f"{file}:24: condition: " in result.stderr
    assert f"{file}:28: webhook.secret: " in result.stderr
    assert f"{file}:31: workflow: there is no workflow 'nowhere'" in result.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: there is no trigger in the file"),
        ("# nothing\n---\n", "1: there is no trigger in the file"),
        ("- 1\n", "1: [0]: must be an object"),
        ("name: a\nname: b\n", "2: name: the key 'name' is written twice"),
        ("{\n", "2: "),
        ("workflow: handle\nwebhook: {}\n", "1: name: is required"),
        ("name: a\nwebhook: {}\n", "1: workflow: is required"),
        ("name: a\nworkflow: handle\n", "1: needs a source: one of schedule, pubsub, webhook, event"),
        (
            "name: a\nworkflow: handle\nwebhook: {}\nevent: {types: [x]}\n",
            "1: has one source, and not webhook and event",
        ),
    ],
)
def test_what_is_no_trigger_is_refused_at_its_line(weft: Shell, text: str, problem: str) -> None:
    result = weft("trigger", "apply", "-", input=text)
    assert (result.exit_code, result.stdout) == (ExitCode.REFUSED, "")
    assert f"-:{problem}" in result.stderr


def test_another_kind_of_source_and_another_workflow_are_refused_with_advice(applied: Shell) -> None:
    result = applied("trigger", "apply", "-", input="name: orders\nworkflow: handle\nwebhook: {}\n")
    assert result.exit_code == ExitCode.REFUSED
    assert "-:3: webhook: trigger orders listens to a event, and not to a webhook" in result.stderr
    assert "weft trigger delete orders" in result.stderr
    applied("apply", "-", input=FLOW.replace("handle", "other"))
    other = applied("trigger", "apply", "-", "--dry-run", input=ORDERS.replace("handle", "other"))
    assert other.exit_code == ExitCode.REFUSED
    assert "-:3: workflow: trigger orders starts handle, and not other" in other.stderr
    tries = applied("trigger", "apply", "-", input=ORDERS.replace("name: orders", "name: orders\nmax_attempts: 2"))
    assert tries.exit_code == ExitCode.REFUSED
    assert "-:3: max_attempts: trigger orders tries 5 times, and not 2" in tries.stderr


def test_an_event_is_published_and_its_delivery_is_seen_and_replayed(applied: Shell) -> None:
    published = applied("event", "publish", "shop.order.paid", "--data", '{"id": "a7", "total": 12}', "--id", "e-1")
    assert published.stdout == "e-1\n"
    delivery = delivered(applied, "e-1")
    assert delivery["outcome"] == "STARTED"
    execution = delivery["execution"]["id"]
    watched = applied("watch", execution)
    assert (watched.exit_code, "a7" in watched.stdout) == (ExitCode.DONE, True)
    small = applied.json(
        "event", "publish", "shop.order.paid", "--data", '{"id": "a8", "total": 1}', "--source", "/shop"
    )
    assert delivered(applied, small["eventId"])["outcome"] == "FILTERED"
    assert [each["eventId"] for each in applied.json("trigger", "deliveries", "orders", "--outcome", "started")] == [
        "e-1"
    ]
    assert "started" in applied("trigger", "deliveries", "orders").stdout
    again = applied("trigger", "replay", delivery["id"], "--watch")
    assert (again.exit_code, "a7" in again.stdout) == (ExitCode.DONE, True)


def test_deliveries_are_followed_until_the_trigger_is_deleted(applied: Shell) -> None:
    with applied.running("trigger", "deliveries", "orders", "--follow", "--json") as process:
        assert process.stdout is not None
        lines: list[str] = []
        number = 0
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
        reader.start()
        while not lines:
            number += 1
            applied(
                "event",
                "publish",
                "shop.order.paid",
                "--data",
                f'{{"id": "f{number}", "total": 12}}',
                "--id",
                f"f-{number}",
            )
        applied("trigger", "delete", "orders")
        reader.join()
    assert process.returncode == ExitCode.DONE
    followed = [json.loads(line) for line in lines]
    assert {each["outcome"] for each in followed} == {"STARTED"}
    assert len({each["id"] for each in followed}) == len(followed)


def test_a_schedule_is_previewed_fired_and_backfilled(applied: Shell) -> None:
    times = applied.json("trigger", "preview", "nightly", "-n", "3")
    assert len(times) == 3
    assert all(":30:00" in time for time in times)
    assert len(applied("trigger", "preview", "nightly").stdout.splitlines()) == 10
    assert applied("trigger", "preview", "orders").exit_code == ExitCode.REFUSED
    fired = applied("trigger", "fire", "nightly", "--watch")
    assert fired.exit_code == ExitCode.DONE
    batch = applied.json(
        "trigger", "backfill", "nightly", "--from", "2026-01-10T00:00:00Z", "--to", "2026-01-13T00:00:00Z"
    )
    assert (batch["action"], batch["accepted"]) == ("START", 3)
    for begin, problem in (("2026-01-14T00:00:00Z", "(at to)"), ("yesterday", "DateTime")):
        refused = applied("trigger", "backfill", "nightly", "--from", begin, "--to", "2026-01-13T00:00:00Z")
        assert refused.exit_code == ExitCode.REFUSED
        assert problem in refused.stderr


def test_firing_by_hand_with_one_key_starts_one_execution_and_checks_the_input(applied: Shell) -> None:
    data = ("--data", '{"id": "by-hand"}', "--idempotency-key", "k")
    first, second = (applied.json("trigger", "fire", "orders", *data) for _ in range(2))
    assert first["id"] == second["id"]
    refused = applied("trigger", "fire", "orders", "--data", '{"id": 1}')
    assert refused.exit_code == ExitCode.REFUSED
    assert "[VALIDATION_FAILED]" in refused.stderr


def test_pausing_resuming_and_showing(applied: Shell) -> None:
    assert applied("trigger", "pause", "nightly").stdout == "nightly paused\n"
    assert applied.json("trigger", "show", "nightly")["nextFireAt"] is None
    assert "paused" in applied("trigger", "list").stdout
    assert applied("trigger", "resume", "nightly").stdout == "nightly enabled\n"
    shown = applied("trigger", "show", "nightly").stdout
    assert all(text in shown for text in ("enabled", "handle", "cron 30 2 * * *", "Europe/Berlin", "0 received"))


def test_a_webhook_is_called_and_gets_another_address(applied: Shell) -> None:
    address = hook_of(applied, applied.json("trigger", "show", "hook")["webhookUrl"])
    answer = httpx.post(address, json={"id": "w1"})
    assert answer.status_code == httpx.codes.ACCEPTED
    assert applied.json("trigger", "deliveries", "hook")[0]["outcome"] == "STARTED"
    rotated = hook_of(applied, applied("trigger", "rotate", "hook").stdout)
    assert rotated != address
    assert httpx.post(address, json={"id": "w2"}).status_code == httpx.codes.NOT_FOUND
    assert httpx.post(rotated, json={"id": "w2"}).status_code == httpx.codes.ACCEPTED


@pytest.mark.parametrize(
    "command",
    [
        ("show", "none"),
        ("fire", "none"),
        ("pause", "none"),
        ("resume", "none"),
        ("preview", "none"),
        ("deliveries", "none"),
        ("deliveries", "none", "--follow"),
        ("replay", "de_none"),
        ("rotate", "none"),
        ("delete", "none"),
        ("backfill", "none", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z"),
    ],
)
def test_what_does_not_exist_is_said_so(weft: Shell, command: tuple[str, ...]) -> None:
    result = weft("trigger", *command)
    assert (result.exit_code, result.stdout) == (ExitCode.REFUSED, "")
    assert "[NOT_FOUND]" in result.stderr


def test_an_event_that_is_none_is_refused_with_its_path(weft: Shell) -> None:
    result = weft("event", "publish", "", "--data", "1")
    assert (result.exit_code, result.stdout) == (ExitCode.REFUSED, "")
    assert "(at event.type)" in result.stderr


def test_the_commands_of_the_readme_work_as_they_stand(weft: Shell, tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("### Start it by events, times and webhooks\n")[2].partition("\n### ")[0]
    written, commands = (re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)[0] for kind in ("yaml", "bash"))
    file = tmp_path / "parcels.yaml"
    file.write_text(written)
    lines = [shlex.split(line, comments=True) for line in commands.replace("parcels.yaml", str(file)).splitlines()]
    for program, *arguments in lines[:-1]:
        assert program == "weft"
        result = weft(*arguments)
        assert result.exit_code == ExitCode.DONE, result.output
    published = weft.json("event", "publish", "shop.parcel.sent", "--data", '{"id": "P-17", "kilos": 2}')
    assert delivered(weft, published["eventId"], "parcel-sent")["outcome"] == "STARTED"
    assert lines[-1][:3] == ["curl", "-sS", "ADDRESS"]
    address = hook_of(weft, weft.json("trigger", "show", "parcel-hook")["webhookUrl"])
    assert httpx.post(address, json=json.loads(lines[-1][-1])).json()["outcome"] == "STARTED"
    file.write_text(written.replace("parcel-sent", "parcel-left"))
    assert weft("apply", str(file)).exit_code == ExitCode.DONE
    assert {each["name"] for each in weft.json("trigger", "list")} == {"parcel-left", "parcel-nightly", "parcel-hook"}
    for name in ("parcel-left", "parcel-nightly", "parcel-hook"):
        weft("trigger", "delete", name)


def test_what_is_wrong_with_a_trigger_of_a_workflow_is_said_with_its_line(weft: Shell, tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(FLOW + "triggers:\n  - webhook: {}\n  - schedule:\n      cron: 0 0 31 2 *\n")
    result = weft("apply", str(file))
    assert result.exit_code == ExitCode.REFUSED
    assert f"{file}:8: triggers[1].schedule.cron: '0 0 31 2 *' never fires" in result.stderr


def test_the_signed_request_of_the_documents_is_believed(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text(encoding="utf-8")
    (script,) = (block for block in re.findall(r"```bash\n(.*?)```", document, re.DOTALL) if "openssl" in block)
    server = ServerProcess(tmp_path, WEFT_SECRET_SHOP="s3cret")
    weft = Shell(server)
    weft("apply", "-", input=FLOW)
    hook = "name: signed\nworkflow: handle\nwebhook: {signature: hmac_sha256, secret: shop}\ninput_mapping: {order: '${ event.data.id }'}\n"
    weft("trigger", "apply", "-", input=hook)
    address = hook_of(weft, weft.json("trigger", "show", "signed")["webhookUrl"])
    for secret, answer in (("s3cret", '"outcome":"STARTED"'), ("other", '"code":"')):
        environment = {**os.environ, "ADDRESS": address, "WEFT_SECRET_SHOP": secret}
        told = subprocess.run(["bash", "-ec", script], env=environment, capture_output=True, text=True, check=True)
        assert answer in told.stdout
    assert server.stop() == ExitCode.DONE
