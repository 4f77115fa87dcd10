"""Step 4: send the batches of one partition, one job a lane, within the window of the org.

One thread decides and keeps the books, a few threads talk to the org. What is decided stands in
`core.write_policy` and `core.breaker`; what is done stands in `load.steps`.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from dc_assets.core.batch_states import IN_FLIGHT, BatchState
from dc_assets.core.breaker import Allowance, Breaker
from dc_assets.core.errors import (
    DcError,
    HostSilent,
    LimitReached,
    RemoteError,
    RunStopped,
    SpoolLost,
    TransientRemoteError,
    UnsettledJob,
)
from dc_assets.core.patience import DOUBTS_MAX, Patience
from dc_assets.core.write_policy import (
    CLAIM_AGAIN_S,
    WaitingBatch,
    blended_row_s,
    claim_order,
    first_poll_wait_s,
    next_poll_wait_s,
)
from dc_assets.load.effects import Effects
from dc_assets.load.ports import BatchRecord, NewBatch
from dc_assets.load.run import RangeRun
from dc_assets.load.steps import (
    Finished,
    Lost,
    Outcome,
    Resolved,
    Submitted,
    Unfinished,
    follow,
    give_up_job,
    resolve,
    submit,
)
from dc_assets.load.strays import sweep

WAKE_S_MAX = 5.0
ALLOWANCE_EVERY_S = 60.0
"""One call a minute tells what is left of the org's day."""

_ALLOWANCE = "allowance"


@dataclass(slots=True)
class _Flight:
    """A batch in flight and when to look at it again; `due_s` is None while an effect runs.

    Attributes:
        doubts: calls in a row that gave no usable answer.
        since_s: when its job was closed, or when this run took it over.
    """

    batch: BatchRecord
    due_s: float | None
    since_s: float
    in_doubt: bool = False
    polls: int = 0
    doubts: int = 0


