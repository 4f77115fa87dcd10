"""Step 4: send the batches of one partition, one job a lane, within the window of the org.

One thread decides and keeps the books, a few threads talk to the org. What is decided stands in
`core.write_policy`; what is done stands in the four effects at the end of this module.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from dc_assets.core.batch_states import BatchState
from dc_assets.core.errors import (
    DcError,
    JobsFailing,
    RemoteError,
    TransientRemoteError,
)
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.ladders import SNOOZE_S, jittered
from dc_assets.core.write_policy import (
    CLAIM_AGAIN_S,
    WaitingBatch,
    blended_row_s,
    claim_order,
    first_poll_wait_s,
    next_poll_wait_s,
)
from dc_assets.frames.csv_codec import encode
from dc_assets.load.effects import Effects
from dc_assets.load.ports import BatchRecord, NewBatch, Settlement
from dc_assets.load.rescue import rescue
from dc_assets.load.run import RangeRun
from dc_assets.load.settle import settle_batch

FAILED_JOBS_MAX = 5
"""Jobs in a row that the org may end as Failed before the run stops sending."""

HOPELESS_MESSAGES = ("InvalidBatch", "ClientInputError")
"""Beginnings of a job's errorMessage that say: every job like this one will fail."""

WAKE_S_MAX = 5.0


@dataclass(slots=True)
class _Flight:
    """A batch in flight and when to look at it again; `due_s` is None while an effect runs."""

    batch: BatchRecord
    due_s: float | None
    in_doubt: bool = False
    polls: int = 0


def write(run: RangeRun) -> None:
    """Send every batch of the partition that has no outcome yet, until none is left.

    Batches that a dead run left in flight come first, those of other partitions too: their lanes
    would stay blocked.

    Raises:
        JobsFailing: the org fails whole jobs; what was in flight is settled first.
        RemoteError: the org refused a call for good; what was in flight is settled first.
    """
    with Effects(run.ports.io_threads) as effects:
        _Writer(run, effects).run_to_end()


