"""Step 4: send the batches of one partition, one job a lane, within the window of the org.

One thread decides and writes to the ledger, a few threads talk to the org. What is decided
stands in `core.schedule`, `core.outage_policy` and `core.circuit_breaker`; what is done stands in
`load.job_calls`.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from dc_assets.core.batch_states import IN_FLIGHT, BatchState
from dc_assets.core.circuit_breaker import Breaker
from dc_assets.core.errors import (
    BreakerOpened,
    DcError,
    HostSilent,
    RemoteError,
    RunStopped,
    SpoolLost,
    TransientRemoteError,
    UnsettledJob,
)
from dc_assets.core.ingest_job import IngestJob
from dc_assets.core.outage_policy import DOUBTS_MAX, OutagePolicy
from dc_assets.core.pauses import Pause
from dc_assets.core.schedule import Schedule
from dc_assets.core.write_policy import CLAIM_AGAIN_S, WINDOW_LOOKS_BACK_S
from dc_assets.load.held_up import ADOPTED, NO_SLOT, HeldUp
from dc_assets.load.job_calls import (
    Finished,
    Lost,
    Outcome,
    Resolved,
    Submitted,
    Unfinished,
    WorkerPool,
    follow,
    give_up_job,
    resolve,
    submit,
)
from dc_assets.load.org_day import OrgDay
from dc_assets.load.ports import RangeRun
from dc_assets.load.rescue import sweep
from dc_assets.load.send_queue import SendQueue
from dc_assets.load.settle import SettledBatch
from dc_assets.load.store import BatchRecord, NewBatch

WAKE_S_MAX = 5.0
_ALLOWANCE = "allowance"


@dataclass(slots=True)
class _Flight:
    """What is known of a batch in flight; when it is looked at stands in the schedule.

    Attributes:
        in_doubt: the org has to be asked how far it came.
        doubts: calls in a row that gave no usable answer.
        keys: the external ids of its rows as this run sent them; None of what another one sent.
    """

    batch: BatchRecord
    in_doubt: bool = False
    doubts: int = 0
    keys: pl.Series | None = None


def write(run: RangeRun, *, only_settle: SpoolLost | None = None) -> None:
    """Send every batch of the partition that has no outcome yet, until none is left.

    Batches that a dead run left in flight come first, those of other partitions too: their lanes
    would stay blocked. A budget of the day or the hours of the spec pause it, and it resumes by
    itself.

    Raises:
        SpoolLost: rows are on no disk of ours; what was in flight is settled first. It is
            ``only_settle`` itself, which has nothing sent.
        RunStopped: breaker, the org's reserve, operator or a silent host; what was in flight is
            settled first.
        RemoteError: the org refused a call for good; what was in flight is settled first.
    """
    try:
        with WorkerPool(run.ports.io_threads) as workers:
            _Writer(run, workers, only_settle).run_to_end()
    finally:
        run.ports.use.count_calls(run.ticket.load_id)


class _Writer:
    def __init__(
        self, run: RangeRun, workers: WorkerPool, stopped_by: DcError | None = None
    ) -> None:
        self._run = run
        self._workers = workers
        self._schedule = Schedule(run.known_speed())
        self._waiting = SendQueue(run, self._schedule)
        self._flights: dict[str, _Flight] = {}
        so_far = run.ports.batches.totals(run.ticket.load_id)
        self._breaker = Breaker(run.spec, so_far, is_partial=run.is_partial)
        self._day = OrgDay(run, self._breaker)
        self._outage_policy = OutagePolicy(run.spec, run.ports.clock.now_s())
        self._held_up = HeldUp(run)
        self._lost_a_create = False
        self._stopped_by = stopped_by

    def run_to_end(self) -> None:
        self._adopt()
        while self._take_in():
            self._drain()
            if self._stopped_by is not None or self._waiting.is_left:
                break
        # Whoever shares our user may have Open jobs of this kind: then only a lost create is news.
        exclusive = self._run.spec.profile.exclusive_user
        if (exclusive or self._lost_a_create) and not isinstance(self._stopped_by, HostSilent):
            sweep(self._run)
        if self._stopped_by is not None and not self._ended_before_it_stopped():
            raise self._stopped_by

    def _ended_before_it_stopped(self) -> bool:
        """Whether refusals opened the breaker at the last job: then the checks judge the rows."""
        if not isinstance(self._stopped_by, BreakerOpened):
            return False
        return not self._run.ports.batches.unsettled(self._run.ticket)

    def _take_in(self) -> bool:
        """Take up the planned batches of the partition; False when every batch is final.

        Another run may have adopted a batch of ours while nobody worked on the partition: then its
        end is awaited, and what it plans for another attempt is taken up here.
        """
        unsettled = self._run.ports.batches.unsettled(self._run.ticket)
        for record in unsettled:
            if record.state is BatchState.PLANNED:
                self._waiting.add(record)
        if unsettled and not self._schedule.waiting and not self._flights:
            self._held_up.waits(ADOPTED)
            self._run.ports.clock.sleep(CLAIM_AGAIN_S)
            self._adopt()
        else:
            self._held_up.goes_on()
        return bool(unsettled or self._flights)

    def _drain(self) -> None:
        ports = self._run.ports
        while self._flights or (self._schedule.waiting and self._stopped_by is None):
            now_s = ports.clock.now_s()
            self._start_due(now_s)
            self._ask_allowance(now_s)
            try:
                self._waiting.look_for_parents()
                if self._waiting.is_left:
                    return
                self._claim(now_s)
            except SpoolLost as lost:
                self._stop(lost)
            wake_s = self._wake_s(now_s)
            if self._workers.is_idle:
                ports.clock.sleep(wake_s)
            for name, future in self._workers.finished(ports.clock.wall_s(wake_s)):
                if name == _ALLOWANCE:
                    self._stop(self._day.take_allowance(future))
                else:
                    self._fold(name, future)

    def _adopt(self) -> None:
        now_s = self._run.ports.clock.now_s()
        for record in self._run.ports.batches.adopt_orphans(self._run.ticket):
            self._lost_a_create |= record.state is BatchState.OPENING
            self._flights[record.batch_id] = _Flight(record, in_doubt=_is_in_doubt(record))
            self._schedule.take_over(
                record.batch_id, lane=record.lane, rows=record.rows, now_s=now_s
            )
            self._run.note(
                "batch_rescued",
                batch_id=record.batch_id,
                rows=record.rows,
                state=record.state.value,
                of_partition=record.partition_key,
                job_id=record.job_id or "",
            )

    def _wake_s(self, now_s: float) -> float:
        """Return how long nothing will be due."""
        if self._workers.idle_threads == 0:
            return WAKE_S_MAX
        may_claim_at_s = max(self._outage_policy.pause_until_s, self._day.may_claim_at_s)
        may_claim = self._day.is_allowance_known and not self._holds_back
        at_s = self._schedule.wake_at_s(may_claim_at_s=may_claim_at_s if may_claim else None)
        return WAKE_S_MAX if at_s is None else max(0.0, min(at_s - now_s, WAKE_S_MAX))

    def _start_due(self, now_s: float) -> None:
        for batch_id in self._schedule.due(now_s)[: self._workers.idle_threads]:
            flight = self._flights[batch_id]
            since_s = self._schedule.begin_call(batch_id)
            if flight.in_doubt:
                self._workers.start(batch_id, resolve, self._run, flight.batch)
            elif now_s - since_s > self._run.spec.limits.job_wait_s_max:
                self._workers.start(batch_id, give_up_job, self._run, flight.batch, flight.keys)
            else:
                self._workers.start(batch_id, follow, self._run, flight.batch, flight.keys)

    def _ask_allowance(self, now_s: float) -> None:
        may_ask = self._workers.idle_threads and not self._stopped_by
        if may_ask and self._day.asks_allowance(now_s, is_flying=bool(self._flights)):
            self._workers.start(_ALLOWANCE, self._run.ports.jobs.allowance)

    def _stop(self, reason: DcError | None) -> None:
        """Submit no more; the first reason is the one that is told."""
        if reason is None or self._stopped_by is not None:
            return
        self._stopped_by = reason
        self._run.note("stopped", cause=str(reason), error=type(reason).__name__)

    def _claim(self, now_s: float) -> None:
        """Ask the ledger for a lane and a slot, as long as threads are idle and it grants them.

        Not before the org's allowance is known, and not while its answers get lost: each lost
        create would plan its batch anew.
        """
        if not self._day.may_claim(now_s) or now_s < self._outage_policy.pause_until_s:
            return
        while self._workers.idle_threads and not self._holds_back:
            is_scouting = self._is_scouting
            wanted = self._waiting.scouts(now_s) if is_scouting else self._schedule.sendable(now_s)
            if not wanted:
                return
            try:
                claimed = self._granted(wanted)
            except RunStopped as stopped:
                self._stop(stopped)
                return
            self._day.replayed(claimed, now_s)
            if not isinstance(claimed, str):
                self._not_granted(claimed, now_s)
                return
            self._held_up.goes_on()
            if not is_scouting:
                claimed = self._waiting.merged_with_others(claimed, now_s)
            record = self._waiting.taken_off(claimed, now_s)
            self._flights[claimed] = _Flight(record)
            self._workers.start(claimed, submit, self._run, record)

    @property
    def _holds_back(self) -> bool:
        """Whether nothing more is sent, or not before the first job of a load has ended."""
        return self._stopped_by is not None or (bool(self._flights) and self._is_scouting)

    @property
    def _is_scouting(self) -> bool:
        return self._breaker.is_scouting(self._schedule.rows_left)

    def _granted(self, wanted: list[str]) -> str | Pause | None:
        ports = self._run.ports
        return ports.batches.claim(
            self._run.ticket,
            wanted,
            self._run.plan.window,
            looks_back_s=ports.clock.wall_s(WINDOW_LOOKS_BACK_S),
        )

    def _not_granted(self, answer: Pause | None, now_s: float) -> None:
        """Ask again later, and see meanwhile whether a dead run has left something in flight."""
        if answer is None:
            self._schedule.not_granted(now_s)
        if not self._flights:
            self._adopt()
        if answer is not None and not self._flights:
            self._outage_policy.replayed(now_s)  # nothing is asked of the org: it is not silent
        if answer is None and not self._flights:
            self._held_up.waits(NO_SLOT)
        else:
            self._held_up.goes_on()

    def _fold(self, batch_id: str, future: Future[Any]) -> None:
        """Take in the outcome of one effect."""
        flight = self._flights[batch_id]
        now_s = self._run.ports.clock.now_s()
        try:
            outcome = future.result()
        except (RemoteError, UnsettledJob) as error:
            self._doubt(flight, error, now_s)
            return
        if isinstance(outcome, Submitted | Unfinished | Finished):
            self._outage_policy.replayed(now_s)  # the others may have needed no call
            flight.doubts = 0
        if isinstance(outcome, Resolved):
            self._note_resolved(batch_id, outcome.instead)
        self._take_outcome(flight, outcome, now_s)

    def _take_outcome(self, flight: _Flight, outcome: Outcome, now_s: float) -> None:
        batch_id = flight.batch.batch_id
        match outcome:
            case Submitted(job_id, keys):
                flight.batch = replace(flight.batch, state=BatchState.UPLOADED, job_id=job_id)
                flight.keys = keys
                self._schedule.closed(batch_id, now_s)
            case Unfinished(was_aborted):
                say = self._schedule.aborted if was_aborted else self._schedule.unfinished
                say(batch_id, now_s)
            case Resolved(instead=None):
                flight.in_doubt = False
                flight.batch = replace(flight.batch, state=BatchState.UPLOADED)
                self._schedule.count_from(batch_id, now_s)
                self._schedule.look_at(batch_id, now_s)
            case Resolved(instead=again):
                if not flight.in_doubt:  # a job that was closed is gone, or its results are
                    self._stop(self._breaker.job_gone())
                self._land_elsewhere(flight, *([again] if again else []))
            case Lost(reason, again):
                self._land_elsewhere(flight, again)
                self._stop(reason)
            case Finished():
                self._settled(flight, outcome)

    def _doubt(self, flight: _Flight, error: RemoteError | UnsettledJob, now_s: float) -> None:
        """A call gave no usable answer: ask the org later what it knows of the batch."""
        batch_id = flight.batch.batch_id
        flight.doubts += 1
        self._stop(self._outage_policy.reason_to_stop(error, doubts=flight.doubts, now_s=now_s))
        if self._stopped_by is not None and not self._may_still_settle(flight, error):
            self._forget(flight)  # the ledger keeps it, another run asks
            if isinstance(self._stopped_by, SpoolLost):  # nothing is read again before it is known
                self._stopped_by = error
            return
        unit = self._run.ports.chance()
        wait_s = self._outage_policy.wait_s(error, doubts=flight.doubts, now_s=now_s, unit=unit)
        self._run.note(
            "batch_waits",
            cause=str(error),
            batch_id=batch_id,
            wait_s=wait_s,
            doubts=flight.doubts,
            error=type(error).__name__,
        )
        flight.batch = self._run.ports.batches.record(batch_id)
        if flight.batch.state not in IN_FLIGHT:  # we were silent, and another run brought it home
            self._land_elsewhere(flight)
            return
        flight.in_doubt = _is_in_doubt(flight.batch)
        self._lost_a_create |= flight.batch.state is BatchState.OPENING
        self._schedule.look_at(batch_id, now_s + wait_s)

    def _may_still_settle(self, flight: _Flight, error: DcError) -> bool:
        """Whether it is worth asking again for a batch although no more is sent."""
        if isinstance(self._stopped_by, HostSilent) or flight.doubts > DOUBTS_MAX:
            return False
        lost = isinstance(error, TransientRemoteError | UnsettledJob)
        known = flight.in_doubt or flight.batch.state is BatchState.UPLOADED
        return lost or not known

    def _forget(self, flight: _Flight) -> None:
        del self._flights[flight.batch.batch_id]
        self._schedule.landed(flight.batch.batch_id)

    def _land_elsewhere(self, flight: _Flight, *again: NewBatch) -> None:
        """Forget a flight that ended; its other rows wait, if they are of this partition."""
        self._forget(flight)
        ours = flight.batch.partition_key == self._run.ticket.partition_key
        same_load = flight.batch.load_id == self._run.ticket.load_id
        for batch in again if ours and same_load else ():
            self._waiting.add(batch)

    def _settled(self, flight: _Flight, outcome: Finished) -> None:
        job, settlement = outcome.job, outcome.settled.settlement
        self._note_settled(flight.batch, job, outcome.settled)
        self._schedule.learn(rows=flight.batch.rows, total_s=job.total_s, active_s=job.active_s)
        self._land_elsewhere(flight, *settlement.again)
        waiting = self._schedule.rows_waiting
        self._stop(self._breaker.job_ended(job, outcome.settled.job_rows, rows_waiting=waiting))
        for code, rows in outcome.settled.stopping.items():
            self._stop(self._breaker.code_seen(code, rows))
        if self._stopped_by is None:
            try:
                self._waiting.split_too_big()
            except SpoolLost as lost:
                self._stop(lost)

    def _note_resolved(self, batch_id: str, instead: NewBatch | None) -> None:
        self._run.note(
            "batch_resolved",
            batch_id=batch_id,
            outcome="its rows go again" if instead else "its job continues",
            instead=instead.batch_id if instead else "",
        )

    def _note_settled(self, batch: BatchRecord, job: IngestJob, settled: SettledBatch) -> None:
        settlement = settled.settlement
        self._run.note(
            "job_settled",
            job_id=job.job_id,
            state=job.state.value,
            landed=settlement.landed,
            rows=batch.rows,
            refused=len(settlement.dead_letters),
            retried=settlement.rows_again,
            batch_id=batch.batch_id,
            lane=batch.lane,
            attempt=batch.attempt,
            locked=settlement.locked,
            total_s=job.total_s,
            active_s=job.active_s,
        )


def _is_in_doubt(batch: BatchRecord) -> bool:
    """Tell whether the org has to be asked how far a batch in flight came; else it is polled."""
    return batch.state is not BatchState.UPLOADED
