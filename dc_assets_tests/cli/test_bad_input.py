"""What is wrong is said in one sentence, with what to do, and never with a secret."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from dc_assets_tests.acceptance.services import free_port
from dc_assets_tests.acceptance.stage import Done, Stage, run_program, spec_content

pytestmark = pytest.mark.acceptance

MARKER = "marker-of-a-secret"
LOCAL = ("run", "opportunities", "--local", "--partitions", "r1-01")
AT_ONCE = 2
EVENT = re.compile(r"\[\d\d:\d\d:\d\d\] ")


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, and words that the sentence must have."""

    says: tuple[str, ...]
    arguments: tuple[str, ...] = LOCAL
    settings: dict[str, str | None] = field(default_factory=dict[str, str | None])
    spec: Callable[[dict[str, Any]], str | None] | None = None


def changed(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    """Return a change of one setting of the spec."""

    def change(content: dict[str, Any]) -> None:
        inner: Any = content
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = to

    return change


def broken_yaml(content: dict[str, Any]) -> str:
    """Return a spec whose last line, the third one, cannot be read."""
    return f"name: {content['name']}\nsource:\n  object: [unclosed\n"


HURRIED = {"DC_ASSETS_TIME_SCALE": "50"}
"""A host that does not answer is asked again for seconds."""

CASES = {
    "the port of the org is closed": Case(
        ("cannot be reached", "Check SF_LOGIN_URL"),
        settings={"SF_LOGIN_URL": "http://127.0.0.1:{free}", **HURRIED},
    ),
    "the server is not Salesforce": Case(
        ("in an unexpected shape: a page of HTML", "Check SF_LOGIN_URL"),
        settings={"SF_LOGIN_URL": "{html}", **HURRIED},
    ),
    "http to another host": Case(
        ("acme.example.com is refused", "https"),
        settings={"SF_LOGIN_URL": "http://acme.example.com"},
    ),
    "no URL at all": Case(
        ("URL of a Salesforce host cannot be read", "SF_LOGIN_URL"),
        settings={"SF_LOGIN_URL": "http://127.0.0.1:not-a-port"},
    ),
    "a wrong secret": Case(("invalid", "SF_CLIENT_SECRET"), settings={"SF_CLIENT_SECRET": MARKER}),
    "no login URL": Case(
        ("SF_LOGIN_URL is not set", "dc-assets demo"), settings={"SF_LOGIN_URL": None}
    ),
    "no client id": Case(("SF_CLIENT_ID is not set",), settings={"SF_CLIENT_ID": None}),
    "no client secret": Case(("SF_CLIENT_SECRET is not set",), settings={"SF_CLIENT_SECRET": None}),
    "no setting at all": Case(
        ("SF_LOGIN_URL and SF_CLIENT_ID and SF_CLIENT_SECRET are not set",),
        settings={"SF_LOGIN_URL": None, "SF_CLIENT_ID": "", "SF_CLIENT_SECRET": ""},
    ),
    "an unknown object": Case(
        ("Nothing__c", "spec"), spec=changed("target", "object", to="Nothing__c")
    ),
    "a target column that is not there": Case(
        ("Nothing__c", "opportunities"), spec=changed("columns", 6, "target", to="Nothing__c")
    ),
    "a source column that is not there": Case(
        ("Nothing__c", "Correct the source of the column Description"),
        spec=changed("columns", 6, "source", to="Nothing__c"),
    ),
    "an unknown Data Cloud object": Case(
        ("Nothing__dlm", "Correct source.object"),
        spec=changed("source", "object", to="Nothing__dlm"),
    ),
    "a spec that is no YAML": Case(("opportunities.yaml, line ",), spec=broken_yaml),
    "a setting that does not exist": Case(
        ("opportunities.yaml, line ", "profile.windows: no such setting"),
        spec=changed("profile", "windows", to=3),
    ),
    "no spec": Case(
        ("no load spec", "DC_ASSETS_LOADS"), settings={"DC_ASSETS_LOADS": "{folder}/nowhere"}
    ),
    "an unknown load": Case(
        ("no load called nothing", "There is: opportunities"), ("run", "nothing", "--local")
    ),
    "an unknown load, asked for its status": Case(
        ("no load called nothing", "There is: opportunities"), ("status", "nothing")
    ),
    "an unknown partition": Case(
        ("no partition 'r9-99'", "r1-01, r1-02"),
        ("run", "opportunities", "--local", "--partitions", "r9-99"),
    ),
    "no partition": Case(("no partition", "r1-01, r1-02"), ("run", "--partitions", ",")),
    "data below a file": Case(
        ("DC_ASSETS_DATA",), settings={"DC_ASSETS_DATA": "{folder}/org.json/data"}
    ),
    "status with data below a file": Case(
        ("DC_ASSETS_DATA",), ("status",), {"DC_ASSETS_DATA": "{folder}/org.json/data"}
    ),
    "a ledger URL that is none": Case(
        ("DC_ASSETS_LEDGER_URL is not a database URL", "postgresql://"),
        settings={"DC_ASSETS_LEDGER_URL": f"postgres-at-home {MARKER}"},
    ),
    "a ledger URL of an unknown database": Case(
        ("DC_ASSETS_LEDGER_URL",),
        ("status",),
        {"DC_ASSETS_LEDGER_URL": f"nodb://dc:{MARKER}@127.0.0.1/dc"},
    ),
    "a ledger server that does not answer": Case(
        ("The ledger postgresql://127.0.0.1", "Check DC_ASSETS_LEDGER_URL"),
        settings={"DC_ASSETS_LEDGER_URL": f"postgresql://dc:{MARKER}@127.0.0.1:{{free}}/dc"},
    ),
    "no webserver": Case(
        ("No Dagster webserver answers", "DC_ASSETS_DAGSTER_URL", "dc-assets run --local"),
        ("run",),
        {"DC_ASSETS_DAGSTER_URL": "http://127.0.0.1:{free}"},
    ),
    "a webserver URL that is none": Case(
        ("DC_ASSETS_DAGSTER_URL",), ("run",), {"DC_ASSETS_DAGSTER_URL": "localhost"}
    ),
    "python -O": Case(("PYTHONOPTIMIZE", "unset it"), settings={"PYTHONOPTIMIZE": "1"}),
    "a folder that cannot be made": Case(
        ("cannot be written", "Name another one"), ("home", "/proc/nothing/home")
    ),
    "a storage URL that is none": Case(
        ("--postgres takes env:NAME",), ("home", "{folder}/new", "--postgres", MARKER)
    ),
}


class Html(BaseHTTPRequestHandler):
    """Some other web server."""

    def do_POST(self) -> None:
        """Answer with a page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><body>Welcome</body></html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def other_server() -> Generator[str]:
    """Run a server that is not Salesforce; gives its URL."""
    with HTTPServer(("127.0.0.1", 0), Html) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def prepared(
    stage: Stage, number: int, case: Case, places: dict[str, str]
) -> dict[str, str | None]:
    """Return the settings of a case; a changed spec is written into a folder of its own."""
    settings = {**stage.environment, **case.settings}
    settings["TMPDIR"] = stage.environment["TMPDIR"]
    settings.setdefault("DC_ASSETS_LEDGER_URL", "")
    if case.spec is not None:
        content = spec_content(stage.rows, stage.partitions)
        text = case.spec(content) or yaml.safe_dump(content, sort_keys=False)
        file = stage.folder / f"loads-{number}" / "opportunities.yaml"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        settings["DC_ASSETS_LOADS"] = str(file.parent)
    return {name: value and value.format(**places) for name, value in settings.items()}


@pytest.fixture(scope="module")
def ends(stage: Stage) -> Generator[dict[str, Future[Done]]]:
    """Run all cases, two at a time: each is mostly the start of a program."""
    with other_server() as html, ThreadPoolExecutor(AT_ONCE) as pool:
        places = {"html": html, "folder": str(stage.folder), "free": str(free_port())}
        yield {
            name: pool.submit(
                run_program,
                [argument.format(**places) for argument in case.arguments],
                prepared(stage, number, case, places),
            )
            for number, (name, case) in enumerate(CASES.items())
        }


def assert_one_sentence(done: Done, stage: Stage, says: tuple[str, ...]) -> None:
    """Fail unless a program ended with one useful sentence and without a secret."""
    assert done.code == 2, done.out + done.err
    assert "Traceback" not in done.out + done.err
    for secret in (MARKER, stage.org.ready["client_secret"]):
        assert secret not in done.out + done.err
    *events, line = done.err.splitlines()
    assert [one for one in events if not EVENT.match(one)] == [], done.err
    assert line.startswith("dc-assets: ")
    for words in says:
        assert words in line


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_in_one_sentence(
    name: str, ends: dict[str, Future[Done]], stage: Stage
) -> None:
    """Exit code 2, one line that says what to do, no traceback, no secret."""
    assert_one_sentence(ends[name].result(), stage, CASES[name].says)


def test_a_wrong_option_is_said_as_click_says_it(stage: Stage) -> None:
    """Usage and the reason, exit code 2."""
    done = stage.run("run", "--window", "0")
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("Error: Invalid value for '--window'")


def test_a_broken_spec_is_named_with_its_line(stage: Stage, ends: dict[str, Future[Done]]) -> None:
    """The line where YAML gave up, or that of the wrong setting."""
    broken = ends["a spec that is no YAML"].result().err
    assert "opportunities.yaml, line 4: " in broken or "opportunities.yaml, line 3: " in broken
    number = list(CASES).index("a setting that does not exist")
    file = stage.folder / f"loads-{number}" / "opportunities.yaml"
    line = file.read_text(encoding="utf-8").splitlines().index("  windows: 3") + 1
    assert f"{file}, line {line}: " in ends["a setting that does not exist"].result().err


@contextmanager
def small_disk(place: Path, options: str) -> Generator[Path]:
    """Mount a tiny disk, if this user may."""
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"mode=700,{options}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"this machine mounts no small disk: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", str(place)], check=True)


@pytest.mark.parametrize(
    ("name", "options", "filled_bytes"),
    [("full", "size=64k", 65_536), ("small", "size=300k", 0), ("read-only", "size=64k,ro", 0)],
)
def test_a_disk_that_takes_nothing_is_said_in_one_sentence(
    stage: Stage, name: str, options: str, filled_bytes: int
) -> None:
    """Full from the start, full after a while, or read-only."""
    with small_disk(stage.folder / f"disk-{name}", options) as disk:
        if filled_bytes:
            (disk / "filling").write_bytes(b"x" * filled_bytes)
        done = stage.run(*LOCAL, DC_ASSETS_DATA=str(disk))
    assert_one_sentence(done, stage, ("disk",))