class _Writer:
    def __init__(self, run: RangeRun, effects: Effects) -> None:
        self._run = run
        self._effects = effects
        self._waiting: dict[str, WaitingBatch] = {}
        self._flights: dict[str, _Flight] = {}
        self._claim_at_s = 0.0
        self._row_s: float | None = None
        self._failed_jobs = 0
        self._stopped_by: DcError | None = None

    def run_to_end(self) -> None:
        self._adopt()
        while self._take_in():
            self._drain()
            if self._stopped_by is not None:
                raise self._stopped_by

    def _take_in(self) -> bool:
        """Take up the planned batches of the partition; False when every batch is final.

        Another run may have adopted a batch of ours while nobody worked on the partition: then its
        end is awaited, and what it plans for another attempt is taken up here.
        """
        unsettled = self._run.ports.batches.unsettled(self._run.ticket)
        for record in unsettled:
            if record.state is BatchState.PLANNED:
                self._add_waiting(record.batch_id, record.lane, record.rows, record.ready_in_s)
        if unsettled and not self._waiting and not self._flights:
            self._run.ports.clock.sleep(CLAIM_AGAIN_S)
            self._adopt()
        return bool(unsettled or self._flights)

    def _drain(self) -> None:
        ports = self._run.ports
        while self._flights or (self._waiting and self._stopped_by is None):
            now_s = ports.clock.now_s()
            self._start_due(now_s)
            self._claim(now_s)
            wake_s = self._wake_s(now_s)
            if self._effects.is_idle:
                ports.clock.sleep(wake_s)
            for name, future in self._effects.finished(wake_s):
                self._fold(name, future)

    def _adopt(self) -> None:
        now_s = self._run.ports.clock.now_s()
        for record in self._run.ports.batches.adopt_orphans(self._run.ticket):
            self._flights[record.batch_id] = _Flight(record, due_s=now_s, in_doubt=True)
            self._run.note(
                f"took over batch {record.batch_id[:8]} ({record.rows:,} rows, "
                f"{record.state.value}) that a dead run left"
            )

    def _add_waiting(self, batch_id: str, lane: int, rows: int, ready_in_s: float) -> None:
        ready_at_s = self._run.ports.clock.now_s() + ready_in_s
        self._waiting[batch_id] = WaitingBatch(batch_id, lane, rows, ready_at_s)

    def _wake_s(self, now_s: float) -> float:
        """Return how long nothing will be due; a batch behind a busy lane is not due."""
        if self._effects.idle_threads == 0:
            return WAKE_S_MAX
        moments = [flight.due_s for flight in self._flights.values() if flight.due_s is not None]
        busy = {flight.batch.lane for flight in self._flights.values()}
        ready = [b.ready_at_s for b in self._waiting.values() if b.lane not in busy]
        if ready and self._stopped_by is None:
            moments.append(max(self._claim_at_s, min(ready)))
        return max(0.0, min([*moments, now_s + WAKE_S_MAX]) - now_s)

    def _start_due(self, now_s: float) -> None:
        for batch_id, flight in self._flights.items():
            if self._effects.idle_threads == 0:
                return
            if flight.due_s is not None and flight.due_s <= now_s:
                flight.due_s = None
                effect = _resolve if flight.in_doubt else _follow
                self._effects.start(batch_id, effect, self._run, flight.batch)

    def _claim(self, now_s: float) -> None:
        """Ask the ledger for a lane and a slot, as long as threads are idle and it grants them.

        Not while the org is being asked about batches in doubt: a create call of ours under way
        would keep us from telling stray jobs from live ones.
        """
        if any(f.in_doubt and (f.due_s or now_s) <= now_s for f in self._flights.values()):
            return
        while self._effects.idle_threads and now_s >= self._claim_at_s and not self._stopped_by:
            busy = {flight.batch.lane for flight in self._flights.values()}
            order = claim_order(self._waiting.values(), busy_lanes=busy, now_s=now_s)
            if not order:
                return
            claimed = self._run.ports.batches.claim(
                self._run.ticket, [batch.batch_id for batch in order], self._run.plan.window
            )
            if claimed is None:
                self._claim_at_s = now_s + CLAIM_AGAIN_S
                self._adopt_if_starving()
                return
            del self._waiting[claimed]
            record = self._run.ports.batches.record(claimed)
            self._flights[claimed] = _Flight(record, due_s=None)
            self._effects.start(claimed, _submit, self._run, record)

    def _adopt_if_starving(self) -> None:
        if not self._flights:
            self._adopt()

    def _fold(self, batch_id: str, future: Future[Any]) -> None:
        """Take in the outcome of one effect."""
        flight = self._flights[batch_id]
        now_s = self._run.ports.clock.now_s()
        try:
            outcome: _Submitted | _Unfinished | _Settled | _Resolved = future.result()
        except RemoteError as error:
            self._doubt(flight, error, now_s)
            return
        match outcome:
            case _Submitted():
                wait_s = first_poll_wait_s(rows=flight.batch.rows, row_s=self._row_s)
                flight.due_s = now_s + wait_s
            case _Unfinished():
                flight.polls += 1
                flight.due_s = now_s + next_poll_wait_s(flight.polls)
            case _Resolved(instead=None):
                flight.in_doubt = False
                flight.due_s = now_s
            case _Resolved(instead=again):
                self._land_elsewhere(flight, again)
            case _Settled():
                self._settled(flight, outcome)

    def _doubt(self, flight: _Flight, error: RemoteError, now_s: float) -> None:
        """A call gave no usable answer: ask the org later what it knows of the batch."""
        if isinstance(error, TransientRemoteError):
            wait_s = jittered(SNOOZE_S, self._run.ports.chance())
            self._run.note(f"{error}; batch {flight.batch.batch_id[:8]} waits {wait_s:.0f} s")
        else:
            known = flight.in_doubt or flight.batch.state is BatchState.UPLOADED
            if known and self._stopped_by is not None:
                del self._flights[flight.batch.batch_id]  # the ledger keeps it, another run asks
                return
            self._stopped_by = self._stopped_by or error
            wait_s = 0.0
        flight.batch = self._run.ports.batches.record(flight.batch.batch_id)
        flight.in_doubt = True
        flight.due_s = now_s + wait_s

    def _land_elsewhere(self, flight: _Flight, again: NewBatch | None) -> None:
        """Forget a flight that ended; its other rows wait, if they are of this partition."""
        del self._flights[flight.batch.batch_id]
        self._claim_at_s = 0.0
        ours = flight.batch.partition_key == self._run.ticket.partition_key
        same_load = flight.batch.load_id == self._run.ticket.load_id
        if again is not None and ours and same_load:
            self._add_waiting(again.batch_id, again.lane, again.rows, again.ready_in_s)

    def _settled(self, flight: _Flight, outcome: _Settled) -> None:
        job = outcome.job
        if job.total_s > 0:
            self._row_s = blended_row_s(self._row_s, rows=flight.batch.rows, seconds=job.total_s)
        self._land_elsewhere(flight, outcome.settlement.retry)
        self._failed_jobs = 0 if job.state is JobState.JOB_COMPLETE else self._failed_jobs + 1
        hopeless = job.state is JobState.FAILED and job.error_message.startswith(HOPELESS_MESSAGES)
        if hopeless or self._failed_jobs >= FAILED_JOBS_MAX:
            self._stopped_by = self._stopped_by or JobsFailing(
                f"Salesforce ended job {job.job_id} as {job.state.value}: "
                f"{job.error_message or 'no reason given'}. No more rows are sent. "
                "Mend the cause and run the partition again: it goes on where it stopped."
            )


@dataclass(frozen=True, slots=True)
class _Submitted:
    """The close was acknowledged."""


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A poll found the job at work."""


@dataclass(frozen=True, slots=True)
class _Settled:
    job: IngestJob
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A batch in doubt is known again; `instead` carries its rows, or its job goes on."""

    instead: NewBatch | None


def _submit(run: RangeRun, batch: BatchRecord) -> _Submitted:
    """Create, upload, close: the ledger hears of each step before the next one begins."""
    jobs, batches = run.ports.jobs, run.ports.batches
    payload = encode(run.ports.spool.read_batch(batch.load_id, batch.batch_id), run.spec)
    job_id = jobs.create()
    batches.opened(run.ticket, batch.batch_id, job_id)
    jobs.upload(job_id, payload)
    jobs.close(job_id)
    batches.uploaded(run.ticket, batch.batch_id)
    return _Submitted()


def _follow(run: RangeRun, batch: BatchRecord) -> _Unfinished | _Settled:
    """Ask for the job of a batch, and settle the batch if the job is finished."""
    job_id = batch.job_id or run.ports.batches.record(batch.batch_id).job_id
    assert job_id is not None, "an uploaded batch has a job"
    job = run.ports.jobs.job(job_id)
    if not job.is_terminal:
        return _Unfinished()
    return _Settled(job, settle_batch(run, batch, job))


def _resolve(run: RangeRun, batch: BatchRecord) -> _Resolved:
    return _Resolved(rescue(run, batch))