def write(run: RangeRun) -> None:
    """Send every batch of the partition that has no outcome yet, until none is left.

    Batches that a dead run left in flight come first, those of other partitions too: their lanes
    would stay blocked.

    Raises:
        RunStopped: breaker, budget, operator or a silent host; what was in flight is settled first.
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
        self._breaker = Breaker(run.spec)
        self._allowance_at_s = run.ports.clock.now_s()
        self._patience = Patience(run.spec, self._allowance_at_s)
        self._is_allowance_known = False
        self._lost_a_create = False
        self._stopped_by: DcError | None = None

    def run_to_end(self) -> None:
        self._adopt()
        while self._take_in():
            self._drain()
            if self._stopped_by is not None:
                break
        # Whoever shares our user may have Open jobs of this kind: then only a lost create is news.
        exclusive = self._run.spec.profile.exclusive_user
        if (exclusive or self._lost_a_create) and not isinstance(self._stopped_by, HostSilent):
            sweep(self._run)
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
            self._ask_allowance(now_s)
            self._claim(now_s)
            wake_s = self._wake_s(now_s)
            if self._effects.is_idle:
                ports.clock.sleep(wake_s)
            for name, future in self._effects.finished(ports.clock.wall_s(wake_s)):
                if name == _ALLOWANCE:
                    self._fold_allowance(future)
                else:
                    self._fold(name, future)

    def _adopt(self) -> None:
        now_s = self._run.ports.clock.now_s()
        for record in self._run.ports.batches.adopt_orphans(self._run.ticket):
            self._lost_a_create |= record.state is BatchState.OPENING
            self._flights[record.batch_id] = _Flight(
                record, due_s=now_s, since_s=now_s, in_doubt=_is_in_doubt(record)
            )
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
            moments.append(max(self._claim_at_s, self._patience.pause_until_s, min(ready)))
        return max(0.0, min([*moments, now_s + WAKE_S_MAX]) - now_s)

    def _start_due(self, now_s: float) -> None:
        for batch_id, flight in self._flights.items():
            if self._effects.idle_threads == 0:
                return
            if flight.due_s is not None and flight.due_s <= now_s:
                flight.due_s = None
                if flight.in_doubt:
                    effect = resolve
                elif now_s - flight.since_s > self._run.spec.limits.job_wait_s_max:
                    effect, flight.since_s = give_up_job, now_s
                else:
                    effect = follow
                self._effects.start(batch_id, effect, self._run, flight.batch)

    def _ask_allowance(self, now_s: float) -> None:
        """Ask what is left of the org's day before the first job, and every minute."""
        if now_s >= self._allowance_at_s and self._effects.idle_threads and not self._stopped_by:
            self._allowance_at_s = now_s + ALLOWANCE_EVERY_S
            self._effects.start(_ALLOWANCE, self._run.ports.jobs.allowance)

    def _fold_allowance(self, future: Future[Allowance]) -> None:
        self._is_allowance_known = True
        try:
            left = future.result()
        except RemoteError as error:
            self._run.note(f"{error}; what is left of the org's day is not known")
            return
        free_in_s = self._run.ports.batches.free_in_s()
        self._stop(self._breaker.allowance(left, free_in_s=free_in_s))

    def _stop(self, reason: DcError | None) -> None:
        """Submit no more; the first reason is the one that is told."""
        self._stopped_by = self._stopped_by or reason

    def _claim(self, now_s: float) -> None:
        """Ask the ledger for a lane and a slot, as long as threads are idle and it grants them.

        Not before the org's allowance is known, and not while its answers get lost: each lost
        create would plan its batch anew.
        """
        if not self._is_allowance_known or now_s < self._patience.pause_until_s:
            return
        while self._effects.idle_threads and now_s >= self._claim_at_s and not self._stopped_by:
            busy = {flight.batch.lane for flight in self._flights.values()}
            order = claim_order(self._waiting.values(), busy_lanes=busy, now_s=now_s)
            if not order:
                return
            try:
                claimed = self._run.ports.batches.claim(
                    self._run.ticket, [batch.batch_id for batch in order], self._run.plan.window
                )
            except RunStopped as stopped:
                self._stop(stopped)
                return
            if claimed is None:
                self._claim_at_s = now_s + CLAIM_AGAIN_S
                self._adopt_if_starving()
                return
            del self._waiting[claimed]
            record = self._run.ports.batches.record(claimed)
            self._flights[claimed] = _Flight(record, due_s=None, since_s=now_s)
            self._effects.start(claimed, submit, self._run, record)

    def _adopt_if_starving(self) -> None:
        if not self._flights:
            self._adopt()

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
            self._patience.answered(now_s)  # the others may have needed no call
            flight.doubts = 0
        self._take_outcome(flight, outcome, now_s)

    def _take_outcome(self, flight: _Flight, outcome: Outcome, now_s: float) -> None:
        match outcome:
            case Submitted():
                flight.since_s = now_s
                flight.due_s = now_s + first_poll_wait_s(rows=flight.batch.rows, row_s=self._row_s)
            case Unfinished():
                flight.polls += 1
                flight.due_s = now_s + next_poll_wait_s(flight.polls)
            case Resolved(instead=None):
                flight.in_doubt = False
                flight.since_s = flight.due_s = now_s
            case Resolved(instead=again):
                if not flight.in_doubt:  # a job that was closed is gone, or its results are
                    self._stop(self._breaker.job_gone())
                self._land_elsewhere(flight, again)
            case Lost(reason):
                self._lose(flight, reason)
            case Finished():
                self._settled(flight, outcome)

    def _lose(self, flight: _Flight, reason: SpoolLost) -> None:
        """Forget a batch whose rows are gone; in this load they stay pending."""
        self._land_elsewhere(flight, None)
        self._run.note(str(reason))
        if flight.batch.load_id == self._run.ticket.load_id:
            self._stop(reason)

    def _doubt(self, flight: _Flight, error: RemoteError | UnsettledJob, now_s: float) -> None:
        """A call gave no usable answer: ask the org later what it knows of the batch."""
        flight.doubts += 1
        if isinstance(error, LimitReached):
            self._allowance_at_s = now_s  # is it the day's limit, or one of the moment?
        self._stop(self._patience.reason_to_stop(error, doubts=flight.doubts, now_s=now_s))
        if self._stopped_by is not None and not self._may_still_settle(flight, error):
            del self._flights[flight.batch.batch_id]  # the ledger keeps it, another run asks
            return
        unit = self._run.ports.chance()
        wait_s = self._patience.wait_s(error, doubts=flight.doubts, now_s=now_s, unit=unit)
        self._run.note(f"{error}; batch {flight.batch.batch_id[:8]} waits {wait_s:.0f} s")
        flight.batch = self._run.ports.batches.record(flight.batch.batch_id)
        if flight.batch.state not in IN_FLIGHT:  # we were silent, and another run brought it home
            self._land_elsewhere(flight, None)
            return
        flight.in_doubt = _is_in_doubt(flight.batch)
        self._lost_a_create |= flight.batch.state is BatchState.OPENING
        flight.due_s = now_s + wait_s

    def _may_still_settle(self, flight: _Flight, error: DcError) -> bool:
        """Whether it is worth asking again for a batch although no more is sent."""
        if isinstance(self._stopped_by, HostSilent) or flight.doubts > DOUBTS_MAX:
            return False
        lost = isinstance(error, TransientRemoteError | LimitReached | UnsettledJob)
        known = flight.in_doubt or flight.batch.state is BatchState.UPLOADED
        return lost or not known

    def _land_elsewhere(self, flight: _Flight, again: NewBatch | None) -> None:
        """Forget a flight that ended; its other rows wait, if they are of this partition."""
        del self._flights[flight.batch.batch_id]
        self._claim_at_s = 0.0
        ours = flight.batch.partition_key == self._run.ticket.partition_key
        same_load = flight.batch.load_id == self._run.ticket.load_id
        if again is not None and ours and same_load:
            self._add_waiting(again.batch_id, again.lane, again.rows, again.ready_in_s)

    def _settled(self, flight: _Flight, outcome: Finished) -> None:
        job, settlement = outcome.job, outcome.settled.settlement
        if job.total_s > 0:
            self._row_s = blended_row_s(self._row_s, rows=flight.batch.rows, seconds=job.total_s)
        self._land_elsewhere(flight, settlement.retry)
        refused = len(settlement.dead_letters)
        self._stop(self._breaker.job_ended(job, landed=settlement.landed, refused=refused))
        for code, rows in outcome.settled.stopping.items():
            self._stop(self._breaker.code_seen(code, rows))


def _is_in_doubt(batch: BatchRecord) -> bool:
    """Tell whether the org has to be asked how far a batch in flight came; else it is polled."""
    return batch.state is not BatchState.UPLOADED
