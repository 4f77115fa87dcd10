"""Whole processes for tests: an emulated org, the product pointed at it, nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Any, Self

import httpx
import sqlalchemy as sa
import yaml

from dc_assets_tests.warm import programs
from dc_assets_tests.warm.programs import Files, WarmProcess, WarmProgram

PACKAGED_SPEC = Path(__file__).parents[2] / "dc_assets" / "loads" / "opportunities.yaml"
PROGRAM = Path(sys.executable).with_name("dc-assets")

IN_BACKGROUND = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Begins a command as a shell without job control does behind an ``&``: with SIGINT ignored."""
OWN_SETTINGS = ("SF_", "DC_ASSETS_", "DAGSTER_", "PYTHONOPTIMIZE")
POSTGRES = "DAGSTER_PG_URL"
"""The variable with the URL of Dagster's storage, where that is PostgreSQL."""
MANY_CALLS = ("--edition", "enterprise")
"""Options of an org for loads that need more calls than a developer org has in a day."""
PARENTS = 3
LOOK_EVERY_S = 0.02
LOOK_PAUSE, LOOK_PAUSE_S_MAX = 4.0, 2.0
"""A look is followed by so many times its length, up to a bound: those at Dagster cost a core."""

START_WITHIN_S = 60.0
END_WITHIN_S = 30.0

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: a server on this machine speaks plain HTTP, and certificates take long to read."""

Process = subprocess.Popen[bytes] | WarmProcess


def wait_until(is_so: Callable[[], object], what: str, *, within_s: float = 60.0) -> None:
    """Return when something is so.

    Raises:
        AssertionError: it is not, in the time given.
    """
    looked_s = time.monotonic()
    deadline = looked_s + within_s
    while not is_so():
        now_s = time.monotonic()
        assert now_s < deadline, f"not within {within_s:.0f} s: {what}"
        pause_s = min((now_s - looked_s) * LOOK_PAUSE, LOOK_PAUSE_S_MAX)
        Event().wait(max(LOOK_EVERY_S, pause_s))
        looked_s = time.monotonic()


def alive_with(text: str, *, command: str = "") -> list[int]:
    """Return ids of living processes whose environment or folder holds a text, by command.

    A forked process shows the environment of its server, so its folder must tell.
    """
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                environment = (entry / "environ").read_bytes()  # empty for one that has ended
                line = (entry / "cmdline").read_bytes()
                is_ours = text.encode() in environment or text in str((entry / "cwd").readlink())
                if is_ours and command.encode() in line:
                    found.append(int(entry.name))
    return found


def assert_nothing_lives(folder: Path) -> None:
    """Fail when a process that was started on a folder outlives its test."""
    with suppress(AssertionError):
        wait_until(lambda: not alive_with(str(folder)), "all have ended", within_s=END_WITHIN_S)
    left = {
        pid: Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")
        for pid in alive_with(str(folder))
    }
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"these processes outlive the test: {left}"


def bounds(rows: int, partitions: int) -> list[str]:
    """Return upper bounds that cut the seeded ids into partitions of about one size."""
    return [f"externalOpp{rows * part // partitions:07d}" for part in range(1, partitions)]


def spec_content(rows: int, partitions: int) -> dict[str, Any]:
    """Return the packaged spec, cut to fit a seeded org of our own; a lane a parent, for speed."""
    content: dict[str, Any] = yaml.safe_load(PACKAGED_SPEC.read_text(encoding="utf-8"))
    content["partitions"]["upper_bounds"] = bounds(rows, partitions)
    content["profile"] = {"exclusive_user": True, "window": PARENTS + 1}
    return content


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    code: int
    out: str
    err: str


@dataclass
class Org:
    """An emulated org, and the side door to it."""

    process: Process
    ready: Mapping[str, str]
    admin: httpx.Client

    def ask(self, route: str, **parameters: str | int) -> dict[str, Any]:
        """Read from a route of the side door."""
        answer = self.admin.get(route, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, route: str, **body: object) -> dict[str, Any]:
        """Write to a route of the side door."""
        answer = self.admin.post(route, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sql(self, text: str, store: str = "core") -> list[list[Any]]:
        """Run SQL on one of the two stores."""
        return self.tell("sql", store=store, sql=text)["rows"]

    def core_ids(self) -> list[str]:
        """Return the external ids that Core holds, in order."""
        rows = self.sql('SELECT "External_ID__c" FROM "Opportunity" ORDER BY 1')
        return [row[0] for row in rows]

    def keys_of_two_jobs(self) -> dict[str, list[str]]:
        """Return the keys that more than one job committed."""
        return self.keys_of_jobs(2)

    def keys_of_jobs(self, jobs_min: int) -> dict[str, list[str]]:
        """Return the keys that so many jobs committed or more, with the jobs."""
        return self.ask("journal/keys", object="Opportunity", min_commits=jobs_min)["keys"]

    def waiting(self, kind: str) -> int:
        """Count the held calls of a kind."""
        return self.ask("state")["waiting"].get(kind, 0)

    def calls(self, kind: str) -> int:
        """Count the calls of a kind since the start."""
        return self.ask("calls")["calls"].get(kind, 0)

    def rest(self) -> httpx.Client:
        """Return a logged-in client of the org's REST API."""
        form = {"grant_type": "client_credentials"}
        form |= {name: self.ready[name] for name in ("client_id", "client_secret")}
        base = self.ready["base_url"]
        answer = httpx.post(f"{base}/services/oauth2/token", data=form, verify=NO_TLS)
        token = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{base}/services/data/v64.0", headers=headers, verify=NO_TLS)


