"""Bulk API 2.0 jobs: a record in memory, and a folder with the record, the upload, the results.

A record is the last whole line of its file: a change adds a line.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import RLock
from typing import Any, cast

from dc_assets.emulator.ids import record_id

DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})
IN_FLIGHT = frozenset({"UploadComplete", "InProgress"})
JOB_PREFIX = "750"


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One ingest or query job. Times are texts of the API or milliseconds."""

    id: str
    kind: str
    operation: str
    object: str
    created_date: str
    system_modstamp: str
    state: str
    api_version: float
    external_id_field: str = ""
    query: str = ""
    line_ending: str = "LF"
    column_delimiter: str = "COMMA"
    has_content: bool = False
    rows_processed: int = 0
    rows_failed: int = 0
    error_message: str = ""
    processing_ms: int = 0
    """Time in which it was processed, without the time in which it waited for a worker."""
    total_ms: int = 0
    """Time from its close to its end."""
    retries: int = 0
    closed_s: float | None = None
    """Second of the org's clock at which it was closed, and below, at which it ended."""
    ended_s: float | None = None
    complete_at_s: float = 0.0
    gone: str = ""
    """What an org has deleted though the job is over: ``results``, ``job``, or nothing."""
    read: dict[str, str] = field(default_factory=dict[str, str])
    """When each result file was first read to its end."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in TERMINAL


class JobStore:
    """All jobs; each change is on disk before the call that makes it returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "jobs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._jobs: dict[str, StoredJob] = {}
        self._deleted: dict[str, StoredJob] = {}
        self._in_flight: set[str] = set()
        self.in_flight_max = 0
        """The largest number of ingest jobs that were between close and end at once."""
        for path in sorted(self._folder.glob("*/job.json")):
            record = _last_line(path)
            if record is not None:
                job = StoredJob(**cast("dict[str, Any]", record))
                self._jobs[job.id] = job
                self._count(job)
        self._last_path = self._folder / "last_number"
        last = _last_line(self._last_path) if self._last_path.exists() else None
        self._last = last if isinstance(last, int) else 0

    def next_id(self) -> str:
        """An id no job had before, over restarts too."""
        with self._lock:
            self._last += 1
            _add_line(self._last_path, self._last)
            return record_id(JOB_PREFIX, self._last)

    def add(self, job: StoredJob) -> None:
        """Keep a new job."""
        with self._lock:
            self.folder(job.id).mkdir()
            self._save(job)

    def get(self, job_id: str) -> StoredJob | None:
        """The job of this id; 15 characters are enough. None when there is none."""
        with self._lock:
            if len(job_id) == 15:  # noqa: PLR2004  the case-sensitive form of an id
                return next((j for j in self._jobs.values() if j.id.startswith(job_id)), None)
            return self._jobs.get(job_id)

    def all(self, kind: str | None = None) -> list[StoredJob]:
        """Jobs of one kind, or all."""
        with self._lock:
            return [job for job in self._jobs.values() if kind in {None, job.kind}]

    def change(self, job_id: str, **values: object) -> StoredJob | None:
        """Set fields of a job; None when it is gone."""
        return self.change_if(job_id, lambda _: True, **values)

    def change_if(
        self, job_id: str, test: Callable[[StoredJob], bool], **values: object
    ) -> StoredJob | None:
        """Set fields of a job if it still passes the test; None when it does not or is gone."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not test(job):
                return None
            changed = replace(job, **cast("dict[str, Any]", values))
            self._save(changed)
            return changed

    def delete(self, job_id: str) -> None:
        """Forget a job and its files."""
        with self._lock:
            job = self._jobs.pop(job_id, None)
            self._in_flight.discard(job_id)
            if job is not None:
                self._deleted[job_id] = job
            shutil.rmtree(self.folder(job_id), ignore_errors=True)

    def clear(self) -> None:
        """Forget all jobs; ids are not used again."""
        with self._lock:
            for job_id in list(self._jobs):
                self.delete(job_id)
            self._deleted.clear()
            self.in_flight_max = 0

    def deleted(self) -> list[StoredJob]:
        """Jobs that were deleted since the start, as they were then."""
        with self._lock:
            return list(self._deleted.values())

    @property
    def in_flight(self) -> int:
        """Ingest jobs between close and end."""
        return len(self._in_flight)

    def folder(self, job_id: str) -> Path:
        """The folder of the job's files."""
        return self._folder / job_id

    def upload_path(self, job_id: str) -> Path:
        """The uploaded CSV."""
        return self.folder(job_id) / "upload.csv"

    def part_path(self, job_id: str, result: str, batch: int) -> Path:
        """The rows of one internal batch in one result file, without header."""
        return self.folder(job_id) / f"{result}-{batch:06d}.csv"

    def parts(self, job_id: str, result: str, batches: int) -> list[Path]:
        """The parts of one result file that the first batches filled, in order."""
        paths = (self.part_path(job_id, result, number) for number in range(batches))
        return [path for path in paths if path.exists()]

    def _save(self, job: StoredJob) -> None:
        record = {one.name: getattr(job, one.name) for one in fields(job)}
        _add_line(self.folder(job.id) / "job.json", record)
        self._jobs[job.id] = job
        self._count(job)

    def _count(self, job: StoredJob) -> None:
        if job.kind == "ingest" and job.state in IN_FLIGHT:
            self._in_flight.add(job.id)
            self.in_flight_max = max(self.in_flight_max, len(self._in_flight))
        else:
            self._in_flight.discard(job.id)


def _add_line(path: Path, value: object) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{json.dumps(value, ensure_ascii=False)}")


def _last_line(path: Path) -> object:
    """The value of the last line; of the one before, where a stop cut it; None without any."""
    for line in reversed(path.read_text(encoding="utf-8", errors="replace").split("\n")):
        with suppress(ValueError):
            return cast("object", json.loads(line))
    return None
