"""PostgreSQL is restarted ten times while a load has its ledger there, and Dagster its storage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from dc_assets.core.exit_codes import ExitCode
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import (
    PROGRAM,
    Stage,
    running,
    running_org,
    short_folder,
    wait_until,
)
from dc_assets_tests.conformance.postgres import RestartablePostgres, restartable_postgres
from dc_assets_tests.hunts.kill9_stage import fresh_stage

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt, pytest.mark.postgres]

ROWS = 20_000
RESTARTS = 10
AWAY_S = 0.5
BETWEEN_S = 1.0
BACKFILLS_WAIT = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}
"""Without it Dagster gives a backfill up whose code location cannot load (docs/dagster.md)."""

OF_DAGSTER = "is FAILURE: server closed the connection"
"""A run that was failed by what Dagster itself asked of its storage."""

LEASES = {"DC_ASSETS_LEASE_S": "60", "DC_ASSETS_HEARTBEAT_S": "5"}


class Restarts:
    """Restarts a server in turn fast and immediately, once something has begun."""

    def __init__(self, server: RestartablePostgres, has_begun: Callable[[], bool]) -> None:
        self.done = 0
        self._server = server
        self._has_begun = has_begun
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)

    @contextmanager
    def going(self) -> Generator[None]:
        """Restart while the block runs; afterwards the server is up."""
        self._thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join()

    def _go(self) -> None:
        while not self._has_begun() and not self._is_over.wait(0.1):
            pass
        while self.done < RESTARTS and not self._is_over.wait(BETWEEN_S):
            self._server.stop("immediate" if self.done % 2 else "fast")
            self._is_over.wait(AWAY_S)
            self._server.start()
            self.done += 1


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder with a short path."""
    with short_folder() as made:
        yield made


@contextmanager
def loading(folder: Path) -> Generator[tuple[Stage, Restarts]]:
    """Give a load of 20,000 rows whose ledger is restarted from its first job on."""
    with restartable_postgres() as server, running_org(folder, rows=0) as org:
        stage = fresh_stage(org, folder / "load", rows=ROWS, partitions=2, seed=11)
        stage.environment |= LEASES | BACKFILLS_WAIT
        stage.environment |= {
            "DC_ASSETS_LEDGER_URL": server.url,
            "PG_URL": server.url.replace("postgresql:", "postgresql+psycopg2:", 1),
        }
        yield stage, Restarts(server, lambda: org.calls("close") > 0)
        engine = sa.create_engine(stage.environment["PG_URL"])
        with engine.connect() as connection:
            loads = connection.execute(sa.text("SELECT state FROM load")).scalars().all()
            landed = connection.execute(sa.text("SELECT sum(landed) FROM batch")).scalar()
        engine.dispose()
        assert loads == ["done"]
        assert landed == ROWS


def assert_whole(stage: Stage, restarts: Restarts, code: int, said: str) -> None:
    """Fail unless every row is in Core, by one job, after all the restarts."""
    assert code == 0, said[-4000:]
    assert "Traceback" not in said
    assert restarts.done == RESTARTS
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}


@pytest.mark.timeout(400)
def test_a_local_load_outlives_restarts_of_its_ledger(folder: Path) -> None:
    """It needs no help, says what it waits for, and sends nothing twice."""
    with loading(folder) as (stage, restarts):
        log = stage.folder / "said.log"
        command = [str(PROGRAM), "run", "opportunities", "--local"]
        with restarts.going(), running(command, stage.environment, log=log) as process:
            code = process.wait(360)
        said = log.read_text(encoding="utf-8")
        assert_whole(stage, restarts, code, said)
        assert "answers again" in said


def ended(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Run a command to its end; return its exit code."""
    with running(command, environment, log=log) as process:
        return process.wait(280)


@pytest.mark.timeout(600)
def test_dagster_on_the_same_server_outlives_its_restarts(folder: Path) -> None:
    """The command that follows the backfill ends with its proof.

    A step that Dagster's own storage fails is failed by Dagster, which retries lost workers alone:
    then the same command, given again, completes the load.
    """
    with loading(folder) as (stage, restarts):
        home = stage.folder / "dagster"
        assert stage.run("home", str(home), "--postgres", "env:PG_URL").code == 0
        assert "postgres" in yaml.safe_load((home / "dagster.yaml").read_text())["storage"]
        log = stage.folder / "said.log"
        with running_webserver(stage, home) as webserver, running_daemon(stage, home):
            environment = {**stage.environment, "DC_ASSETS_DAGSTER_URL": webserver.url}
            command = [str(PROGRAM), "run", "opportunities"]
            with restarts.going():
                code = ended(command, environment, log)
                if code == ExitCode.UNEXPLAINED and OF_DAGSTER in log.read_text(encoding="utf-8"):
                    code = ended(command, environment, log)
        assert_whole(stage, restarts, code, log.read_text(encoding="utf-8"))


@pytest.mark.timeout(200)
def test_an_absence_longer_than_the_lease_ends_a_run_in_one_sentence(folder: Path) -> None:
    """It blames the server, not the disk; the same command completes the load."""
    with restartable_postgres() as server, running_org(folder, rows=0) as org:
        stage = fresh_stage(org, folder / "load", rows=600, partitions=1, seed=12)
        stage.environment |= {"DC_ASSETS_LEDGER_URL": server.url}
        stage.environment |= {"DC_ASSETS_LEASE_S": "6", "DC_ASSETS_HEARTBEAT_S": "1"}
        log = stage.folder / "said.log"
        command = [str(PROGRAM), "run", "opportunities", "--local"]
        with running(command, stage.environment, log=log) as process:
            wait_until(lambda: org.calls("close") > 0, "a job is closed")
            server.stop("immediate")
            code = process.wait(60)
        server.start()
        said = log.read_text(encoding="utf-8")
        assert code == 5, said
        assert "Check the database server and the way to it. What was done is kept" in said
        assert "Traceback" not in said
        assert "disk" not in said
        assert stage.run("run", "--local").code == 0
        assert org.core_ids() == stage.ids
        assert org.keys_of_two_jobs() == {}


@pytest.mark.timeout(300)
def test_dagster_begins_a_step_again_that_lost_its_ledger(folder: Path) -> None:
    """After an absence longer than the lease the backfill completes without help."""
    with restartable_postgres() as server, running_org(folder, rows=0) as org:
        stage = fresh_stage(org, folder / "load", rows=600, partitions=1, seed=13)
        stage.environment |= {"DC_ASSETS_LEDGER_URL": server.url}
        stage.environment |= {"DC_ASSETS_LEASE_S": "6", "DC_ASSETS_HEARTBEAT_S": "1"}
        home, log = stage.folder / "dagster", stage.folder / "said.log"
        assert stage.run("home", str(home)).code == 0
        with running_webserver(stage, home) as webserver, running_daemon(stage, home):
            environment = {**stage.environment, "DC_ASSETS_DAGSTER_URL": webserver.url}
            command = [str(PROGRAM), "run", "opportunities"]
            with running(command, environment, log=log) as process:
                wait_until(lambda: org.calls("close") > 0, "a job is closed", within_s=120)
                server.stop("fast")
                threading.Event().wait(12)
                server.start()
                assert process.wait(200) == 0, log.read_text(encoding="utf-8")
        events = "".join(file.read_text("utf-8") for file in home.rglob("*.err"))
        assert "Begins again." in events
        assert org.core_ids() == stage.ids
        assert org.keys_of_two_jobs() == {}
