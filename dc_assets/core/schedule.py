"""What is due when in one partition run: which batches may be sent, which jobs are to be polled.

It decides and remembers; it calls nobody and reads no clock. `load.write` performs what it says
against an org, `simulation.lanes` in virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dc_assets.core.write_policy import (
    CLAIM_AGAIN_S,
    POLL_WAIT_MAX_S,
    Speed,
    first_poll_wait_s,
    next_poll_wait_s,
)

SPLIT_SLACK = 1.2
DOUBLES_S = 0.001
"""Two sums of the same moments differ by less."""


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A planned batch; `ready_at_s` is later than now while it backs off.

    Attributes:
        waits: whether its rows wait for parents of the same load: it is not sent before
            `parents_landed` is told.
    """

    batch_id: str
    lane: int
    attempt: int
    rows: int
    ready_at_s: float
    waits: bool = False


@dataclass(slots=True)
class Flight:
    """A batch in flight.

    Attributes:
        due_s: when its job is looked at next; None while an effect on it is under way.
        since_s: when its job was closed, or when this run took it over.
        polls: how often its job was found unfinished.
        is_expected: whether `due_s` rests on the expected time alone.
        is_probe: whether it shows if a speed that was seen of few rows holds for many.
    """

    lane: int
    rows: int
    due_s: float | None
    since_s: float
    polls: int = 0
    is_expected: bool = False
    is_probe: bool = False


