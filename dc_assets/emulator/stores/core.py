"""The Core store: one table for each object, and the journal of what was committed when."""
# ruff: noqa: S608  names in these texts come from the schema file, values are bound

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.schema import ObjectType, Schema
from dc_assets.emulator.stores.duck import DuckDatabase, Session, literal, quoted

JOURNAL = (
    "CREATE TABLE IF NOT EXISTS journal (job_id VARCHAR, object VARCHAR, batch BIGINT, "
    "committed_at TIMESTAMP, rows BIGINT, created BIGINT, updated BIGINT, failed BIGINT, "
    "first_row BIGINT)"
)
JOURNAL_GROWN = "ALTER TABLE journal ADD COLUMN IF NOT EXISTS first_row BIGINT"
"""For data folders of an earlier version."""
JOURNAL_KEYS = (
    "CREATE TABLE IF NOT EXISTS journal_keys (object VARCHAR, key VARCHAR, job_id VARCHAR, "
    "batch BIGINT, created BOOLEAN)"
)
COMMITS_OF_KEYS = "FROM journal_keys k JOIN journal j ON j.job_id = k.job_id AND j.batch = k.batch"


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of the journal: what the commit of one internal batch did."""

    job_id: str
    object: str
    batch: int
    at: datetime
    rows: int
    created: int
    updated: int
    failed: int
    first_row: int | None
    """Number of its first row in the upload; None in a journal of an earlier version."""


class CoreStore:
    """Records of the org in a database of their own; `writing` is held by whoever writes."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        self.schema = schema
        self.database = DuckDatabase(folder / "core.duckdb")
        self.writing = RLock()
        with self.database.session() as session:
            for statement in self._tables():
                session.run(statement)

    def _tables(self) -> list[str]:
        tables = [JOURNAL, JOURNAL_GROWN, JOURNAL_KEYS]
        for item in self.schema.objects:
            tables.append(f"CREATE SEQUENCE IF NOT EXISTS {quoted('seq_' + item.name)}")
            columns = [f"{quoted(f.name)} {f.sql_type()}" for f in item.fields]
            columns += [f"{quoted(f.key_column)} UBIGINT" for f in item.fields if f.has_key]
            tables.append(f"CREATE TABLE IF NOT EXISTS {quoted(item.name)} ({', '.join(columns)})")
        return tables

    def rehash(self, session: Session) -> None:
        """Make the hidden hashes anew where they are not those of their fields."""
        for item in self.schema.objects:
            for field in item.fields:
                if field.has_key:
                    column, wanted = quoted(field.key_column), field.folded(quoted(field.name))
                    session.run(
                        f"UPDATE {quoted(item.name)} SET {column} = hash({wanted}) "
                        f"WHERE {column} IS DISTINCT FROM hash({wanted})"
                    )

    def committed_batches(self, job_id: str) -> list[Commit]:
        """What the journal has of one job, in the order of its batches."""
        return self.journal(job_id)

    def committed_spans(self, job_id: str) -> list[tuple[int, int]]:
        """The rows of a job that were committed, as ``(first, stop)`` in order."""
        spans: list[tuple[int, int]] = []
        stop = 0
        for commit in self.journal(job_id):
            first = stop if commit.first_row is None else commit.first_row
            stop = first + commit.rows
            spans.append((first, stop))
        return sorted(spans)

    def journal(self, job_id: str | None = None) -> list[Commit]:
        """All commits in the order they were made, or those of one job."""
        where = "" if job_id is None else f"WHERE job_id = {literal(job_id)}"
        with self.database.session() as session:
            rows = session.rows(f"SELECT * FROM journal {where} ORDER BY rowid")
        return [Commit(*row) for row in rows]

    def keys_of_many_jobs(self, object_name: str, min_commits: int) -> dict[str, list[str]]:
        """Keys that at least so many different jobs committed, with the job ids."""
        with self.database.session() as session:
            rows = session.rows(
                "SELECT key, list(DISTINCT job_id ORDER BY job_id) FROM journal_keys "
                "WHERE object = ? GROUP BY key HAVING count(DISTINCT job_id) >= ? ORDER BY key",
                object_name,
                min_commits,
            )
        return {str(key): list(jobs) for key, jobs in rows}

    def commits_of_key(self, key: str) -> list[dict[str, object]]:
        """Each commit of one key, in order: object, job_id, batch, created, at."""
        with self.database.session() as session:
            rows = session.rows(
                f"SELECT k.object, k.job_id, k.batch, k.created, j.committed_at {COMMITS_OF_KEYS} "
                "WHERE lower(k.key) = lower(?) ORDER BY k.rowid",
                key,
            )
        return [{"object": name} | _key_commit(*rest) for name, *rest in rows]

    def commits_of_keys(
        self, object_name: str, min_commits: int
    ) -> dict[str, list[dict[str, object]]]:
        """The commits, in order, of each key that at least so many different jobs committed."""
        with self.database.session() as session:
            rows = session.rows(
                f"SELECT k.key, k.job_id, k.batch, k.created, j.committed_at {COMMITS_OF_KEYS} "
                "WHERE k.object = ? AND k.key IN (SELECT key FROM journal_keys WHERE object = ? "
                "GROUP BY key HAVING count(DISTINCT job_id) >= ?) ORDER BY k.key, k.rowid",
                *(object_name, object_name, min_commits),
            )
        found: dict[str, list[dict[str, object]]] = {}
        for key, *rest in rows:
            found.setdefault(str(key), []).append(_key_commit(*rest))
        return found

    def commit_count(self) -> int:
        """Internal batches that were committed."""
        with self.database.session() as session:
            return int(session.one("SELECT count(*) FROM journal")[0])

    def count(self, item: ObjectType) -> int:
        """Records of the object that are not deleted."""
        with self.database.session() as session:
            sql = f'SELECT count(*) FROM {quoted(item.name)} WHERE NOT "IsDeleted"'
            return int(session.one(sql)[0])

    def clear(self) -> None:
        """Delete all records and the journal."""
        with self.writing, self.database.session() as session, session.transaction():
            for name in ("journal", "journal_keys", *(item.name for item in self.schema.objects)):
                session.run(f"DELETE FROM {quoted(name)}")

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def _key_commit(job: str, batch: int, created: bool, at: datetime) -> dict[str, object]:  # noqa: FBT001  a row of the journal
    return {"job_id": job, "batch": batch, "created": created, "at": api_datetime(at)}
