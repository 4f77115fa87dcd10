"""Looks at a ledger without making, migrating or writing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from dc_assets.core.errors import ConfigError
from dc_assets.ledger import tables
from dc_assets.ledger.database_url import file_of, harmless, parsed_url, place_of, remedy_of

CONNECT_WITHIN_S = 10


@dataclass(frozen=True, slots=True)
class LedgerLook:
    """What there is of a ledger.

    Attributes:
        place: without user, password and options.
        file: of a ledger on this machine.
        version: of its schema; None if nothing is there yet.
        journal: the journal mode of a file.
    """

    place: str
    file: Path | None
    version: int | None
    journal: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether opening it would change nothing."""
        return self.version == tables.SCHEMA_VERSION


def look_at(url: str) -> LedgerLook:
    """Look at the ledger of a URL.

    Raises:
        ConfigError: the URL is wrong, or the ledger cannot be reached or read. The message never
            holds the URL's password.
    """
    parsed = parsed_url(url)
    place = place_of(parsed)
    file = file_of(parsed)
    if file is not None and not file.exists():
        return LedgerLook(place, file, None)
    engine = _engine(parsed, file)
    try:
        with engine.connect() as connection:
            return LedgerLook(place, file, version_of(connection), _journal(connection))
    except (SQLAlchemyError, ValueError, TypeError) as error:
        said = harmless(str(getattr(error, "orig", error)), url)
        remedy = remedy_of(parsed, "opening")
        raise ConfigError(f"The ledger {place} cannot be opened: {said}. {remedy}") from None
    finally:
        engine.dispose()


def _engine(parsed: sa.URL, file: Path | None) -> Engine:
    if file is None:
        return sa.create_engine(
            parsed, connect_args={"connect_timeout": CONNECT_WITHIN_S}, hide_parameters=True
        )
    return sa.create_engine(f"sqlite:///file:{file}?mode=ro&uri=true", hide_parameters=True)


def version_of(connection: Connection) -> int | None:
    """Return the version of the schema of a ledger; None if there is none yet."""
    if not sa.inspect(connection).has_table(tables.ledger_version.name):
        return None
    return connection.execute(sa.select(sa.func.max(tables.ledger_version.c.version))).scalar()


def _journal(connection: Connection) -> str:
    if connection.dialect.name != "sqlite":
        return ""
    return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
