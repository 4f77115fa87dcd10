"""What an org works on: jobs, their internal batches, and one transaction for each chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Key = str | int
"""What can be locked. All keys of one org are of one kind."""


@dataclass(slots=True)
class JobWork:
    """Rows of one job with the locks each of them needs.

    ``keys`` has ``keys_per_row`` entries for each row, in the order of the file; None is no lock.
    ``spans`` are the rows to process as ``(first, stop)``, counted from the first row of the
    upload; ``keys`` belongs to the first row of the first span and runs over all spans.
    """

    id: str
    keys: Sequence[Key | None]
    keys_per_row: int
    spans: Sequence[tuple[int, int]]
    active_s: float = 0.0
    """Time in which workers were occupied with it, lock waits included."""
    requeues: int = 0
    rows_ok: int = 0
    rows_failed: int = 0
    rows_unprocessed: int = 0
    batches_left: int = 0
    is_started: bool = False
    is_over: bool = False
    at_work: list[BatchWork] = field(default_factory=list["BatchWork"])
    """Its batches that occupy a worker now."""

    @property
    def rows(self) -> int:
        """Rows to process."""
        return sum(stop - first for first, stop in self.spans)


@dataclass(slots=True)
class LockedRows:
    """Neighbouring rows that failed because one lock was not had."""

    first: int
    rows: int
    key: Key


@dataclass(slots=True, eq=False)
class BatchWork:
    """One internal batch: rows ``first`` to ``stop``, of which those before ``next`` are done.

    ``offset`` is the place of row ``first`` in the keys of the job.
    """

    job: JobWork
    first: int
    stop: int
    offset: int
    next: int
    begun: int = 0
    """The first row of the present run on a worker."""
    begun_s: float = 0.0
    requeues: int = 0
    locked: list[LockedRows] = field(default_factory=list[LockedRows])
    """Failures of the present run."""
    transaction: Transaction | None = None
    is_foreseen: bool = False
    """Its last chunk of this run has its locks: that chunk will be done whatever happens."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One chunk at work. It holds ``keys[:place]`` but for the missing ones."""

    batch: BatchWork
    first: int
    rows: int
    keys: list[Key]
    place: int = 0
    turn: int = 0
    """Goes up with each event that is expected no more: a wait that ended, an abort."""
    failed: int = 0
    missing: list[Key] = field(default_factory=list[Key])
    waits_no_more: bool = False

    def held(self) -> list[Key]:
        """The locks it has now."""
        if not self.missing:
            return self.keys[: self.place]
        missing = set(self.missing)
        return [key for key in self.keys[: self.place] if key not in missing]


@dataclass(frozen=True, slots=True)
class Started:
    """A job got its first worker."""

    job_id: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows that are done: a batch left its worker with them."""

    job_id: str
    at_s: float
    first: int
    rows: int
    locked: tuple[LockedRows, ...]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Rows that will be done soon, and no abort can undo any more: they can be written now."""

    job_id: str
    piece: Piece


@dataclass(frozen=True, slots=True)
class Ended:
    """A job has no batch left."""

    job_id: str
    at_s: float
    job: JobWork


Report = Started | Foreseen | Piece | Ended
