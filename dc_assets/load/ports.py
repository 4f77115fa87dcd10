"""What the way of a row needs from the outside, as narrow protocols.

Adapters: `dc_assets.salesforce` (source, target, jobs) and `dc_assets.ledger` (everything else).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import polars as pl

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.ingest_job import IngestJob
from dc_assets.core.ranges import IdRange
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import UNDESCRIBED, TargetDescription
from dc_assets.core.write_policy import Speed
from dc_assets.load.store import BatchStore, JobFigures, LoadStore, OrgUse, Plan, RangeTicket

ResultKind = Literal["successful", "failed", "unprocessed"]


class Source(Protocol):
    """Where the rows come from; every value is handed over as text or null."""

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut a range into nearly equal parts, one less than parts."""
        ...

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range in key order; None when it has fewer rows."""
        ...

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range, asked fresh."""
        ...

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range in ascending key order, as source columns of text.

        Raises:
            TransientRemoteError: the stream broke; ask again from the last key that was yielded.
        """
        ...

    def rows_total(self) -> tuple[int, int]:
        """Count all selected rows, and those among them that have no key."""
        ...

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more than the given number of rows, biggest first."""
        ...

    def ambiguous_keys(self, *, with_case: bool = False) -> Sequence[str]:
        """Return the keys that stand twice: lower-cased, unless those of other case are others."""
        ...

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the value of a source column."""
        ...

    def state(self, id_range: IdRange) -> str:
        """Return a short text that differs when rows of a range changed (`core.source_state`)."""
        ...


class Target(Protocol):
    """The org, asked about what it holds."""

    @property
    def org_id(self) -> str:
        """The org's own id; it starts with 00D."""
        ...

    def count(self, id_range: IdRange) -> int:
        """Count the target rows whose external id lies in a range."""
        ...

    def value_counts(self, field_name: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the target rows of a range by the value of a field."""
        ...

    def records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the target rows of a range: the spec's target fields, as text, in any order."""
        ...


class BulkJobs(Protocol):
    """Bulk API 2.0 jobs of one object and operation."""

    def create(self) -> str:
        """Open a job and return its id."""
        ...

    def upload(self, job_id: str, payload: bytes) -> None:
        """Send the rows; one job takes one upload."""
        ...

    def close(self, job_id: str) -> None:
        """Hand the rows to the org. From here on they may land."""
        ...

    def abort(self, job_id: str) -> None:
        """Stop a job that is not finished; rows that landed stay."""
        ...

    def job(self, job_id: str) -> IngestJob:
        """Ask how far a job is."""
        ...

    def results(self, job_id: str, kind: ResultKind) -> bytes:
        """Read one result file of a finished job."""
        ...


class DeleteJobs(BulkJobs, Protocol):
    """Delete jobs of one object, whose rows are record ids."""

    def still_there(self, ids: Sequence[str]) -> AbstractSet[str]:
        """Return those of some records that the org still shows."""
        ...


class IngestJobs(BulkJobs, Protocol):
    """Upsert jobs of one object and external id field."""

    def open_jobs(self) -> Sequence[IngestJob]:
        """List jobs in state Open of our user with the same object, operation and field."""
        ...

    def allowance(self) -> Allowance:
        """Ask what is left of the org's day; what the org does not tell is None."""
        ...


@dataclass(frozen=True, slots=True)
class PageMark:
    """Where a page ends, and how many rows were read for it."""

    last_key: str
    rows_read: int


class Spool(Protocol):
    """Rows on local disk: pages as they were read, and the rows of each batch.

    A cache: what is not there, or not as it was written, can be read again.
    """

    def start_pages(self, ticket: RangeTicket) -> str | None:
        """Keep the pages an earlier run wrote; return the last key in them, or None."""
        ...

    def add_page(self, ticket: RangeTicket, rows: pl.DataFrame, page: PageMark) -> None:
        """Write one page, whole or not at all."""
        ...

    def rows_read(self, ticket: RangeTicket) -> int:
        """Count the rows that the pages were made of, those left out included."""
        ...

    def keep_wanted(self, ticket: RangeTicket, keys: pl.Series) -> None:
        """Keep the external ids that a partial load is about."""
        ...

    def wanted(self, ticket: RangeTicket) -> pl.Series | None:
        """Return them, if they were kept and can be read."""
        ...

    def pages(self, ticket: RangeTicket) -> pl.LazyFrame | None:
        """Scan all pages of a partition; None when there is none."""
        ...

    def drop_damaged_pages(self, ticket: RangeTicket) -> Sequence[str]:
        """Delete pages that are not as they were written, and those behind; return their names."""
        ...

    def drop_pages(self, ticket: RangeTicket) -> None:
        """Delete the pages of a partition."""
        ...

    def write_batch(self, load_id: str, batch_id: str, rows: pl.DataFrame) -> None:
        """Write the rows of a batch, whole or not at all."""
        ...

    def read_batch(self, load_id: str, batch_id: str) -> pl.DataFrame:
        """Read the rows of a batch.

        Raises:
            SpoolLost: they are not there, or not as they were written.
        """
        ...

    def drop_batch(self, load_id: str, batch_id: str) -> None:
        """Delete the rows of a batch that is final."""
        ...


class Clock(Protocol):
    """Policy time: polls, waits and pacing."""

    def now_s(self) -> float:
        """Return seconds that only grow."""
        ...

    def sleep(self, wait_s: float) -> None:
        """Wait."""
        ...

    def wall_s(self, wait_s: float) -> float:
        """Return how long a wait lasts on the wall: less than itself when time is scaled."""
        ...


class SnapshotStore(Protocol):
    """Records of the org as they were before a load overwrote them."""

    def take(self, ticket: RangeTicket, id_range: IdRange, keys: pl.Series) -> int:
        """Save the records with some external ids, all or none; return how many there are.

        It is kept under the ticket's fence while no batch of the partition is planned: what was
        saved before in its place is replaced, since no row was sent.

        Raises:
            LedgerConflict: another run took the partition over.
        """
        ...


class RecordIds(Protocol):
    """Knows the org's records by their external ids."""

    def ids(self, id_range: IdRange, keys: pl.Series) -> pl.DataFrame:
        """Return external id and record id of the records with some external ids of a range."""
        ...


Slot = Callable[[int], AbstractContextManager[object]]
"""Waits for a slot and holds it for a block that asks about so many rows; few rows need none."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a partition run needs from the outside.

    Attributes:
        chance: returns a random number in [0, 1) for the jitter of waits.
        new_id: returns a fresh batch id.
        note: takes what the operator is told; it may be called from any thread.
        io_threads: requests to the org that may be under way at once.
        long_query: holds a slot while the org is asked what may take it long.
        described: what the org says of the target's fields, read once when the ends were connected.
        snapshots: saves what a load with snapshot overwrites; without one such a load fails.
        record_ids: finds what a load that only updates is about; without it such a load fails.
    """

    source: Source
    target: Target
    jobs: IngestJobs
    loads: LoadStore
    batches: BatchStore
    use: OrgUse
    spool: Spool
    clock: Clock
    chance: Callable[[], float]
    new_id: Callable[[], str]
    note: Note
    io_threads: int = 4
    described: TargetDescription = UNDESCRIBED
    long_query: Slot = nullcontext
    snapshots: SnapshotStore | None = None
    record_ids: RecordIds | None = None


REMEMBERED_JOBS = 20


@dataclass(frozen=True, slots=True)
class RangeRun:
    """Everything that stays the same while one partition is loaded.

    Attributes:
        wanted: the external ids that a partial load sends; None for all of them.
        part: the part of the partition that is loaded; None for all of it.
        unwanted: external ids that are not sent although they lie in the range.
        is_partial: whether the load sends rows again that an earlier one was about.
        records: external and record ids of what is updated; None for a load that creates records.
    """

    spec: LoadSpec
    ticket: RangeTicket
    plan: Plan
    ports: Ports
    wanted: pl.Series | None = None
    part: IdRange | None = None
    unwanted: pl.Series | None = None
    is_partial: bool = False
    records: pl.DataFrame | None = None

    @property
    def id_range(self) -> IdRange:
        """The ids that are read: those of the partition, or of a part of it."""
        return self.part or self.spec.ranges[self.ticket.partition_key]

    @property
    def keys_have_case(self) -> bool:
        """Whether external ids that differ in case only are those of two records."""
        return self.ports.described.has_case(self.spec.target.external_id)

    @property
    def writes_keys(self) -> bool:
        """Whether rows bring their external ids; an update needs not, of a field that none may."""
        field = self.ports.described.field_of(self.spec.target.external_id)
        return self.spec.target.operation == "upsert" or not (field and field.updateable is False)

    @property
    def references_to_rows(self) -> Sequence[str]:
        """The columns that name records of the target object, which may be rows of the load."""
        described = self.ports.described
        return [c.target for c in self.spec.columns if described.leads_home(c.target)]

    def known_speed(self) -> Speed:
        """Return what earlier jobs of the spec tell of the org's speed.

        It is of another hour: the first large job of the run counts more than all of them.
        """
        return speed_after(self.ports.batches.last_jobs(REMEMBERED_JOBS)).of_another_hour()

    def note(self, name: str, **fields: object) -> None:
        """Tell the operator of an event of this partition."""
        ticket = self.ticket
        self.ports.note(RunEvent(name, fields, ticket.partition_key, ticket.load_id))


def speed_after(past: Sequence[JobFigures]) -> Speed:
    """Return what a run knows of the org's speed after some jobs, oldest first."""
    speed = Speed()
    for job in past:
        speed = speed.after(rows=job.rows, total_s=job.total_s, active_s=job.active_s)
    return speed
