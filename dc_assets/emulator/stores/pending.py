"""What was committed and is not in the database yet: a file for each commit, applied many at once.

Its first line tells of the commit, the rows follow. A commit is there once its file has its name;
a process that starts takes up what it finds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import polars as pl

KEPT_BYTES_MAX = 256_000_000
"""Of the rows that stay in memory until they are in the database; others are read again."""


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
    first_row: int
    """Number of its first row in the upload."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one commit changed.

    Args:
        number: of all commits of the store, from 1.
        object: whose records.
        at: the time in the stamps of the records.
        fields: those that have a column of texts.
        is_deletion: whether the records are deleted.
        rows: how many records.
        commit: its line of the journal; None for a write that has none.
    """

    number: int
    object: str
    at: datetime
    fields: tuple[str, ...]
    is_deletion: bool
    rows: int
    commit: Commit | None


def _as_text(segment: Segment) -> str:
    return json.dumps(asdict(segment), default=lambda moment: cast("datetime", moment).isoformat())


def _of_text(text: str) -> Segment:
    values = cast("dict[str, Any]", json.loads(text))
    commit = cast("dict[str, Any] | None", values["commit"])
    if commit is not None:
        commit["at"] = datetime.fromisoformat(commit["at"])
        values["commit"] = Commit(**commit)
    values["at"] = datetime.fromisoformat(values["at"])
    values["fields"] = tuple(values["fields"])
    return Segment(**values)


class Pending:
    """The segments of a folder in order; whoever calls holds the lock of the writers.

    Args:
        folder: made if it is not there.
        applied: number of the last segment that is in the database.
    """

    def __init__(self, folder: Path, applied: int) -> None:
        self._folder = folder
        self._folder.mkdir(exist_ok=True)
        self.last = applied
        self.segments: list[Segment] = []
        self.rows = 0
        self._kept: dict[int, pl.DataFrame] = {}
        self._kept_bytes = 0
        for path in sorted(folder.iterdir()):
            if path.suffix == ".rows" and int(path.stem) > applied:
                with path.open("rb") as file:
                    self._take(_of_text(file.readline().decode()))
        known = {segment.number for segment in self.segments}
        for path in list(folder.iterdir()):
            if int(path.stem) not in known:
                path.unlink()

    def write(self, segment: Segment, rows: pl.DataFrame) -> None:
        """Keep a segment, whose number is that after the last one."""
        path = self._path(segment.number)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(f"{_as_text(segment)}\n".encode())
            rows.write_ipc_stream(file)
        draft.replace(path)
        self._take(segment)
        self._kept_bytes += int(rows.estimated_size())
        if self._kept_bytes <= KEPT_BYTES_MAX:
            self._kept[segment.number] = rows

    def read(self, segment: Segment) -> pl.DataFrame:
        """The rows of a segment."""
        kept = self._kept.get(segment.number)
        if kept is not None:
            return kept
        _, _, rows = self._path(segment.number).read_bytes().partition(b"\n")
        return pl.read_ipc_stream(rows)

    def forget(self, segments: Sequence[Segment]) -> None:
        """Delete the files of segments, which are in the database."""
        self.segments = self.segments[len(segments) :]
        self.rows -= sum(segment.rows for segment in segments)
        self._kept.clear()
        self._kept_bytes = 0
        for segment in segments:
            self._path(segment.number).unlink()

    def _take(self, segment: Segment) -> None:
        self.segments.append(segment)
        self.last = segment.number
        self.rows += segment.rows

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:09d}.rows"
