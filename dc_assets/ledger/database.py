"""Opens the ledger database: a SQLite file on one host, PostgreSQL for more."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from dc_assets.core.errors import ConfigError
from dc_assets.ledger import tables
from dc_assets.ledger.database_url import file_of, harmless, parsed_url, place_of
from dc_assets.ledger.owner_only import close_to_others

BUSY_TIMEOUT_S = 30
"""How long a SQLite writer waits for another one; each transaction takes milliseconds."""


class Database:
    """Transactions on the ledger; the schema is created or migrated on opening."""

    def __init__(self, url: str) -> None:
        """Open the database.

        Raises:
            ConfigError: the URL is wrong, or the server or the disk refuses. The message never
                holds the URL's password.
        """
        parsed = parsed_url(url)
        try:
            self._engine = _engine(parsed)
            self._readers = self._engine.execution_options(**_reading(self._engine))
        except (SQLAlchemyError, ValueError, TypeError):  # an option that no driver can read
            raise ConfigError(
                "An option or a path in DC_ASSETS_LEDGER_URL cannot be read. "
                "Write sqlite:////path/to/ledger.db or postgresql://user:password@host/database."
            ) from None  # its words may repeat parts of the URL
        try:
            with self.begin() as connection:
                migrate(connection)
        except (SQLAlchemyError, ValueError, TypeError) as error:
            reason = harmless(str(getattr(error, "orig", error)), url)
            raise ConfigError(
                f"The ledger {place_of(parsed)} cannot be opened: {reason}. "
                "Check DC_ASSETS_LEDGER_URL, the disk and its permissions."
            ) from None  # a cause would be stored by Dagster, with words of the driver

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """Run one transaction; it is the only writer on SQLite (BEGIN IMMEDIATE)."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Show one moment of the ledger for the block; it delays no writer, and writes nothing."""
        with self._readers.begin() as connection:
            yield connection

    def time_s(self) -> float:
        """Return seconds since 1970 by the ledger's clock, which measures all leases."""
        with self.read() as connection:
            return now_s(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def now_s(connection: Connection) -> float:
    """Return the time by the ledger's clock inside a transaction."""
    return float(connection.execute(sa.select(tables.epoch_now())).scalar_one())


def insert_or_update(
    connection: Connection, table: sa.Table, values: Mapping[str, Any], update: Mapping[str, Any]
) -> bool:
    """Insert a line, or update the one that has its key; tell whether there was anything to do.

    With nothing to ``update`` the line that is there stays as it is.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table).values(**values)
    if not update:
        return connection.execute(insert.on_conflict_do_nothing()).rowcount > 0
    keys = list(table.primary_key)
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=dict(update)))
    return True


_READS = "dc_assets_reads"


def _reading(engine: Engine) -> dict[str, Any]:
    """Return the options of a transaction that sees one moment and writes nothing."""
    if engine.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {_READS: True}


def _engine(url: URL) -> Engine:
    # hide_parameters: what a statement was given are ids and rows, and errors are stored
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if file := file_of(url):
        _make_private(file)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(file: Path) -> None:
    """Make the file for its owner alone, or take others their rights to one that is there.

    SQLite gives its -wal and -shm the mode of the file. It is never opened here: to close any
    descriptor of it would drop the locks that this process has on it (POSIX).
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            file.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(
            f"The folder of the ledger cannot be made: {error.strerror}. "
            "Check the disk, or set DC_ASSETS_DATA to a folder that can be written."
        ) from error
    for one in (file, *(file.with_name(file.name + tail) for tail in ("-wal", "-shm"))):
        close_to_others(one)


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a ledger that forgets a commit is no ledger
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    """Begin a writer at once, so that it cannot fail half way; a reader of WAL waits for nobody."""
    is_reader = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE")


KEYS_A_QUERY = 500
"""Keys in one IN list; SQLite takes 32,766 parameters, and planners like fewer."""


def in_parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield slices of `KEYS_A_QUERY` keys."""
    for start in range(0, len(keys), KEYS_A_QUERY):
        yield keys[start : start + KEYS_A_QUERY]


_LOCK = 0x0DC_A55E75  # any constant: all versions of the product take the same lock

STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE load ADD COLUMN stopped_at FLOAT",
        "ALTER TABLE batch ADD COLUMN cleaned_at FLOAT",
        "ALTER TABLE dead_letter ADD COLUMN first_refused_at FLOAT",
        "ALTER TABLE dead_letter ADD COLUMN run_id TEXT",
        "ALTER TABLE dead_letter ADD COLUMN replayed_by VARCHAR(32)",
        "CREATE INDEX dead_letter_by_key ON dead_letter (external_id)",
    ),
    3: (
        "ALTER TABLE load ADD COLUMN lane_scope VARCHAR(96)",
        "ALTER TABLE load ADD COLUMN window_cut_at FLOAT",
        "ALTER TABLE batch ADD COLUMN locked INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE batch ADD COLUMN ended_at FLOAT",
    ),
    4: (
        "ALTER TABLE load ADD COLUMN spec_json TEXT",
        "ALTER TABLE load ADD COLUMN versions TEXT",
        "ALTER TABLE range_state ADD COLUMN source_state TEXT",
        "ALTER TABLE range_state ADD COLUMN proved_at FLOAT",
        "ALTER TABLE range_state ADD COLUMN paused_until FLOAT",
        "ALTER TABLE range_state ADD COLUMN paused_why TEXT",
    ),
}
"""What leads to each version from the one before; new tables need no step."""


def migrate(connection: Connection) -> None:
    """Create the tables, or alter those of an older version.

    Raises:
        ConfigError: a newer program wrote the ledger.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    version = _version(connection)
    if version is not None and version > tables.SCHEMA_VERSION:
        raise ConfigError(
            f"The ledger has schema version {version}, this program knows "
            f"{tables.SCHEMA_VERSION}. Install the newer dc-assets that wrote it."
        )
    if version is not None:
        for step in range(version + 1, tables.SCHEMA_VERSION + 1):
            for statement in STEPS[step]:
                connection.exec_driver_sql(statement)
    tables.metadata.create_all(connection)
    if version is None:
        connection.execute(tables.ledger_version.insert().values(version=tables.SCHEMA_VERSION))
    elif version < tables.SCHEMA_VERSION:
        connection.execute(tables.ledger_version.update().values(version=tables.SCHEMA_VERSION))


def _version(connection: Connection) -> int | None:
    if not sa.inspect(connection).has_table(tables.ledger_version.name):
        return None
    return connection.execute(sa.select(sa.func.max(tables.ledger_version.c.version))).scalar()