class Schedule:
    """The batches of one partition run that wait or are in flight. All times are policy time."""

    def __init__(self, speed: Speed) -> None:
        self.speed = speed
        self.waiting: dict[str, WaitingBatch] = {}
        self.flights: dict[str, Flight] = {}
        self._claim_at_s = 0.0

    def wait_for_lane(self, batch: WaitingBatch) -> None:
        """Take in a planned batch."""
        self.waiting[batch.batch_id] = batch

    def learn(self, *, rows: int, total_s: float, active_s: float) -> None:
        """A job ended: the org's speed is known better now, and others may have ended too."""
        self.speed = self.speed.after(rows=rows, total_s=total_s, active_s=active_s)
        for flight in self.flights.values():
            if flight.is_expected and flight.due_s is not None:
                flight.due_s = min(flight.due_s, self._first_poll_s(flight))

    def rows_max(self, batch_rows_max: int) -> int:
        """Return how many rows a batch may have to end in half the org's batch time limit."""
        return self.speed.rows_max(batch_rows_max)

    def too_big(self, rows_max: int) -> Sequence[WaitingBatch]:
        """Return waiting batches of more rows.

        A fifth more is let pass: a speed that wavers must not cut every batch anew.
        """
        most = SPLIT_SLACK * rows_max
        return [b for b in self.waiting.values() if b.rows > most and not b.waits]

    @property
    def rows_waiting(self) -> int:
        """Rows that are in no job."""
        return sum(one.rows for one in self.waiting.values())

    @property
    def rows_left(self) -> int:
        """Rows that wait or are in flight."""
        return self.rows_waiting + sum(one.rows for one in self.flights.values())

    def put_in_place(self, batch_id: str, parts: Sequence[WaitingBatch]) -> None:
        """Let the parts of a batch wait at its place in the order."""
        found: dict[str, WaitingBatch] = {}
        for batch in self.waiting.values():
            for one in parts if batch.batch_id == batch_id else [batch]:
                found[one.batch_id] = one
        self.waiting = found

    @property
    def waits_for_parents(self) -> Sequence[WaitingBatch]:
        """The batches that wait for parents, when nothing else waits or is in flight."""
        all_wait = not self.flights and all(b.waits for b in self.waiting.values())
        return list(self.waiting.values()) if all_wait else []

    def parents_landed(self) -> None:
        """Let the batches that wait for parents be sent like any other."""
        self.waiting = {key: replace(b, waits=False) for key, b in self.waiting.items()}

    def sendable(self, now_s: float) -> list[str]:
        """Return the batches to ask a slot for; none before it is time to ask again.

        One a lane, the one that was tried most often first, so that its next wait begins early.
        Lanes that this run has in flight are left out; those of other runs are known to the ledger
        only.
        """
        if now_s < self._claim_at_s:
            return []
        taken = {flight.lane for flight in self.flights.values()}
        first: dict[int, WaitingBatch] = {}
        for batch in self.waiting.values():
            if batch.lane not in taken and batch.ready_at_s <= now_s and not batch.waits:
                present = first.setdefault(batch.lane, batch)
                if batch.attempt > present.attempt:
                    first[batch.lane] = batch
        return [batch.batch_id for batch in first.values()]

    def fitting_batches(self, batch_id: str, now_s: float, rows_max: int) -> list[str]:
        """Return waiting batches of the same lane that fit into one job with a batch, and may go.

        Fewer jobs do the same work: rows to try again travel with rows of the first attempt.
        """
        first = self.waiting[batch_id]
        room = rows_max - first.rows
        found: list[str] = []
        for other in self.waiting.values():
            is_elsewhere = other.lane != first.lane or other is first
            if is_elsewhere or other.ready_at_s > now_s or other.waits:
                continue
            if other.rows <= room:
                room -= other.rows
                found.append(other.batch_id)
        return found

    def merge(self, batch_ids: Sequence[str], merged_id: str) -> WaitingBatch:
        """Let one batch wait instead of several of one lane.

        It has the attempt of the one that was tried least: no row is given up early.
        """
        parts = [self.waiting.pop(batch_id) for batch_id in batch_ids]
        merged = WaitingBatch(
            merged_id,
            parts[0].lane,
            min(part.attempt for part in parts),
            sum(part.rows for part in parts),
            max(part.ready_at_s for part in parts),
        )
        self.wait_for_lane(merged)
        return merged

    def not_granted(self, now_s: float) -> None:
        """No lane or slot is free: ask again later, or when a flight of this run ends."""
        self._claim_at_s = now_s + CLAIM_AGAIN_S

    def take_off(self, batch_id: str, now_s: float) -> WaitingBatch:
        """A slot was granted: the batch is being submitted. Returns it."""
        batch = self.waiting.pop(batch_id)
        self.flights[batch_id] = Flight(batch.lane, batch.rows, due_s=None, since_s=now_s)
        return batch

    def take_over(self, batch_id: str, *, lane: int, rows: int, now_s: float) -> None:
        """A flight of a dead run is ours now, to be looked at at once."""
        self.flights[batch_id] = Flight(lane, rows, due_s=now_s, since_s=now_s)

    def closed(self, batch_id: str, now_s: float) -> None:
        """The org has the rows: poll when most of the expected time is over.

        While the speed was seen of few rows, one flight is polled as if nothing were known: were
        the org slow for those alone, all others would wait for minutes after they have ended.
        """
        flight = self.flights[batch_id]
        has_probe = any(one.is_probe for one in self.flights.values() if one is not flight)
        flight.is_probe = not (has_probe or self.speed.is_of_enough(flight.rows))
        flight.since_s, flight.is_expected = now_s, True
        flight.due_s = self._first_poll_s(flight)

    def unfinished(self, batch_id: str, now_s: float) -> None:
        """A poll found the job running."""
        flight = self.flights[batch_id]
        flight.polls += 1
        flight.due_s = now_s + next_poll_wait_s(
            flight.polls,
            elapsed_s=now_s - flight.since_s,
            expected_s=self._expected_s(flight),
        )
        flight.is_expected = flight.due_s < self._first_poll_s(flight) + DOUBLES_S

    def aborted(self, batch_id: str, now_s: float) -> None:
        """A job was told to end: it does so soon, whatever its rows were expected to take."""
        self.count_from(batch_id, now_s)
        self.look_at(batch_id, now_s + POLL_WAIT_MAX_S)

    def _first_poll_s(self, flight: Flight) -> float:
        return flight.since_s + first_poll_wait_s(self._expected_s(flight))

    def _expected_s(self, flight: Flight) -> float | None:
        if flight.is_probe and not self.speed.is_of_enough(flight.rows):
            return None
        return self.speed.expected_s(flight.rows)

    def begin_call(self, batch_id: str) -> float:
        """An effect on a flight begins: it is not due until it ends. Returns its `since_s`."""
        flight = self.flights[batch_id]
        flight.due_s, flight.is_expected = None, False
        return flight.since_s

    def count_from(self, batch_id: str, now_s: float) -> None:
        """Count the time of a flight from now."""
        self.flights[batch_id].since_s = now_s

    def look_at(self, batch_id: str, at_s: float) -> None:
        """Look at a flight at a time that something else decided."""
        flight = self.flights[batch_id]
        flight.due_s, flight.is_expected = at_s, False

    def landed(self, batch_id: str) -> None:
        """A flight is over, however it ended; its lane and slot may be free."""
        del self.flights[batch_id]
        self._claim_at_s = 0.0

    def due(self, now_s: float) -> list[str]:
        """Return the flights to look at now, the longest due first."""
        moments = {
            batch_id: flight.due_s
            for batch_id, flight in self.flights.items()
            if flight.due_s is not None and flight.due_s <= now_s
        }
        return sorted(moments, key=lambda batch_id: moments[batch_id])

    def wake_at_s(self, *, may_claim_at_s: float | None) -> float | None:
        """Return when something is due next; a batch behind a busy lane of this run is not due.

        ``may_claim_at_s`` is when claims are allowed again, None while they are not.
        """
        moments = [flight.due_s for flight in self.flights.values() if flight.due_s is not None]
        busy = {flight.lane for flight in self.flights.values()}
        may_go = [b for b in self.waiting.values() if b.lane not in busy and not b.waits]
        ready = [b.ready_at_s for b in may_go]
        if ready and may_claim_at_s is not None:
            moments.append(max(self._claim_at_s, may_claim_at_s, min(ready)))
        return min(moments, default=None)