def side_door(ready: Mapping[str, str]) -> httpx.Client:
    """Return a client of an org's admin routes; it has the token of the ready file."""
    headers = {"Authorization": f"Bearer {ready['admin_token']}"}
    return httpx.Client(base_url=ready["admin_url"], headers=headers, timeout=60, verify=NO_TLS)


@contextmanager
def running_org(
    folder: Path,
    *,
    rows: int,
    bad_rows: int = 0,
    parents: int = PARENTS,
    options: Sequence[str] = (),
) -> Generator[Org]:
    """Run an emulated org with rows in Data Cloud and none in Core."""
    seeding = ["--opportunities", str(rows), "--accounts", str(parents)]
    with emulated_org(folder, *seeding, "--bad-rows", str(bad_rows), *options) as org:
        yield org


@contextmanager
def emulated_org(folder: Path, *options: str) -> Generator[Org]:
    """Run an emulated org with options of its command line."""
    file, log = folder / "org.json", folder / "org.log"
    arguments = ["--ready-file", str(file), *options]
    with running_warm(programs.emulator(), arguments, environment_of(folder), log=log) as process:
        wait_until(lambda: file.exists() or process.poll() is not None, "the org is up")
        assert process.poll() is None, log.read_text(encoding="utf-8")
        ready: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        with side_door(ready) as admin:
            yield Org(process, ready, admin)


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], *, log: Path
) -> Generator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own; afterwards the whole session is ended."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end_session(process)


@contextmanager
def running_warm(
    program: WarmProgram,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    folder: Path | None = None,
    in_background: bool = False,
) -> Generator[WarmProcess]:
    """Run a program as `running` does, forked from a warm one, in a folder or beside its log."""
    with log.open("ab") as sink, Path(os.devnull).open("rb") as nothing:
        files = Files(nothing.fileno(), sink.fileno(), sink.fileno())
        process = program.start(
            arguments,
            environment,
            folder=folder or log.parent,
            files=files,
            new_session=True,
            in_background=in_background,
        )
    try:
        yield process
    finally:
        end_session(process)


def end_session(process: Process) -> None:
    """End a process that leads a session, and whatever else is in it."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_WITHIN_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment_of(folder: Path) -> dict[str, str]:
    """Return this environment without the product's settings, with home and /tmp in a folder."""
    for name in ("tmp", "home"):
        (folder / name).mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN_SETTINGS)}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "COLUMNS": "160",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


