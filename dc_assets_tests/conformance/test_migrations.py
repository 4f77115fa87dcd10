"""A ledger of an older version is brought to the present one when it is opened."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dc_assets.core.errors import ConfigError
from dc_assets.ledger import tables
from dc_assets.ledger.database import Database
from dc_assets.ledger.receipts import DoubtfulReceipt
from dc_assets.views.receipts import landed_rows
from dc_assets_tests.fakes.ledgers import (
    OpenLedger,
    letter,
    new_batch,
    receipt_of,
    settlement,
)

TO_VERSION_8 = (
    "DROP TABLE receipt",
    "UPDATE ledger_version SET version = 8",
)
TO_VERSION_7 = (
    *TO_VERSION_8,
    "DROP TABLE pinned_org",
    "ALTER TABLE load DROP COLUMN production_at",
    "DROP TABLE snapshot",
    "ALTER TABLE load DROP COLUMN with_snapshot",
    "ALTER TABLE range_state DROP COLUMN cleaned_at",
    "ALTER TABLE range_state DROP COLUMN cleaned_rows",
    "UPDATE ledger_version SET version = 7",
)
TO_VERSION_6 = (
    *TO_VERSION_7,
    "DROP TABLE long_query",
    "UPDATE ledger_version SET version = 6",
)
TO_VERSION_5 = (
    *TO_VERSION_6,
    "ALTER TABLE load DROP COLUMN anyway",
    "ALTER TABLE batch DROP COLUMN waits",
    "UPDATE ledger_version SET version = 5",
)
TO_VERSION_4 = (
    *TO_VERSION_5,
    "DROP INDEX one_unfinished_range",
    *(
        f"ALTER TABLE range_state DROP COLUMN {name}"
        for name in ("checked_at", "open_as", "launches")
    ),
    "DROP TABLE scheme_bounds",
    "UPDATE range_state SET phase = 'writing' WHERE phase = 'sending'",
    "UPDATE range_state SET phase = 'done' WHERE phase IN ('sent', 'checked')",
    "DELETE FROM range_state WHERE phase = 'new'",
    "CREATE UNIQUE INDEX one_open_load ON load (org_id, spec_name, mode) WHERE state = 'open'",
    "UPDATE ledger_version SET version = 4",
)
TO_VERSION_3 = (
    *TO_VERSION_4,
    *(
        f"DROP TABLE {name}"
        for name in (
            *("delivery", "notice", "check_result", "forecast"),
            *("org_use", "org_allowance", "deletion_observation"),
        )
    ),
    *(
        f"ALTER TABLE range_state DROP COLUMN {name}"
        for name in ("source_state", "proved_at", "paused_until", "paused_why")
    ),
    "ALTER TABLE load DROP COLUMN spec_json",
    "ALTER TABLE load DROP COLUMN versions",
    "UPDATE ledger_version SET version = 3",
)
TO_VERSION_2 = (
    *TO_VERSION_3,
    "ALTER TABLE load DROP COLUMN lane_scope",
    "ALTER TABLE load DROP COLUMN window_cut_at",
    "ALTER TABLE batch DROP COLUMN locked",
    "ALTER TABLE batch DROP COLUMN ended_at",
    "UPDATE ledger_version SET version = 2",
)
TO_VERSION_1 = (
    *TO_VERSION_2,
    "ALTER TABLE load DROP COLUMN stopped_at",
    "ALTER TABLE batch DROP COLUMN cleaned_at",
    "ALTER TABLE dead_letter DROP COLUMN first_refused_at",
    "ALTER TABLE dead_letter DROP COLUMN run_id",
    "ALTER TABLE dead_letter DROP COLUMN replayed_by",
    "DROP INDEX dead_letter_by_key",
    "DROP TABLE run_beat",
    "UPDATE ledger_version SET version = 1",
)


@pytest.fixture
def own_ledger(ledger: OpenLedger) -> Generator[OpenLedger]:
    """Give a ledger that no other test shares, because its schema is changed."""
    if ledger.url.startswith("sqlite"):
        yield ledger
        return
    name = f"own_{uuid.uuid4().hex}"
    with ledger.database.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    joint = "&" if "?" in ledger.url else "?"
    url = f"{ledger.url}{joint}options=-csearch_path%3D{name}"
    database = Database(url)
    yield OpenLedger(database, url, ledger.org_id)
    database.close()


def make_old(ledger: OpenLedger, statements: tuple[str, ...]) -> None:
    """Bring a ledger to the schema of an older version."""
    with ledger.database.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statements",
    [
        *(TO_VERSION_1, TO_VERSION_2, TO_VERSION_3, TO_VERSION_4),
        *(TO_VERSION_5, TO_VERSION_6, TO_VERSION_7, TO_VERSION_8),
    ],
    ids=["1", "2", "3", "4", "5", "6", "7", "8"],
)
def test_an_old_ledger_is_opened_with_all_it_held(
    own_ledger: OpenLedger, statements: tuple[str, ...]
) -> None:
    """Its loads continue: a batch that was planned then is claimed now."""
    ticket = own_ledger.ticket()
    own_ledger.batches().plan_batches(
        ticket, selected=11, batches=[new := new_batch(0)], dead_letters=[letter("a")]
    )
    make_old(own_ledger, statements)
    with own_ledger.another_connection() as database:
        with database.begin() as connection:
            version = connection.execute(sa.select(tables.ledger_version.c.version)).scalar_one()
            inspected = sa.inspect(connection)
            described = {
                table.name: {column["name"] for column in inspected.get_columns(table.name)}
                for table in tables.metadata.sorted_tables
            }
        assert version == tables.SCHEMA_VERSION
        assert described == {t.name: set(t.c.keys()) for t in tables.metadata.sorted_tables}
        assert own_ledger.batches(database).claim(ticket, [new.batch_id], 16) == new.batch_id


def test_a_ledger_of_a_newer_program_is_left_alone(own_ledger: OpenLedger) -> None:
    """Nothing is altered, and the message says what to install."""
    with own_ledger.database.begin() as connection:
        connection.execute(tables.ledger_version.update().values(version=99))
    with pytest.raises(ConfigError, match="schema version 99"):
        Database(own_ledger.url)


def test_receipts_of_an_older_version_come_into_the_ledger_once(
    own_ledger: OpenLedger, tmp_path: Path
) -> None:
    """A file that is missing, cut off or another one stays named; the others are needed no more."""
    ticket = own_ledger.ticket()
    ids = own_ledger.planned(ticket, *(new_batch(lane, rows=1) for lane in range(4)))
    files = {one: tmp_path / f"{one}.parquet" for one in ids}
    for batch_id, file in files.items():
        own_ledger.uploaded(ticket, batch_id)
        own_ledger.batches().settled(ticket, settlement(batch_id, 1))
        receipt_of([batch_id[:4]]).write_parquet(file)
    with own_ledger.database.begin() as connection:
        for batch_id, file in files.items():
            values = {
                "receipt_path": str(file),
                "receipt_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            }
            of_it = tables.batch.c.batch_id == batch_id
            connection.execute(tables.batch.update().where(of_it).values(**values))
    make_old(own_ledger, TO_VERSION_8)
    whole, missing, cut, other = files.values()
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:-9])
    other.write_bytes(whole.read_bytes())
    with own_ledger.another_connection() as database:
        whole.unlink()
        assert landed_rows(database, ids[0]).get_column("external_id").to_list() == [ids[0][:4]]
        for batch_id, what in zip(ids[1:], ("is missing", "altered", "altered"), strict=True):
            with pytest.raises(DoubtfulReceipt, match=f"{files[batch_id]}.*{what}"):
                landed_rows(database, batch_id)
