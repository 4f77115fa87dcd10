"""Statements are compiled once a process, and answer as if each ledger had its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.statements import STATEMENTS, Statements


def test_a_second_ledger_compiles_nothing_anew(tmp_path: Path) -> None:
    """What it is asked is answered from its own file."""
    counts: list[int] = []
    for number in range(2):
        with closing(Database(f"sqlite:///{tmp_path}/{number}.db")) as database:
            Outbox(database).add("failed", "things", f"failed:{number}", {})
            assert Outbox(database).waiting("mail") == 1
        counts.append(len(STATEMENTS))
    assert counts[0] == counts[1]


def test_each_kind_of_database_has_statements_of_its_own(tmp_path: Path) -> None:
    """Two engines of a kind share them, whichever was first."""
    kept = Statements(10)
    for name in ("one", "two"):
        engine = sa.create_engine(
            f"sqlite:///{tmp_path}/{name}.db", execution_options={"compiled_cache": kept}
        )
        with engine.connect() as connection:
            assert connection.execute(sa.select(sa.literal(name))).scalar_one() == name
        engine.dispose()
    ((name, driver, version, *_),) = kept
    assert (name, driver) == ("sqlite", "pysqlite")
    assert version[0] == 3
