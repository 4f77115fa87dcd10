"""What the ledger keeps of a load, as data, and the two narrow protocols that keep it.

Adapter: `dc_assets.ledger`.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from dc_assets.core.batch_states import BatchState
from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.ingest_job import IngestJob
from dc_assets.core.lanes import LaneMap
from dc_assets.core.load_state import RowCounts
from dc_assets.core.parent_rounds import Outlook
from dc_assets.core.pauses import Pause
from dc_assets.core.phases import Phase
from dc_assets.core.spec import LoadSpec

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Plan:
    """What every partition run of one load has agreed on."""

    lanes: LaneMap
    window: int
    rows: int
    ambiguous_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RangeTicket:
    """The right to work on one partition of one load.

    Attributes:
        fence: grows with each owner; a write with an older fence is refused.
        phase: how far an earlier owner came.
        sent_before: the load in which every row was sent before this one began; None if none was.
        with_snapshot: whether the load saves what it overwrites.
    """

    load_id: str
    partition_key: str
    fence: int
    phase: Phase
    sent_before: str | None = None
    with_snapshot: bool = False


Mode = Literal["full", "missing", "changed", "replay", "canary", "restore"]
"""full: every row. missing: rows that the target lacks. changed: those, and rows whose values
differ. replay: rows whose latest outcome is a dead letter. canary: the first rows of a
partition. restore: records as a snapshot has them."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What somebody asked for who started a run.

    Attributes:
        is_new: whether a partition that is checked begins a new load; else its load is left as it
            is.
        partition_keys: the partitions that a load begun by it is about, besides the run's own.
        launch: who asked; a run and its retries share it. "" if nothing retries the run.
        anyway: why to send although the spec does not fit, "" if nobody said so.
        production: whether somebody said that it may write to a production org.
        snapshot: whether what a load begun by it overwrites is saved first.
        parents: the loads that are complete before it sends a row.
    """

    is_new: bool = False
    partition_keys: Sequence[str] = ()
    launch: str = ""
    anyway: str = ""
    production: bool = False
    snapshot: bool = False
    parents: Sequence[LoadSpec] = ()


RESUMED = LoadRequest()
"""Whatever is unfinished is resumed, and nothing that was sent is sent again."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as the ledger knows it."""

    batch_id: str
    load_id: str
    partition_key: str
    lane: int
    attempt: int
    rows: int
    state: BatchState
    job_id: str | None
    ready_in_s: float
    waits: bool = False


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to be planned; its rows are in the spool under its id already.

    Attributes:
        waits: whether its rows wait for parents of the same load.
    """

    batch_id: str
    lane: int
    attempt: int
    rows: int
    ready_in_s: float = 0.0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row that was refused for good; the ledger adds the run and the times."""

    external_id: str
    code: str
    message: str
    fields: str
    row_json: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a batch: what became of its rows, and the batches that try some again.

    Attributes:
        receipt: one line per row of the batch (`frames.settle.RECEIPT_SCHEMA`).
        waiting: the batch of rows that wait for parents of the same load.
        locked: rows that met a lock, whatever became of them.
    """

    batch_id: str
    landed: int
    dead_letters: Sequence[DeadLetter]
    retry: NewBatch | None
    receipt: pl.DataFrame
    job: IngestJob
    locked: int = 0
    waiting: NewBatch | None = None

    @property
    def again(self) -> Sequence[NewBatch]:
        """The batches that try rows again."""
        return [one for one in (self.retry, self.waiting) if one is not None]

    @property
    def rows_again(self) -> int:
        """Rows that are tried again."""
        return sum(one.rows for one in self.again)


@dataclass(frozen=True, slots=True)
class JobFigures:
    """What the org told of one finished job of ours.

    Attributes:
        active_s: seconds of work on it.
        total_s: seconds from its close to its end.
        ended_at_s: when it ended by the org's clock, None where that is not known.
    """

    rows: int
    active_s: float
    total_s: float
    ended_at_s: float | None


class LoadStore(Protocol):
    """Loads, their plans and the partitions they are made of."""

    def join_load(self, partition_key: str, request: LoadRequest = RESUMED) -> str:
        """Return the id of the load that a run of a partition takes part in.

        It is the unfinished one of this spec, org and mode; or the one in which every row of the
        partition was sent, unless the request wants a new one; else a load that begins now.

        Raises:
            ConfigError: the spec, or the bounds of its scheme, changed since the load began.
            StoppedByOperator: the unfinished load was ordered to stop.
            LedgerConflict: a new load is due, and the last one still has active runs.
        """
        ...

    def take_range(self, load_id: str, partition_key: str) -> RangeTicket:
        """Become the owner of a partition, unless every row of it has an outcome.

        Raises:
            LedgerConflict: a live run owns it.
            ParentsTaken: another load writes children of the same parents.
        """
        ...

    def plan(self, load_id: str) -> Plan | None:
        """Return the plan of a load, if it was made."""
        ...

    def take_planning(self, load_id: str) -> bool:
        """Become the one that plans the load; False while another live run is at it."""
        ...

    def keep_plan(self, load_id: str, plan: Plan) -> None:
        """Store the plan; from now on every run of the load uses it."""
        ...

    def saw_source(self, ticket: RangeTicket, state: str) -> None:
        """Keep what the source looked like before the first row was read; the first word stays."""
        ...

    def finish_range(self, ticket: RangeTicket) -> None:
        """Mark the partition sent and release it."""
        ...

    def heartbeat(self, ticket: RangeTicket) -> AbstractContextManager[None]:
        """Keep the partition ours while the block runs; release it when the block ends."""
        ...


class BatchPlans(Protocol):
    """The batches that a partition is cut into, as who reads and regroups it needs them."""

    def plan_batches(
        self,
        ticket: RangeTicket,
        *,
        selected: int,
        batches: Sequence[NewBatch],
        dead_letters: Sequence[DeadLetter],
        replayed: Sequence[str] = (),
    ) -> None:
        """Store all batches of a freshly extracted partition, in one transaction.

        ``replayed`` are the external ids whose older dead letters this load answers.
        """
        ...

    def settled_keys(self, ticket: RangeTicket) -> pl.Series:
        """Return the external ids of a partition's rows that landed or were refused.

        Raises:
            SpoolLost: a receipt is gone, so nobody can tell.
        """
        ...

    def replayed(self, ticket: RangeTicket) -> Sequence[str]:
        """Return the external ids that a replay was planned for; none for other loads."""
        ...

    def plan_anew(
        self,
        ticket: RangeTicket,
        *,
        batches: Sequence[NewBatch],
        dead_letters: Sequence[DeadLetter],
    ) -> None:
        """Put batches in the place of all that were not sent, and count what is selected anew.

        Raises:
            LedgerConflict: a batch of the partition is in flight.
        """
        ...

    def unsettled(self, ticket: RangeTicket) -> Sequence[BatchRecord]:
        """Return the batches of a partition that are not final, oldest first."""
        ...

    def merge(
        self, ticket: RangeTicket, claimed_id: str, others: Sequence[str], merged: NewBatch
    ) -> None:
        """Put a batch that was just claimed and planned ones of its lane into one, in its place.

        It holds the lane and the slot from then on. The claimed one was not sent.
        """
        ...

    def split(self, ticket: RangeTicket, batch_id: str, parts: Sequence[NewBatch]) -> None:
        """Plan the rows of a batch that was not sent as several smaller ones."""
        ...

    def parents_outlook(self, ticket: RangeTicket) -> Outlook:
        """Tell what becomes of rows that wait for parents, when the partition has no others."""
        ...

    def give_up(
        self, ticket: RangeTicket, batch_id: str, dead_letters: Sequence[DeadLetter]
    ) -> None:
        """Refuse all rows of a batch that waits, in one transaction."""
        ...

    def last_jobs(self, count: int) -> Sequence[JobFigures]:
        """Return what the org told of our last settled jobs, oldest first."""
        ...

    def totals(self, load_id: str, partition_key: str | None = None) -> RowCounts:
        """Return the row counts of a partition, or of all that were begun in the load."""
        ...


class BatchClaims(Protocol):
    """Who may send next: claims of batches over all runs of an org."""

    def adopt_orphans(self, ticket: RangeTicket) -> Sequence[BatchRecord]:
        """Take over batches in flight in this org that no live run drives, and return them.

        They may belong to other partitions: a lane must not stay blocked by a dead run.
        """
        ...

    def others_in_flight(self, ticket: RangeTicket) -> Sequence[str]:
        """Return who drives batches in flight in this org, besides the run of a partition.

        Each as a person reads it: load, partition, run, number of batches.
        """
        ...

    def claim(
        self, ticket: RangeTicket, batch_ids: Sequence[str], window: int, *, looks_back_s: float
    ) -> str | Pause | None:
        """Move the batch to `opening` whose lane is free and has most rows left, if there is room.

        Rows of all partitions of the load count. The window is halved for ``looks_back_s`` when
        too many rows that ended in that time had met locks.

        Returns its id; a pause when a budget of ours or the time of day lets nothing be sent now;
        None when no lane or no slot is free.

        Raises:
            StoppedByOperator: the load was ordered to stop.
        """
        ...

    def rows_left(self) -> int | None:
        """Return how many rows of the day's budget are left to travel with a claimed batch.

        The room that claimed batches have is taken off already; None if there is no such budget.
        """
        ...

    def free_in_s(self) -> float | None:
        """Return when the oldest of our batches of the last 24 hours stops counting, if any."""
        ...

    def record(self, batch_id: str) -> BatchRecord:
        """Return one batch as the ledger knows it now."""
        ...


class BatchSteps(Protocol):
    """The steps of a batch in flight: intent first, then effect."""

    def opened(self, ticket: RangeTicket, batch_id: str, job_id: str) -> None:
        """Store the job id of an opening batch."""
        ...

    def uploaded(self, ticket: RangeTicket, batch_id: str) -> None:
        """Note that the org owns the rows: the close was acknowledged or seen to have worked."""
        ...

    def settled(self, ticket: RangeTicket, settlement: Settlement) -> None:
        """Finish a batch and plan the retry, in one transaction."""
        ...

    def abandoned(self, ticket: RangeTicket, batch_id: str, again: NewBatch) -> None:
        """Give a batch up for good and plan its rows as a new one, in one transaction.

        A batch whose create call is over, for good or ill, is not `opening` any more after it.
        """
        ...

    def opening(self) -> AbstractSet[str]:
        """Return the batches of this org whose create call may be under way in a live run."""
        ...

    def unknown_jobs(self, job_ids: Sequence[str]) -> Sequence[str]:
        """Return those of the listed jobs that no batch of any load has."""
        ...


class BatchStore(BatchPlans, BatchClaims, BatchSteps, Protocol):
    """All that a run asks of the ledger about batches."""


class OrgUse(Protocol):
    """What our loads use of the org's day, and what is left of it."""

    def count_calls(self, load_id: str) -> None:
        """Add the API calls that this process made since the last time to what a load used."""
        ...

    def keep_allowance(self, left: Allowance) -> None:
        """Keep what the org says is left of its day."""
        ...
