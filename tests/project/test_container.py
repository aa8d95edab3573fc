"""The image, as far as it can be tested without an engine to build it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from engine.settings import read_settings
from tests.cli.server_process import ServerProcess
from tests.project.dockerfile import copied, environment, ignored, instructions, last_stage
from weft.cli.lazy_group import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
ALL = instructions((ROOT / "Dockerfile").read_text())
IMAGE = last_stage(ALL)
IGNORE = (ROOT / ".dockerignore").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def only(name: str) -> list[str]:
    (found,) = (each for each in IMAGE if each.name == name)
    return found.words


def files_of_the_context() -> list[str]:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [path for path in tracked if not ignored(path, IGNORE) and (ROOT / path).exists()]


def test_what_is_copied_exists_and_is_in_the_context() -> None:
    assert copied(ALL)
    for path in copied(ALL):
        assert (ROOT / path).exists(), path
        assert not ignored(path, IGNORE), path


def test_the_context_has_what_is_copied_and_nothing_else() -> None:
    wanted = copied(ALL)
    for path in files_of_the_context():
        assert any(path == each or path.startswith(f"{each}/") for each in wanted), path


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".weft/tokens.yaml",
        ".weft/weft.db",
        ".venv/bin/python",
        "tests/conftest.py",
        "key.json",
        "engine/__pycache__/a.cpython-311.pyc",
        "weft/cli/a.pyc",
        "engine/.env",
        "weft/.env.local",
        "weft/.weft/weft.db",
    ],
)
def test_what_a_laptop_has_lying_about_stays_out(path: str) -> None:
    assert ignored(path, IGNORE)


def test_the_wheel_that_is_built_from_the_context_holds_the_product(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for path in files_of_the_context():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, context / path)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(tmp_path), "."]
    subprocess.run([*pip, *build], cwd=context, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
        packed = set(archive.namelist())
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {path for path in files_of_the_context() if path.split("/")[0] in packages} <= packed
    said = subprocess.run(
        [sys.executable, "-c", "import weft; print(weft.__file__); from weft.cli.app import main; main()", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(str(installed))
    assert PROJECT["project"]["version"] in said


def test_the_lock_of_the_image_has_all_extras_as_they_are_tested() -> None:
    versions = {name: locked(ROOT / "requirements" / name) for name in ("container.txt", "build.txt", "dev.txt")}
    container = versions["container.txt"]
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["gcp"], *extras["openai"], *extras["mcp"]]
    for requirement in wanted:
        assert re.split(r"[^A-Za-z0-9_-]", requirement)[0] in container, requirement
    assert (container | versions["build.txt"]).items() <= versions["dev.txt"].items()
    assert "hatchling" in versions["build.txt"]
    assert not {"pytest", "mypy", "hatchling"} & container.keys()


def locked(path: Path) -> dict[str, str]:
    """Name and version of each requirement; every one has hashes, and there is nothing but requirements."""
    found = {}
    for requirement in path.read_text().replace("\\\n", " ").splitlines():
        match = re.fullmatch(r"([a-z0-9-]+)==(\S+)( ; [^#]*?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+", requirement)
        assert match is not None, requirement
        found[match[1]] = match[2]
    return found


def test_every_package_is_installed_by_hash_and_without_a_compiler() -> None:
    installs = re.findall(r"pip \S*(?: /opt/weft )?install [^&]*", " && ".join(each.text for each in ALL))
    requirements = [install for install in installs if "--requirement" in install]
    assert len(requirements) == 2
    for install in requirements:
        assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(install.split())


def test_the_base_is_an_argument_of_every_stage_so_that_a_digest_pins_both() -> None:
    assert [each.text.split()[0] for each in ALL if each.name == "FROM"] == ["${PYTHON_IMAGE}"] * 2


def test_it_runs_as_a_numbered_user_other_than_root() -> None:
    (user,) = (each.text for each in IMAGE if each.name == "USER")
    assert user == "${UID}:${UID}"
    assert [each.text for each in IMAGE if each.text.startswith("UID=")] == ["UID=10001"]


def test_its_environment_is_valid_and_serves_others_to_those_with_a_token_alone() -> None:
    variables = environment(IMAGE)
    settings = read_settings(variables)
    assert (settings.host, settings.port, settings.auth) == ("0.0.0.0", 8000, "token")
    assert [each.text for each in IMAGE if each.name == "EXPOSE"] == [variables["WEFT_PORT"]]


def test_it_begins_with_a_command_of_weft() -> None:
    assert only("ENTRYPOINT") == ["weft"]
    assert PROJECT["project"]["scripts"]["weft"]
    assert only("CMD")[0] in COMMANDS


def test_it_is_stopped_by_the_signal_that_the_server_ends_in_order_at() -> None:
    assert [each.text for each in IMAGE if each.name == "STOPSIGNAL"] == ["SIGTERM"]


def healthy(port: str) -> bool:
    _, *arguments = only("HEALTHCHECK")
    # A proxy that is set in the environment must not be asked for the container itself.
    surroundings = {**os.environ, "WEFT_PORT": port, "http_proxy": "http://127.0.0.1:9"}
    return (
        subprocess.run(
            [sys.executable, *arguments], env=surroundings, stderr=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    )


def test_the_health_check_is_good_while_a_server_answers(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    port = server.url.rpartition(":")[2]
    assert healthy(port)
    server.stop()
    assert not healthy(port)
