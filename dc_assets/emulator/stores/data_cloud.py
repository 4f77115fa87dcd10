"""The Data Cloud store: data model objects as tables, and results that are read page by page."""
# ruff: noqa: S608  names are quoted

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dc_assets.emulator.stores.duck import DatabaseError, DuckDatabase, Session, quoted, reason_of
from dc_assets.emulator.stores.source_file import SourceError, frames_of

PIECE = "piece_of_a_source_file"
"""The name under which the rows of a file are given to the session, some at a time."""


DOUBLE_TEXT = "double_text"
"""The name of a macro that only our own text calls."""

DOUBLE_TEXT_SQL = rf"""
CREATE OR REPLACE MACRO {DOUBLE_TEXT}(t) AS CASE
WHEN regexp_full_match(t, '-?[0-9]{{16}}[.][0-9]+') THEN regexp_replace(
    regexp_replace(t, '^(-?[0-9])([0-9]+)[.]([0-9]+)$', '\1.\2\3'), '[.]?0*$', '') || 'e+15'
ELSE regexp_replace(t, '[.]0$', '') END
"""
"""The text of a double as Hyper writes it: no ``.0``, and an exponent from 1e15 on."""


class DataCloudStore:
    """Objects of the tenant in a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.database = DuckDatabase(folder / "data_cloud.duckdb")
        with self.database.session() as session:
            session.run(DOUBLE_TEXT_SQL)

    def objects(self) -> dict[str, dict[str, str]]:
        """Each object with its columns and their DuckDB types."""
        with self.database.session() as session:
            return columns_of(session)

    def count(self, name: str) -> int:
        """Rows of one object."""
        with self.database.session() as session:
            return int(session.one(f"SELECT count(*) FROM {quoted(name)}")[0])

    def unique_columns(self, name: str, columns: Mapping[str, str]) -> list[str]:
        """The columns with a text of its own in each row, in their order."""
        texts = [column for column, kind in columns.items() if kind == "VARCHAR"]
        if not texts:
            return []
        asked = ", ".join(f"count(DISTINCT {quoted(column)}) = count(*)" for column in texts)
        with self.database.session() as session:
            found = session.one(f"SELECT {asked} FROM {quoted(name)}")
        return [column for column, is_unique in zip(texts, found, strict=True) if is_unique]

    def add_file(self, path: Path, name: str) -> int:
        """Make an object out of a Parquet or CSV file, in the place of one of the same name.

        Returns:
            The rows of the object.

        Raises:
            SourceError: the file is absent, has another ending, or cannot be read.
        """
        begin = f"CREATE OR REPLACE TABLE {quoted(name)} AS"
        try:
            with self.database.session() as session, session.transaction():
                for frame in frames_of(path):
                    with session.given(PIECE, frame):
                        session.run(f"{begin} SELECT * FROM {PIECE}")
                    begin = f"INSERT INTO {quoted(name)}"
        except DatabaseError as error:
            text = f"The source file {path} cannot become an object: {reason_of(error)}"
            raise SourceError(text) from error
        return self.count(name)

    def clear(self) -> None:
        """Drop all objects."""
        with self.database.session() as session:
            for name in columns_of(session):
                session.run(f"DROP TABLE {quoted(name)}")

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def columns_of(session: Session) -> dict[str, dict[str, str]]:
    """Each table of the main schema with its columns and their types, in order."""
    found: dict[str, dict[str, str]] = {}
    sql = (
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'main' AND table_catalog = current_database() "
        "ORDER BY table_name, ordinal_position"
    )
    for table, column, kind in session.rows(sql):
        found.setdefault(str(table), {})[str(column)] = str(kind)
    return found
