"""What is in `deploy/` names settings, commands and options that are there, and no secret.

None of it is started but celery.yaml, in `engine`; docs/deploy.md says so.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import click
import pytest
import yaml
from dagster._cli import create_dagster_cli
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import dagster_webserver

from dc_assets.orchestration.launchers import LAUNCHERS
from dc_assets.wiring.settings import file_names, names
from dc_assets_tests.cli.in_process import every_command

DEPLOY = Path(__file__).parents[1] / "deploy"
FILES = sorted(f for f in DEPLOY.rglob("*") if f.is_file() and "metrics" not in f.parts)
YAML = [file for file in FILES if file.suffix == ".yaml"]
UNITS = [file for file in FILES if file.suffix == ".service"]
NAME = re.compile(r"\b(?:DC_ASSETS|SF)_[A-Z_]+\b")
LOGIN = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
NEEDS_NO_WORD = {
    *("workspace.yaml", "create-ledger.sql", "Dockerfile.dockerignore"),
    "celery.yaml",  # the workers of `engine` start with it
}


def short(file: Path) -> str:
    """Return the path below `deploy`."""
    return file.relative_to(DEPLOY).as_posix()


def lists_in(value: Any) -> Iterator[list[str]]:  # noqa: ANN401 - whatever YAML holds
    """Yield every list of words of a YAML text."""
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = [*cast("dict[str, Any]", value).values()]
    elif isinstance(value, list):
        inner = cast("list[Any]", value)
        if all(isinstance(one, str) for one in inner):
            yield inner
    for one in inner:
        yield from lists_in(one)


def calls() -> Iterator[tuple[str, list[str]]]:
    """Yield file and words of every program that is started."""
    for file in UNITS:
        for line in re.findall(r"^ExecStart=(.*)", file.read_text(encoding="utf-8"), re.MULTILINE):
            words = shlex.split(line)
            yield short(file), [Path(words[0]).name, *words[1:]]
    for file in YAML:
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for words in lists_in(document):
                call = words[1:] if words[:1] == ["CMD"] else words
                if call[:1] and call[0].startswith(("dc-assets", "dagster")) and call[1:]:
                    yield short(file), call


def programs() -> dict[str, click.Command]:
    """Return what the words of a call are taken by."""
    known: dict[str, click.Command] = {
        "dc-assets": click.Group(commands=every_command()),
        "dagster": create_dagster_cli(),
        "dagster-daemon": create_dagster_daemon_cli(),
        "dagster-webserver": dagster_webserver,
    }
    if find_spec("dagster_celery"):
        celery: Any = import_module("dagster_celery.cli")
        known["dagster-celery"] = click.Group(commands={"worker": celery.create_worker_cli_group()})
    return known


def complaint(command: click.Command, words: list[str]) -> str:
    """Return what is wrong with a call, nothing if every name in it is there."""
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    known = {name for parameter in command.params for name in parameter.opts}
    words = words[: words.index("--")] if "--" in words else words
    return ", ".join(word for word in words if word.startswith("-") and word not in known)


def test_every_call_is_one_that_its_program_takes() -> None:
    """Commands and options of ours and of Dagster's."""
    found, known = list(calls()), programs()
    assert len(found) >= 12
    assert {words[0] for _, words in found} - known.keys() <= {"dagster-celery"}
    told = [(file, words) for file, words in found if words[0] in known]
    wrong = {(file, *words): complaint(known[words[0]], words[1:]) for file, words in told}
    assert {call: said for call, said in wrong.items() if said} == {}


@pytest.mark.parametrize("file", FILES, ids=short)
def test_every_setting_that_is_named_is_one(file: Path) -> None:
    """A misspelt one would be met on the host."""
    named = set(NAME.findall(file.read_text(encoding="utf-8")))
    assert named - set(names()) == set()


@pytest.mark.parametrize("file", FILES, ids=short)
def test_no_secret_stands_in_a_file(file: Path) -> None:
    """Neither a login in a URL nor a secret setting; passwords are files of their own."""
    text = file.read_text(encoding="utf-8")
    secrets = [name.removesuffix("_FILE") for name in file_names()]
    secrets.remove("DC_ASSETS_LEDGER_URL")  # may name who and where; a login is refused above
    assert LOGIN.findall(text) == []
    assert [name for name in secrets if re.search(rf"\b{name}\b", text)] == []
    assert re.findall(r"^\s*\w*(?:PASSWORD|TOKEN)\s*[:=].*", text, re.MULTILINE) == []


@pytest.mark.parametrize("file", FILES, ids=short)
def test_what_was_not_tried_says_so(file: Path) -> None:
    """At its head, where who copies it looks."""
    head = "\n".join(file.read_text(encoding="utf-8").splitlines()[:6])
    assert "Not exercised" in head or file.name in NEEDS_NO_WORD


@pytest.mark.parametrize("file", YAML, ids=short)
def test_the_yaml_can_be_read(file: Path) -> None:
    """Every document of it is a mapping."""
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    assert documents
    assert all(isinstance(one, dict) for one in documents)


def test_containers_of_runs_get_the_volumes_of_the_services() -> None:
    """The docker launcher names the volumes that the compose file makes."""
    compose = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text(encoding="utf-8"))
    made = {volume["name"] for volume in compose["volumes"].values()}
    config: Any = LAUNCHERS["docker"].config
    named = {volume.partition(":")[0] for volume in config["container_kwargs"]["volumes"]}
    assert {name for name in named if not name.startswith("/")} <= made


@pytest.mark.engine
def test_systemd_has_nothing_to_say_about_the_units(tmp_path: Path) -> None:
    """It ends with 0 whatever it finds, so nothing may be printed."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed here")
    for file in UNITS:
        text = file.read_text(encoding="utf-8")
        folder = Path(sys.executable).parent
        (tmp_path / file.name).write_text(text.replace("/opt/dc_assets/bin", str(folder)))
    command = ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
