"""Secrets are planted, a load goes through a stormy org, and everything left behind is searched."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from dc_assets_tests.acceptance.services import PYTHON, running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker, alive_with, wait_until
from dc_assets_tests.conformance.conftest import (
    postgres_url as postgres_url,  # noqa: PLC0414 - a fixture
)
from dc_assets_tests.emulator.signing import new_app

pytestmark = [pytest.mark.hunt, pytest.mark.postgres, pytest.mark.timeout(240)]

PASSWORD = "planted-ledger-password-5f1c"
WRONG_SECRET = "planted-wrong-secret-77aa"
KEY = new_app().key_pem().decode()
A_LINE_OF_IT, ASSERTION = KEY.splitlines()[1], "eyJhbGciOiJSUzI1NiI"
CORE_TOKEN = "!AQ"
TENANT_TOKEN = "eyJhbGciOiAiRVMyNTYi"
"""How every token of the emulated org and of its tenant looks."""

STORM = [
    {"what": "storm", "share": 0.1, "seed": 5},
    {"what": "expire_core_token", "times": 3, "after": 20},
    {"what": "expire_tenant_token", "times": 1, "after": 2},
]
DOWN = [{"what": "status", "share": 1.0, "body": "html", "calls": ["create", "limits", "list"]}]
EMULATORS_OWN = {"org.json", "org.log"}
"""Addresses and credentials, as the emulated org itself announces them."""


def load_in_a_storm(stage: Stage) -> Iterator[str]:
    """Load through Dagster; yield the command lines of all processes, looked at many times.

    A forked service would show none of its own.
    """
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    stage.org.tell("faults", faults=STORM)
    lines: set[str] = set()
    with running_webserver(stage, home, python=PYTHON) as webserver:
        backfill_id = webserver.launch("opportunities_in_core", stage.keys, {})
        with running_daemon(stage, home, python=PYTHON):

            def is_over() -> bool:
                lines.update(command_lines(stage))
                return webserver.backfill(backfill_id).is_over(len(stage.keys))

            wait_until(is_over, "the backfill ends", within_s=150)
    stage.org.tell("faults", faults=[])
    yield from lines


def command_lines(stage: Stage) -> Iterator[str]:
    """Yield the command line of every process that was started on the stage."""
    for pid in alive_with(str(stage.folder)):
        with suppress(OSError):
            yield Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")


def complaints(stage: Stage) -> Iterator[Done]:
    """Run into everything that makes the program say something about its connections."""
    yield stage.run("run", "--local", SF_CLIENT_SECRET=WRONG_SECRET)
    yield stage.run(
        "plan",
        SF_CLIENT_SECRET=None,
        SF_USERNAME=stage.org.ready["username"],
        SF_PRIVATE_KEY=KEY,
    )
    unreachable = f"postgresql://someone:{PASSWORD}@127.0.0.1:1/nowhere"
    yield stage.run("status", DC_ASSETS_LEDGER_URL=unreachable)
    stage.org.tell("faults", faults=DOWN)
    yield stage.run(
        "run", "--local", "--new-load", DC_ASSETS_TIME_SCALE="200", DC_ASSETS_LOG="json"
    )
    stage.org.tell("faults", faults=[])


def texts_on_disk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file, and what SQLite databases hold compressed."""
    for file in folder.rglob("*"):
        with suppress(OSError):
            if file.is_file() and file.name not in EMULATORS_OWN:
                yield str(file), file.read_bytes()
            if file.suffix == ".db" and file.is_file():
                yield from unpacked(file)


def unpacked(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the compressed cells of a SQLite database as they read."""
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    if isinstance(cell, bytes):
                        with suppress(zlib.error):
                            yield f"{file}:{table}", zlib.decompress(cell)


def texts_in_the_ledger(url: str) -> Iterator[tuple[str, bytes]]:
    """Yield every row of every table of a PostgreSQL ledger."""
    engine = sa.create_engine(make_url(url).set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for (row,) in connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t'):
                yield f"ledger:{table}", str(row).encode()
    engine.dispose()


def test_no_secret_is_left_anywhere(stage_of: StageMaker, postgres_url: str) -> None:
    """Logs, ledger, spool, Dagster's storage, process list and messages hold none of them."""
    stage = stage_of(rows=240, partitions=2)
    ledger = make_url(postgres_url).set(password=PASSWORD)
    stage.environment["DC_ASSETS_LEDGER_URL"] = ledger.render_as_string(hide_password=False)
    stage.environment["DC_ASSETS_TIME_SCALE"] = "20"
    seen = [("a command line", line.encode()) for line in load_in_a_storm(stage)]
    for done in complaints(stage):
        assert done.code not in {0, 1}, done.out + done.err
        seen.append(("a message", (done.out + done.err).encode()))
    seen += texts_in_the_ledger(postgres_url)
    seen += texts_on_disk(stage.folder)
    secret, client_id = stage.org.ready["client_secret"], stage.org.ready["client_id"]
    for planted in (
        secret,
        client_id,
        PASSWORD,
        WRONG_SECRET,
        CORE_TOKEN,
        TENANT_TOKEN,
        A_LINE_OF_IT,
        ASSERTION,
    ):
        assert [place for place, text in seen if planted.encode() in text] == [], planted
    places = {place.partition(":")[0] for place, text in seen if b"opportunities" in text}
    assert {"a message", "ledger"} <= places  # the search finds what is there
    assert any(place.endswith(".db") for place in places)
