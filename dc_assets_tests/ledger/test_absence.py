"""What happens while a ledger is away, and when it stays away."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from dc_assets.core.errors import ConfigError, LedgerAway
from dc_assets.ledger.absence import Patience, TransactionLost
from dc_assets.ledger.database import Database
from dc_assets_tests.acceptance.services import free_port
from dc_assets_tests.fakes.ledgers import KEYS, OpenLedger


def locked(file: Path) -> sqlite3.Connection:
    """Hold a SQLite file as a backup or an open shell does."""
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    return holder


def impatient(folder: Path, bears_s: float, told: list[str]) -> OpenLedger:
    """Return a ledger whose driver waits for nobody."""
    url = f"sqlite:///{folder / 'ledger.db'}?timeout=0"
    patience = Patience(bears_s, note=lambda event: told.append(str(event)))
    return OpenLedger(Database(url, patience), url, "00D")


def test_a_locked_file_is_borne_until_it_is_free(tmp_path: Path) -> None:
    """The write takes place, and both ends of the wait are told."""
    told: list[str] = []
    ledger = impatient(tmp_path, 30.0, told)
    with closing(ledger.database), closing(locked(tmp_path / "ledger.db")) as holder:
        threading.Timer(0.3, holder.rollback).start()
        assert ledger.loads().join_load(KEYS[0])
    assert ["is away (database is locked)" in told[0], "answers again" in told[1]] == [True] * 2
    assert len(told) == 2


def test_a_file_that_stays_locked_is_blamed_on_who_holds_it(tmp_path: Path) -> None:
    """One sentence with the cause and what to do; the disk is not mentioned."""
    ledger = impatient(tmp_path, 0.2, [])
    with (
        closing(ledger.database),
        closing(locked(tmp_path / "ledger.db")),
        pytest.raises(LedgerAway) as caught,
    ):
        ledger.loads().join_load(KEYS[0])
    said = str(caught.value)
    assert "database is locked. End the program that holds it locked" in said
    assert "the same command resumes" in said
    assert "disk" not in said


def test_a_new_ledger_that_another_process_is_making_is_opened_when_it_is_made(
    tmp_path: Path,
) -> None:
    """SQLite refuses the mode of a file at once while another one writes to it."""
    file = tmp_path / "ledger.db"
    with closing(locked(file)) as holder:
        freed = threading.Timer(0.3, holder.rollback)
        freed.start()
        try:
            Database(f"sqlite:///{file}").close()
        finally:
            freed.join()


def test_a_new_ledger_that_stays_locked_is_waited_for_no_longer_than_the_driver_waits(
    tmp_path: Path,
) -> None:
    """An address with a timeout of its own says how long."""
    file = tmp_path / "ledger.db"
    with closing(locked(file)), pytest.raises(ConfigError, match="database is locked"):
        Database(f"sqlite:///{file}?timeout=0.1")


def test_nobody_waits_for_a_heartbeat(tmp_path: Path) -> None:
    """A block that ends while the ledger is away ends: the lease does the rest."""
    ledger = impatient(tmp_path, 600.0, [])
    loads = ledger.loads()
    ticket = ledger.ticket(KEYS[0], loads)
    with closing(ledger.database), closing(locked(tmp_path / "ledger.db")):
        with loads.heartbeat(ticket):
            pass
        with pytest.raises(TransactionLost), ledger.database.begin():
            pass


@pytest.mark.parametrize("from_the_first", [True, False])
def test_a_server_that_is_away_at_the_opening_is_borne_by_runs_alone(
    *, from_the_first: bool
) -> None:
    """A person who mistyped the address is told at once."""
    url = f"postgresql://dc@127.0.0.1:{free_port()}/dc"
    patience = Patience(0.1, from_the_first=from_the_first)
    with pytest.raises(LedgerAway if from_the_first else ConfigError, match="database server"):
        Database(url, patience)


def test_a_fault_of_ours_is_no_absence(tmp_path: Path) -> None:
    """A statement that the database does not know is repeated by nobody."""
    ledger = impatient(tmp_path, 600.0, [])
    with (
        closing(ledger.database),
        pytest.raises(OperationalError, match="no such table"),
        ledger.database.begin() as connection,
    ):
        connection.exec_driver_sql("SELECT 1 FROM nowhere")
