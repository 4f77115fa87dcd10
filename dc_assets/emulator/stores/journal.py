"""The journal: a line for each commit, and the keys of each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import polars as pl

from dc_assets.emulator.clock import exact_datetime
from dc_assets.emulator.stores.duck import DuckDatabase, Session
from dc_assets.emulator.stores.pending import Commit, Segment

TABLES = ("journal", "keys_of_lines")
IS_NEW, KEY = "_is_new", "_key"
"""Columns of the rows of a segment."""
MADE = (
    "CREATE TABLE IF NOT EXISTS journal (job_id VARCHAR, object VARCHAR, batch BIGINT, "
    "committed_at TIMESTAMP, rows BIGINT, created BIGINT, updated BIGINT, failed BIGINT, "
    "first_row BIGINT, line BIGINT)"
)
KEYS_MADE = "CREATE TABLE IF NOT EXISTS keys_of_lines (line BIGINT, key VARCHAR, created BOOLEAN)"
SEEN = (
    "CREATE VIEW IF NOT EXISTS journal_keys AS SELECT j.object, k.key, j.job_id, j.batch, "
    "k.created, j.committed_at, j.line FROM keys_of_lines k JOIN journal j ON j.line = k.line"
)
LINES = {
    "job_id": pl.String,
    "object": pl.String,
    "batch": pl.Int64,
    "at": pl.Datetime("us"),
    **dict.fromkeys(("rows", "created", "updated", "failed", "first_row", "line"), pl.Int64),
}


def make(session: Session) -> None:
    """Make the tables, where they are not there."""
    for statement in (MADE, KEYS_MADE, SEEN):
        session.run(statement)


def commits(session: Session) -> list[Commit]:
    """All lines in order."""
    rows = session.rows("SELECT * EXCLUDE line FROM journal ORDER BY line")
    return [Commit(*row) for row in rows]


def fill(session: Session, segments: Sequence[tuple[Segment, pl.DataFrame]]) -> None:
    """Add the lines of commits, by the numbers of their segments, and their keys."""
    told = [(one.number, one.commit, rows) for one, rows in segments if one.commit is not None]
    if not told:
        return
    lines = [asdict(commit) | {"line": number} for number, commit, _ in told]
    keys = [
        rows.select(pl.lit(number, dtype=pl.Int64).alias("line"), KEY, IS_NEW)
        for number, _, rows in told
    ]
    with session.given("lines", pl.DataFrame(lines, schema=LINES)):
        session.run("INSERT INTO journal SELECT * FROM lines ORDER BY line")
    with session.given("keys", pl.concat(keys)):
        session.run("INSERT INTO keys_of_lines SELECT * FROM keys")


def keys_of_many_jobs(
    database: DuckDatabase, object_name: str, min_commits: int
) -> dict[str, list[str]]:
    """Keys that at least so many different jobs committed, with the job ids."""
    with database.session() as session:
        rows = session.rows(
            "SELECT key, list(DISTINCT job_id ORDER BY job_id) FROM journal_keys "
            "WHERE object = ? GROUP BY key HAVING count(DISTINCT job_id) >= ? ORDER BY key",
            object_name,
            min_commits,
        )
    return {str(key): list(jobs) for key, jobs in rows}


def commits_of_key(database: DuckDatabase, key: str) -> list[dict[str, object]]:
    """Each commit of one key, in order: object, job_id, batch, created, at."""
    with database.session() as session:
        rows = session.rows(
            "SELECT object, job_id, batch, created, committed_at FROM journal_keys "
            "WHERE lower(key) = lower(?) ORDER BY line, created DESC",
            key,
        )
    return [{"object": name} | _key_commit(*rest) for name, *rest in rows]


def commits_of_keys(
    database: DuckDatabase, object_name: str, min_commits: int
) -> dict[str, list[dict[str, object]]]:
    """The commits, in order, of each key that at least so many different jobs committed."""
    with database.session() as session:
        rows = session.rows(
            "SELECT key, job_id, batch, created, committed_at FROM journal_keys WHERE object = ? "
            "AND key IN (SELECT key FROM journal_keys WHERE object = ? GROUP BY key "
            "HAVING count(DISTINCT job_id) >= ?) ORDER BY key, line, created DESC",
            *(object_name, object_name, min_commits),
        )
    found: dict[str, list[dict[str, object]]] = {}
    for key, *rest in rows:
        found.setdefault(str(key), []).append(_key_commit(*rest))
    return found


def _key_commit(job: str, batch: int, created: bool, at: datetime) -> dict[str, object]:  # noqa: FBT001  a row of the journal
    return {"job_id": job, "batch": batch, "created": created, "at": exact_datetime(at)}
