"""The Data Cloud store: data model objects as tables, and results that are read page by page."""
# ruff: noqa: S608  names are quoted, paths are written as literals

from __future__ import annotations

from pathlib import Path

from dc_assets.emulator.stores.duck import Database, DatabaseError, Session, literal, quoted

READERS = {
    ".parquet": "read_parquet({path})",
    ".csv": "read_csv({path}, header = true, sample_size = -1)",
}
"""How a source file is read, by its ending."""


class SourceError(Exception):
    """A source file cannot become an object; the text is one sentence."""


class DataCloudStore:
    """Objects of the tenant in a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "data_cloud.duckdb")

    def objects(self) -> dict[str, dict[str, str]]:
        """Each object with its columns and their DuckDB types."""
        with self.database.session() as session:
            return columns_of(session)

    def count(self, name: str) -> int:
        """Rows of one object."""
        with self.database.session() as session:
            return int(session.one(f"SELECT count(*) FROM {quoted(name)}")[0])

    def add_file(self, path: Path, name: str) -> int:
        """Make an object out of a Parquet or CSV file, in the place of one of the same name.

        Returns:
            The rows of the object.

        Raises:
            SourceError: the file is absent, has another ending, or cannot be read.
        """
        reader = READERS.get(path.suffix.lower())
        if reader is None:
            raise SourceError(f"The source file {path} is neither .parquet nor .csv.")
        if not path.is_file():
            raise SourceError(f"The source file {path} cannot be read: it is not there.")
        table = reader.format(path=literal(str(path)))
        try:
            with self.database.session() as session:
                session.run(f"CREATE OR REPLACE TABLE {quoted(name)} AS SELECT * FROM {table}")
        except DatabaseError as error:
            reason = str(error).splitlines()[0]
            raise SourceError(f"The source file {path} cannot be read: {reason}") from error
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
