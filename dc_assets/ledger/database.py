"""Opens the ledger database: a SQLite file on one host, PostgreSQL for more."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dc_assets.core.errors import ConfigError
from dc_assets.ledger import tables
from dc_assets.ledger.absence import (
    Absence,
    Patience,
    TransactionLost,
    is_absence,
    is_refusal,
    one_transaction,
)
from dc_assets.ledger.bounds import remember_bounds
from dc_assets.ledger.commit_marks import CommitMark, CommitMarks, forget_old_marks
from dc_assets.ledger.database_url import file_of, harmless, parsed_url, place_of, remedy_of
from dc_assets.ledger.look import version_of
from dc_assets.ledger.one_host import refuse_second_host
from dc_assets.ledger.owner_only import close_to_others
from dc_assets.ledger.pinned_org import pin_loaded_orgs
from dc_assets.ledger.receipts import take_in_files
from dc_assets.ledger.statements import STATEMENTS
from dc_assets.ledger.write_ahead import write_ahead

BUSY_TIMEOUT_S = 5
"""How long SQLite waits for another writer before it says so; transactions take milliseconds."""

_SILENT_SERVER: dict[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A server that vanished without a word is away after so many seconds (libpq; the last in ms)."""


class Database:
    """Transactions on the ledger; the schema is created or migrated on opening."""

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        """Open the database; ``patience`` says how long an absence of it is borne.

        Raises:
            ConfigError: the URL is wrong, the server or the disk refuses, or another host is at
                work with the file. The message never holds the URL's password.
            LedgerAway: it is away, and its absence is borne from the first.
        """
        parsed = parsed_url(url)
        patience = patience or Patience()
        self._url = url
        self._place = place_of(parsed)
        self._absence = Absence(self._place, remedy_of(parsed, "absence"), patience)
        try:
            self._engine = _engine(parsed)
            self._readers = self._engine.execution_options(**_reading(self._engine))
        except (SQLAlchemyError, ValueError, TypeError):  # an option that no driver can read
            raise ConfigError(
                "An option or a path in DC_ASSETS_LEDGER_URL cannot be read. "
                "Write sqlite:////path/to/ledger.db or postgresql://user:password@host/database."
            ) from None  # its words may repeat parts of the URL
        self._marks = CommitMarks(self._engine)
        self._is_open = False
        open_it = one_transaction(self._migrate) if patience.from_the_first else self._migrate
        try:
            open_it()
        except TransactionLost as lost:
            raise self._unusable(lost.reason) from None
        except (SQLAlchemyError, ValueError, TypeError) as error:
            raise self._unusable(self._said_by(error)) from None
        self._is_open = True

    def _migrate(self) -> None:
        with self.begin() as connection:
            migrate(connection)
            refuse_second_host(connection, self._place)

    def _unusable(self, reason: str) -> ConfigError:
        """Return the error without a cause: Dagster would store it, with words of the driver."""
        what = "used" if self._is_open else "opened"
        remedy = remedy_of(self._engine.url, "use" if self._is_open else "opening")
        return ConfigError(f"The ledger {self._place} cannot be {what}: {reason}. {remedy}")

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """Run one transaction; it is the only writer on SQLite (BEGIN IMMEDIATE).

        When its end was sent and the answer was lost, the ledger is asked whether it took place.

        Raises:
            TransactionLost: it was surely not carried out, because the ledger went away;
                `one_transaction` carries it out again.
            ConfigError: the disk is full, or the database refuses for another reason.
        """
        began_s = self._absence.now_s()
        mark: CommitMark | None = None
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
                mark = self._marks.leave(connection)
        except DBAPIError as error:
            if mark is None or not is_absence(error) or not self._took_place(mark):
                self._refuse(error, began_s)
        self._absence.is_over()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Show one moment of the ledger for the block; it delays no writer, and writes nothing.

        Raises:
            TransactionLost: the ledger went away meanwhile.
        """
        began_s = self._absence.now_s()
        try:
            with self._readers.begin() as connection:
                yield connection
        except DBAPIError as error:
            self._refuse(error, began_s)
        self._absence.is_over()

    @one_transaction
    def _took_place(self, mark: CommitMark) -> bool:
        """Ask whether a transaction took place whose end was sent and not answered."""
        began_s = self._absence.now_s()
        try:
            return self._marks.is_there(mark)
        except DBAPIError as error:
            self._refuse(error, began_s)

    def _refuse(self, error: DBAPIError, began_s: float) -> NoReturn:
        """Raise what a failed transaction is to its caller."""
        reason = self._said_by(error)
        if is_absence(error):
            raise self._absence.lost(reason, began_s) from None
        if is_refusal(error):
            raise self._unusable(reason) from None
        raise error

    def _said_by(self, error: Exception) -> str:
        return harmless(str(getattr(error, "orig", error)), self._url)

    @one_transaction
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


_READS = "dc_assets_reads"

_COMPILED = {"compiled_cache": STATEMENTS}


def _reading(engine: Engine) -> dict[str, Any]:
    """Return the options of a transaction that sees one moment and writes nothing."""
    if engine.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {_READS: True}


def _engine(url: URL) -> Engine:
    # hide_parameters: what a statement was given are ids and rows, and errors are stored
    if url.get_backend_name() != "sqlite":
        timeouts = {name: value for name, value in _SILENT_SERVER.items() if name not in url.query}
        server = sa.create_engine(
            url,
            pool_pre_ping=True,
            connect_args=timeouts,
            hide_parameters=True,
            execution_options=_COMPILED,
        )
        event.listen(server, "connect", _set_up_server)
        return server
    if file := file_of(url):
        _make_private(file)
    waits: dict[str, int] = {} if "timeout" in url.query else {"timeout": BUSY_TIMEOUT_S}
    engine = sa.create_engine(
        url, connect_args=waits, hide_parameters=True, execution_options=_COMPILED
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up_server(connection: Any, _: object) -> None:  # noqa: ANN401 - psycopg2 has no types
    """Let the server end a transaction whose client is gone: it holds locks others wait for."""
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


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
    write_ahead(connection)
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
    5: (
        "DROP INDEX one_open_load",
        "ALTER TABLE range_state ADD COLUMN checked_at FLOAT",
        "ALTER TABLE range_state ADD COLUMN open_as VARCHAR(160)",
        "ALTER TABLE range_state ADD COLUMN launches TEXT",
        "UPDATE range_state SET phase = 'reading' WHERE phase = 'new'",
        "UPDATE range_state SET phase = 'sending' WHERE phase = 'writing'",
        """
        UPDATE range_state SET phase = CASE
            WHEN proved_at IS NOT NULL THEN 'checked'
            WHEN load_id IN (SELECT load_id FROM load WHERE state = 'done') THEN 'checked'
            ELSE 'sent' END
        WHERE phase = 'done'
        """,
        """
        UPDATE range_state SET open_as = (
            SELECT load.org_id || '/' || spec_name || '/' || mode || '/' || partition_key
            FROM load WHERE load.load_id = range_state.load_id AND state = 'open'
            AND NOT (phase = 'sent' AND mode IN ('replay', 'canary')))
        WHERE phase <> 'checked'
        """,
        """
        UPDATE load SET state = 'done', finished_at = (
            SELECT MAX(range_state.finished_at) FROM range_state
            WHERE range_state.load_id = load.load_id)
        WHERE state = 'open' AND mode <> 'canary'
        AND load_id IN (SELECT load_id FROM range_state)
        AND load_id NOT IN (SELECT load_id FROM range_state WHERE open_as IS NOT NULL)
        """,
        "CREATE UNIQUE INDEX one_unfinished_range ON range_state (open_as)",
    ),
    6: (
        "ALTER TABLE load ADD COLUMN anyway TEXT",
        "ALTER TABLE batch ADD COLUMN waits INTEGER NOT NULL DEFAULT 0",
    ),
    7: (),
    8: (
        "ALTER TABLE load ADD COLUMN production_at FLOAT",
        "ALTER TABLE load ADD COLUMN with_snapshot INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE range_state ADD COLUMN cleaned_at FLOAT",
        "ALTER TABLE range_state ADD COLUMN cleaned_rows INTEGER",
    ),
    9: (),
}
"""What leads to each version from the one before; new tables need no step."""

KEEPS_BOUNDS = 5
"""The version since which the bounds of each scheme are kept."""

PINS_ORGS = 8
"""The version since which each spec is held to one org."""

HOLDS_RECEIPTS = 9
"""The version since which receipts stand in the ledger."""


def migrate(connection: Connection) -> None:
    """Create the tables, or alter those of an older version.

    Raises:
        ConfigError: a newer program wrote the ledger.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    version = version_of(connection)
    if version is not None and version > tables.SCHEMA_VERSION:
        raise ConfigError(
            f"The ledger has schema version {version}, this program knows "
            f"{tables.SCHEMA_VERSION}. Install the newer dc-assets that wrote it."
        )
    if version is None:
        tables.metadata.create_all(connection)
        connection.execute(tables.ledger_version.insert().values(version=tables.SCHEMA_VERSION))
    elif version < tables.SCHEMA_VERSION:
        _raise(connection, version)
    forget_old_marks(connection)


def _raise(connection: Connection, version: int) -> None:
    """Bring a ledger of an older version to ours."""
    for step in range(version + 1, tables.SCHEMA_VERSION + 1):
        for statement in STEPS[step]:
            connection.exec_driver_sql(statement)
    tables.metadata.create_all(connection)
    if version < KEEPS_BOUNDS:
        remember_bounds(connection)
    if version < PINS_ORGS:
        pin_loaded_orgs(connection)
    if version < HOLDS_RECEIPTS:
        take_in_files(connection)
    connection.execute(tables.ledger_version.update().values(version=tables.SCHEMA_VERSION))
