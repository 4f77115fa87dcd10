"""A look at a ledger makes, raises and writes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from dc_assets.ledger.database import Database
from dc_assets.ledger.look import look_at
from dc_assets.ledger.tables import SCHEMA_VERSION


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Neither its file nor its folder."""
    seen = look_at(f"sqlite:///{tmp_path}/new/ledger.db")
    assert (seen.version, seen.is_ours) == (None, False)
    assert list(tmp_path.iterdir()) == []


def test_an_older_ledger_is_told_of_and_not_raised(tmp_path: Path) -> None:
    """Its version is that of before; ours is ours."""
    file = tmp_path / "ledger.db"
    Database(f"sqlite:///{file}").close()
    assert look_at(f"sqlite:///{file}").is_ours
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE ledger_version SET version = ?", [SCHEMA_VERSION - 1])
        connection.commit()
    for _ in range(2):
        seen = look_at(f"sqlite:///{file}")
        assert (seen.version, seen.is_ours, seen.journal) == (SCHEMA_VERSION - 1, False, "wal")
