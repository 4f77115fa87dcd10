"""Hosts that cannot see each other's processes share a load, also when one of them is away.

A host is a PID namespace: under our name, and on the ledger of all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from dc_assets.ledger import tables
from dc_assets_tests.acceptance.stage import (
    PROGRAM,
    Done,
    Org,
    Stage,
    running_org,
    short_folder,
    spec_content,
    wait_until,
)
from dc_assets_tests.conformance.postgres import new_database, running_postgres
from dc_assets_tests.fakes.cutting_proxy import CuttingProxy

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.hunt,
    pytest.mark.postgres,
    pytest.mark.timeout(400),
]

NEW_HOST = ("/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
ROWS = 120
LEASE_S = 6.0
LEASES = {"DC_ASSETS_LEASE_S": f"{LEASE_S:g}", "DC_ASSETS_HEARTBEAT_S": "1"}
LAST_HEARTBEATS = """
import os
from contextlib import closing
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import RunHeartbeats
with closing(Database(os.environ["DC_ASSETS_LEDGER_URL"])) as database:
    heartbeats = RunHeartbeats(database)
    print(list(heartbeats.last(heartbeats.holders()).values()))
"""


@pytest.fixture(scope="module", autouse=True)
def _hosts() -> None:
    """Skip where nobody may make a PID namespace."""
    asked = subprocess.run([*NEW_HOST, "/bin/true"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"this machine makes no PID namespace: {asked.stderr.strip()}")


@pytest.fixture(scope="module")
def server_url() -> Generator[str]:
    """Start a PostgreSQL server."""
    with running_postgres() as url:
        yield url


@dataclass
class Host:
    """A command on a host of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8")

    def signal(self, number: int) -> None:
        """Send a signal to the command; it is the first process of its host."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        os.kill(int(task.read_text(encoding="ascii")), number)

    def end(self) -> Done:
        """Wait for the command to end."""
        return Done(self.process.wait(120), self.said, "")


@dataclass
class Hosts:
    """One load that hosts share; the proxy is the way of the first one to the ledger."""

    stage: Stage
    url: str
    proxy: CuttingProxy

    @contextmanager
    def host(self, *command: str, **changed: str) -> Generator[Host]:
        """Run a command on a new host, and end it with the block."""
        log = self.stage.folder / f"{uuid.uuid4().hex[:8]}.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*NEW_HOST, *command],
                cwd=self.stage.folder,
                env={**self.stage.environment, **changed},
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        try:
            yield Host(process, log)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, *options: str) -> Done:
        """Run a load on a new host to its end."""
        with self.host(str(PROGRAM), "run", "--local", *options) as host:
            return host.end()

    def away(self) -> sa.URL:
        """Return the ledger's URL through the proxy."""
        url = sa.make_url(self.url)
        return url.set(host="127.0.0.1", port=self.proxy.port, query={})

    def leased(self) -> int:
        """Count the partitions that are held."""
        now = "extract(epoch from clock_timestamp())"
        return len(self.stage.ask_ledger(f"SELECT 1 FROM range_state WHERE lease_until > {now}"))

    def records(self) -> Mapping[str, list[Any]]:
        """Return all that the ledger has of the load."""
        kept = (tables.load, tables.range_state, tables.batch, tables.dead_letter)
        queries = {one.name: f"SELECT * FROM {one.name}" for one in kept}
        queries["receipt"] = "SELECT batch_id, sha256 FROM receipt"
        return {
            name: sorted(map(str, self.stage.ask_ledger(query))) for name, query in queries.items()
        }


@pytest.fixture
def hosts(server_url: str) -> Generator[Hosts]:
    """Give a load of two partitions, not begun."""
    url = new_database(server_url, f"l{uuid.uuid4().hex[:8]}")
    proxy = CuttingProxy(f"{sa.make_url(url).query['host']}/.s.PGSQL.5432")
    with short_folder() as folder, running_org(folder, rows=ROWS) as org:
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=2)
        stage.environment |= {**LEASES, "DC_ASSETS_LEDGER_URL": url}
        yield Hosts(stage, url, proxy)
        proxy.flows.set()
    proxy.close()


def assert_once(org: Org, ids: list[str]) -> None:
    """Fail unless each row is in Core, by one job, and no job of ours is open."""
    assert org.core_ids() == ids
    assert org.keys_of_two_jobs() == {}
    assert "Open" not in {job["state"] for job in org.ask("jobs")["jobs"]}


def test_live_hosts_of_one_name_leave_each_other_alone(hosts: Hosts) -> None:
    """One waits, for longer than a lease, for lanes that the other has in flight."""
    org, first, second = hosts.stage.org, ("--partitions", "r1-01"), ("--partitions", "r1-02")
    org.tell("hold", kind="results", when="before")
    run = (str(PROGRAM), "run", "--local")
    with hosts.host(*run, *first) as one, hosts.host(*run, *second) as other:
        wait_until(
            lambda: org.waiting("results") and hosts.leased() == 2, "both are at it", within_s=120
        )
        refused = hosts.run(*first)
        assert (refused.code, "is being loaded by run" in refused.out) == (2, True), refused.out
        Event().wait(LEASE_S)
        with hosts.host(sys.executable, "-c", LAST_HEARTBEATS) as looks:
            told = looks.end().out
        assert told.count("LastHeartbeat(is_silent=False, is_gone=False)") == 2, told
        org.tell("release")
        ended = [one.end(), other.end()]
    assert [done.code for done in ended] == [0, 0], ended
    assert "Aborted" not in {job["state"] for job in org.ask("jobs")["jobs"]}
    assert_once(org, hosts.stage.ids)


@contextmanager
def stopped(hosts: Hosts, host: Host) -> Generator[None]:
    """Stop the process, as a machine that is suspended."""
    del hosts
    host.signal(signal.SIGSTOP)
    yield
    host.signal(signal.SIGCONT)


@contextmanager
def cut_off(hosts: Hosts, host: Host) -> Generator[None]:
    """Cut the host from the ledger; it reaches the org."""
    del host
    hosts.proxy.flows.clear()
    yield
    hosts.proxy.flows.set()


@pytest.mark.parametrize(
    ("is_away", "kind", "when"),
    [
        (stopped, "upload", "after"),
        (stopped, "results", "before"),
        (cut_off, "upload", "after"),
    ],
)
def test_a_host_that_was_away_for_longer_than_its_lease_commits_nothing(
    hosts: Hosts,
    is_away: Callable[[Hosts, Host], Any],
    kind: str,
    when: str,
) -> None:
    """Another one ended the load meanwhile; what it wakes up to do meets fence and aborted job."""
    stage, org = hosts.stage, hosts.stage.org
    stage.write_spec(spec_content(ROWS, 1))
    org.tell("hold", kind=kind, when=when)
    url = hosts.away().render_as_string(hide_password=False)
    with hosts.host(str(PROGRAM), "run", "--local", DC_ASSETS_LEDGER_URL=url) as host:
        wait_until(lambda: org.waiting(kind), f"a {kind} call is held", within_s=120)
        with is_away(hosts, host):
            org.tell("release")
            wait_until(lambda: hosts.leased() == 0, "the lease has ended", within_s=120)
            done = hosts.run()
            assert done.code == 0, done.out
            settled = hosts.records()
        late = host.end()
    assert late.code not in {0, 1}, late.out
    assert "Traceback" not in late.out
    assert hosts.records() == settled
    assert_once(org, [f"externalOpp{number:07d}" for number in range(1, ROWS + 1)])