@dataclass
class Stage:
    """An org, and a folder with everything the product needs to load it."""

    folder: Path
    org: Org
    rows: int
    partitions: int
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def set_up(cls, folder: Path, org: Org, *, rows: int, partitions: int) -> Self:
        """Write the spec and make the settings."""
        stage = cls(folder, org, rows, partitions)
        stage.environment = {
            **environment_of(folder),
            "SF_LOGIN_URL": org.ready["base_url"],
            "SF_CLIENT_ID": org.ready["client_id"],
            "SF_CLIENT_SECRET": org.ready["client_secret"],
            "DC_ASSETS_DATA": str(folder / "data"),
            "DC_ASSETS_LOADS": str(folder / "loads"),
            "DAGSTER_HOME": str(folder / "dagster"),
        }
        stage.write_spec(spec_content(rows, partitions))
        return stage

    @property
    def keys(self) -> list[str]:
        """The partition keys, in order."""
        return [f"r1-{number:02d}" for number in range(1, self.partitions + 1)]

    @property
    def ids(self) -> list[str]:
        """The external ids of the source, in order."""
        return [f"externalOpp{number:07d}" for number in range(1, self.rows + 1)]

    def write_spec(self, content: Mapping[str, Any]) -> Path:
        """Write the load spec."""
        file = self.folder / "loads" / "opportunities.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
        return file

    def write_home(self) -> Path:
        """Write a DAGSTER_HOME, with storage where `POSTGRES` says, and return it."""
        home = Path(self.environment["DAGSTER_HOME"])
        storage = ["--postgres", f"env:{POSTGRES}"] if POSTGRES in self.environment else []
        done = self.run("home", str(home), *storage)
        assert done.code == 0, done.out + done.err
        return home

    def ask_ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query on the ledger, wherever it is."""
        file = self.folder / "data" / "ledger.db"
        url = sa.make_url(self.environment.get("DC_ASSETS_LEDGER_URL") or f"sqlite:///{file}")
        if url.drivername == "postgresql":  # which SQLAlchemy 2.1 takes for another driver
            url = url.set(drivername="postgresql+psycopg2")
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.exec_driver_sql(query)]
        engine.dispose()
        return rows

    def run(self, *arguments: str, within_s: float = 120.0, **changed: str | None) -> Done:
        """Run `dc-assets` to its end; settings that are None are left out."""
        return run_program(arguments, {**self.environment, **changed}, within_s=within_s)

    @contextmanager
    def started(self, *arguments: str, log: str = "started.log") -> Generator[Process]:
        """Start `dc-assets`, and end it with the block."""
        file = self.folder / log
        with running_warm(programs.product(), arguments, self.environment, log=file) as process:
            yield process


def run_program(
    arguments: Sequence[str], environment: Mapping[str, str | None], *, within_s: float = 120.0
) -> Done:
    """Run `dc-assets` to its end."""
    settings = {name: value for name, value in environment.items() if value is not None}
    folder = Path(settings["TMPDIR"])
    if programs.is_read_at_a_start(settings):
        return _run_cold(arguments, settings, folder, within_s)
    with ExitStack() as stack:
        nothing = stack.enter_context(Path(os.devnull).open("rb"))
        out, err = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2))
        files = Files(nothing.fileno(), out.fileno(), err.fileno())
        program, words = _warm_program(arguments)
        process = program.start(words, settings, folder=folder, files=files)
        try:
            code = process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Done(code, *(_text_of(sink) for sink in (out, err)))


def _warm_program(arguments: Sequence[str]) -> tuple[WarmProgram, Sequence[str]]:
    """Return what to start; only one command imports Dagster and needs it at once."""
    if next(iter(arguments), "") == "home":
        return programs.dagster(), [str(PROGRAM), *arguments]
    return programs.product(), arguments


def _text_of(sink: IO[str]) -> str:
    sink.seek(0)
    return sink.read()


def _run_cold(
    arguments: Sequence[str], settings: Mapping[str, str], folder: Path, within_s: float
) -> Done:
    done = subprocess.run(
        [str(PROGRAM), *arguments],
        env=settings,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class StageMaker:
    """Sets up stages of any size, all of them ended with the test."""

    def __init__(self, folder: Path, enter: Callable[[Any], Any]) -> None:
        self.settings: dict[str, str] = {}
        self._folder = folder
        self._enter = enter

    def __call__(self, *, rows: int, partitions: int = 2, bad_rows: int = 0) -> Stage:
        """Start an org and write a spec that fits it."""
        org: Org = self._enter(running_org(self._folder, rows=rows, bad_rows=bad_rows))
        stage = Stage.set_up(self._folder, org, rows=rows, partitions=partitions)
        stage.environment |= self.settings
        return stage


@contextmanager
def short_folder() -> Generator[Path]:
    """Give a folder with a short path, as sockets need; whatever runs on it must have ended."""
    folder = Path(tempfile.mkdtemp(prefix="dca-"))
    try:
        yield folder
        assert_nothing_lives(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
