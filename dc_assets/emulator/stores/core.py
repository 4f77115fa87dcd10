"""The Core store: one table for each object, and the journal of what was committed when."""
# ruff: noqa: S608  names in these texts come from the schema file, values are bound

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock

import polars as pl

from dc_assets.emulator.ids import record_id
from dc_assets.emulator.schema import Field, ObjectType, Schema
from dc_assets.emulator.stores import journal
from dc_assets.emulator.stores.applying import STAMPS, apply
from dc_assets.emulator.stores.duck import DuckDatabase, Session, literal, quoted
from dc_assets.emulator.stores.pending import Commit, Pending, Segment
from dc_assets.emulator.stores.record_index import NUMBER, RecordIndex, wanted_numbers

BEGINNING = datetime(2026, 1, 1)  # noqa: DTZ001  moments of the store are UTC without a zone
"""The time of the records an org begins with."""


APPLIED = "CREATE TABLE IF NOT EXISTS applied (segment BIGINT)"
PENDING_ROWS_MAX = 500_000
"""Rows that are committed and not in the database yet, until a writer brings them in."""


def columns_of(item: ObjectType) -> dict[str, str]:
    """The columns of an object by their names, as SQL defines them."""
    columns = {
        field.name: f"{quoted(field.name)} {field.sql_type()}{_default_sql(item, field)}"
        for field in item.fields
        if field.is_stored
    }
    return columns | {NUMBER: f"{NUMBER} BIGINT"}


def statements_of(item: ObjectType) -> list[str]:
    """What makes the sequences and the table of an object."""
    numbered = [_number_sequence(item, field) for field in item.fields if field.auto_number]
    return [
        *(f"CREATE SEQUENCE IF NOT EXISTS {quoted(name)}" for name in numbered),
        f"CREATE TABLE IF NOT EXISTS {quoted(item.name)} ({', '.join(columns_of(item).values())})",
    ]


def _number_sequence(item: ObjectType, field: Field) -> str:
    return f"number_{item.name}_{field.name}"


def _default_sql(item: ObjectType, field: Field) -> str:
    if field.auto_number:
        head, digits, tail = re.split("[{}]", field.auto_number)
        drawn = f"nextval({literal(_number_sequence(item, field))})"
        number = f"format('{{:0{len(digits)}d}}', {drawn})"
        return f" DEFAULT ({literal(head)} || {number} || {literal(tail)})"
    return f" DEFAULT {field.default_sql()}" if field.default or field.type == "boolean" else ""


@dataclass(frozen=True, slots=True)
class Change:
    """What one batch changes, as a segment has it."""

    object: str
    at: datetime
    fields: tuple[str, ...]
    is_deletion: bool
    rows: pl.DataFrame
    commit: Commit | None


class CoreStore:
    """Records of the org; `writing` is held by whoever writes.

    What is committed is in a file of its own at once, in an index for those who write, and in the
    database when somebody asks that.
    """

    def __init__(self, folder: Path, schema: Schema) -> None:
        self.schema = schema
        self.writing = RLock()
        # Rows come in with two thirds of the work when one thread brings them.
        self.database = DuckDatabase(folder / "core.duckdb", self._catch_up, threads=1)
        self._indexes: dict[str, RecordIndex] = {}
        self._next_numbers: dict[str, int] = {}
        with self.database.bare_session() as session:
            journal.make(session)
            session.run(APPLIED)
            for item in schema.stored:
                for statement in statements_of(item):
                    session.run(statement)
            self._grow(session)
            self._begin(session)
            self._say_kind(session)
            applied = int(session.one("SELECT coalesce(max(segment), 0) FROM applied")[0])
            self._commits = journal.commits(session)
        self._pending = Pending(folder / "commits", applied)
        self._commits += [one.commit for one in self._pending.segments if one.commit is not None]
        self._of_job: dict[str, list[Commit]] = {}
        for commit in self._commits:
            self._of_job.setdefault(commit.job_id, []).append(commit)

    def index(self, item: ObjectType) -> RecordIndex:
        """The index of an object's records; the caller holds `writing`."""
        found = self._indexes.get(item.name)
        if found is None:
            first = max(len(item.records) + 1, self._next_numbers.get(item.name, 0))
            whole = self.schema.whole(item.name) or item
            found = self._indexes[item.name] = RecordIndex(whole, self._read, first)
        return found

    def _read(self, sql: str) -> pl.DataFrame:
        with self.database.session() as session:
            return session.frame(sql)

    def commit(self, change: Change) -> None:
        """Keep what a batch changed; the caller holds `writing` and has changed the index."""
        pending = self._pending
        segment = Segment(
            number=pending.last + 1,
            object=change.object,
            at=change.at,
            fields=change.fields,
            is_deletion=change.is_deletion,
            rows=change.rows.height,
            commit=change.commit,
        )
        pending.write(segment, change.rows)
        if change.commit is not None:
            self._commits.append(change.commit)
            self._of_job.setdefault(change.commit.job_id, []).append(change.commit)
        if pending.rows > PENDING_ROWS_MAX:
            self._catch_up()

    def _catch_up(self) -> None:
        """Bring into the database what is committed."""
        if not self._pending.segments:
            return
        with self.writing:
            segments = list(self._pending.segments)
            with self.database.bare_session() as session, session.transaction():
                rows = [(segment, self._pending.read(segment)) for segment in segments]
                apply(session, self.schema, rows)
                self._say_applied(session)
            self._pending.forget(segments)

    def _say_applied(self, session: Session) -> None:
        session.run("DELETE FROM applied")
        session.run("INSERT INTO applied VALUES (?)", self._pending.last)

    def forget_indexes(self) -> None:
        """Make them anew when they are asked for: the records changed, or a write failed."""
        with self.writing:
            for name, index in self._indexes.items():
                self._next_numbers[name] = index.next_number
            self._indexes.clear()

    def _grow(self, session: Session) -> None:
        """Add the columns that a data folder of an earlier schema lacks."""
        named = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        there = {(str(table), str(column)) for table, column in session.rows(named)}
        missing = [
            (item, column)
            for item in self.schema.stored
            for name, column in columns_of(item).items()
            if (item.name, name) not in there
        ]
        for item, column in missing:
            session.run(f"ALTER TABLE {quoted(item.name)} ADD COLUMN {column}")
        if missing:
            self.renumber(session)

    def _begin(self, session: Session) -> None:
        """Write the records an org begins with, where an object has none."""
        for item in self.schema.stored:
            if not item.records or session.rows(f"SELECT 1 FROM {quoted(item.name)} LIMIT 1"):
                continue
            for number, record in enumerate(item.records, start=1):
                values = dict.fromkeys(STAMPS, BEGINNING)
                values |= {"Id": record_id(item.key_prefix, number), NUMBER: number}
                values |= dict(record)
                names = ", ".join(quoted(name) for name in values)
                places = ", ".join("?" for _ in values)
                session.run(
                    f"INSERT INTO {quoted(item.name)} ({names}) VALUES ({places})",
                    *values.values(),
                )

    def _say_kind(self, session: Session) -> None:
        """Let a kept org be a sandbox or not as this start says."""
        for item in self.schema.stored:
            records = [dict(record) for record in item.records]
            if item.name == "Organization" and records and "IsSandbox" in records[0]:
                session.run('UPDATE "Organization" SET "IsSandbox" = ?', records[0]["IsSandbox"])

    def renumber(self, session: Session) -> None:
        """Give each record the number of its id, where records came by SQL."""
        for item in self.schema.stored:
            rows = session.frame(f'SELECT rowid AS place, "Id", {NUMBER} FROM {quoted(item.name)}')
            rows = rows.with_columns(wanted=wanted_numbers(item, rows["Id"]))
            wrong = rows.filter(pl.col(NUMBER).ne_missing(pl.col("wanted")))
            if wrong.height:
                with session.given("wrong", wrong):
                    session.run(
                        f"UPDATE {quoted(item.name)} AS t SET {NUMBER} = w.wanted FROM wrong w "
                        "WHERE t.rowid = w.place"
                    )
        self.forget_indexes()

    def committed_spans(self, job_id: str) -> list[tuple[int, int]]:
        """The rows of a job that were committed, as ``(first, stop)`` in order."""
        return sorted((one.first_row, one.first_row + one.rows) for one in self.journal(job_id))

    def journal(self, job_id: str | None = None) -> list[Commit]:
        """All commits in the order they were made, or those of one job."""
        return list(self._commits if job_id is None else self._of_job.get(job_id, ()))

    def commit_count(self) -> int:
        """Internal batches that were committed."""
        return len(self._commits)

    def count(self, item: ObjectType) -> int:
        """Records of the object that are not deleted."""
        index = self._indexes.get(item.name)
        if index is not None:
            return index.live_count
        with self.database.session() as session:
            sql = f'SELECT count(*) FROM {quoted(item.name)} WHERE NOT "IsDeleted"'
            return int(session.one(sql)[0])

    def clear(self) -> None:
        """Delete all records but those an org begins with, and the journal."""
        with self.writing:
            segments = list(self._pending.segments)
            with self.database.bare_session() as session, session.transaction():
                for name in (*journal.TABLES, *(i.name for i in self.schema.stored)):
                    session.run(f"DELETE FROM {quoted(name)}")
                self.forget_indexes()
                self._begin(session)
                self._say_applied(session)
            self._pending.forget(segments)
            self._commits.clear()
            self._of_job.clear()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()
