"""How long a load still takes, played from what is left and from what its steps took so far.

A rule of three is wrong at both ends: at first rows are read and no job is back yet, at the end a
few long lanes are left, which no other job makes shorter. So the rest is played by the rules of the
writer: one job a lane, a window over all partitions, the lane with most rows left first, and one
partition after another in each place (`docs/adr/0024-time-left-is-modelled.md`).

All times are seconds of one clock, that of the ledger.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from dc_assets.core.pace import Pace

REST_MIN = 0.1
"""A step that takes longer than expected still needs this share of what was expected."""

GOLDEN = (5**0.5 - 1) / 2
"""Its multiples, cut to what is behind the point, fall evenly between 0 and 1."""

PIECES_MAX = 20
"""Batches of one lane and partition are played as so many pieces, at most."""


@dataclass(frozen=True, slots=True)
class Flying:
    """A job in flight; it got its slot ``since_s`` seconds ago."""

    lane: int
    rows: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of one lane that were not sent yet, and their batches.

    Attributes:
        ready_in_s: the first of them waits so long before it is tried again.
    """

    rows: float
    batches: int
    ready_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """A partition that is not done.

    Attributes:
        rows: that will be sent, while none is read yet.
        since_s: how long a run has been working on it; None when no run is.
        is_read: its batches are planned.
        waiting: what was not sent yet, by lane.
        starts_in_s: when it is launched, whatever others do; None when it waits for a place.
    """

    key: str
    rows: float = 0.0
    since_s: float | None = None
    is_read: bool = False
    waiting: Mapping[int, Waiting] = field(default_factory=dict[int, Waiting])
    flying: Sequence[Flying] = ()
    starts_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a load.

    Attributes:
        parts: in the order in which runs take those that nobody works on.
        window: jobs in flight at once.
        crew: partitions that are running at once.
        ended_ago_s: since when places are empty, the longest first.
        lane_shares: share of a partition's rows that each lane has.
        batch_rows_max: most rows of a batch of a partition that is not read yet.
        paused_s: seconds in which nothing is sent from now on.
    """

    parts: Sequence[Part]
    window: int
    crew: int = 1
    ended_ago_s: Sequence[float] = ()
    lane_shares: Mapping[int, float] = field(default_factory=lambda: {0: 1.0})
    batch_rows_max: int = 10_000
    paused_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds until the last row has an outcome, of the load and of each partition."""

    seconds: float
    by_partition: Mapping[str, float]


def time_left(rest: Rest, pace: Pace) -> TimeLeft:
    """Play the rest of a load.

    >>> lanes = {0: Waiting(1_000.0, 1), 1: Waiting(500.0, 1)}
    >>> part = Part("r1-01", since_s=0.0, is_read=True, waiting=lanes)
    >>> time_left(Rest([part], window=1), Pace(0.0, job_s=1.0, row_s=0.01)).seconds
    17.0
    """
    return _Play(rest, pace).to_end()


@dataclass(frozen=True, slots=True)
class _Piece:
    key: str
    rows: float
    jobs: float


class _Play:
    """The rest of a load as events on a heap."""

    def __init__(self, rest: Rest, pace: Pace) -> None:
        self._rest = rest
        self._pace = pace
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._lanes: dict[int, deque[_Piece]] = defaultdict(deque)
        self._lane_rows: dict[int, float] = defaultdict(float)
        self._free: list[tuple[float, int]] = []
        self._busy: set[int] = set()
        self._open: dict[str, int] = defaultdict(int)
        self._held: set[str] = set()
        self._ends: dict[str, float] = {}
        self._lands_next_s = 0.0
        self._order = itertools.count()
        self._turn = itertools.count()
        self._next = deque(p for p in rest.parts if p.since_s is None and p.starts_in_s is None)

    def to_end(self) -> TimeLeft:
        for part in self._rest.parts:
            self._fly(part)
        at_work = [part for part in self._rest.parts if part.since_s is not None]
        for part in at_work:
            self._begin(part, 0.0)
        for part in self._rest.parts:
            if part.starts_in_s is not None and part.since_s is None:
                self._at(part.starts_in_s, partial(self._begin, part))
        ended = [*self._rest.ended_ago_s, *[self._pace.turnover_s] * self._rest.crew]
        for ago_s in ended[: max(0, self._rest.crew - len(at_work))]:
            self._at(max(0.0, self._pace.turnover_s - ago_s), self._take_next)
        self._at(self._rest.paused_s, self._claim)
        while self._events:
            now_s, _, event = heapq.heappop(self._events)
            event(now_s)
            if not self._events or self._events[0][0] > now_s:
                self._claim(now_s)  # when all that happens now has: the longest lane is first
        return TimeLeft(max(self._ends.values(), default=0.0), self._ends)

    def _at(self, at_s: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), event))

    def _fly(self, part: Part) -> None:
        """Let the jobs in flight land, whoever follows them."""
        for flight in part.flying:
            piece = _Piece(part.key, flight.rows, 1.0)
            self._busy.add(flight.lane)
            self._open[part.key] += 1
            rest_s = self._rest_of_flight(flight)
            self._at(rest_s, partial(self._come_back, flight.lane, piece))

    def _rest_of_flight(self, flight: Flying) -> float:
        """Return what is left of a flight: it is one of those that take longer than it has."""
        line_s = self._pace.flight_s(flight.rows)
        longer = [share for share in self._pace.unevenness if share * line_s > flight.since_s]
        return self._chance(longer) * line_s - flight.since_s if longer else REST_MIN * line_s

    def _chance(self, shares: Sequence[float]) -> float:
        """Return one of the shares; each comes its turn, big and small ones mixed."""
        return shares[int(next(self._turn) * GOLDEN * len(shares)) % len(shares)]

    def _take_next(self, now_s: float) -> None:
        if self._next:
            self._begin(self._next.popleft(), now_s)

    def _begin(self, part: Part, now_s: float) -> None:
        self._held.add(part.key)
        if part.is_read:
            self._queue(part.key, part.waiting, now_s)
            return
        if self._pace.whole_row_s is not None and self._rest.crew == 1:
            whole_s = part.rows * self._pace.whole_row_s
            self._at(
                now_s + _rest_of(whole_s, part.since_s or 0.0),
                partial(self._end_if_over, part.key),
            )
            return
        read_s = part.rows * self._pace.read_row_s
        self._at(
            now_s + _rest_of(read_s, part.since_s or 0.0),
            partial(self._queue, part.key, self._expected(part.rows)),
        )

    def _expected(self, rows: float) -> Mapping[int, Waiting]:
        """Return the lanes of a partition that is not read: like those that are."""
        shares = self._rest.lane_shares
        return {
            lane: Waiting(rows * share, -int(-rows * share // self._rest.batch_rows_max))
            for lane, share in shares.items()
            if rows * share > 0
        }

    def _queue(self, key: str, lanes: Mapping[int, Waiting], now_s: float) -> None:
        for lane, waiting in lanes.items():
            pieces = max(1, min(waiting.batches, PIECES_MAX))
            self._open[key] += pieces
            self._at(
                now_s + waiting.ready_in_s, partial(self._make_ready, key, lane, waiting, pieces)
            )
        self._end_if_over(key, now_s)

    def _make_ready(self, key: str, lane: int, waiting: Waiting, pieces: int, _: float) -> None:
        rows = waiting.rows * self._pace.sent_per_row
        piece = _Piece(key, rows / pieces, max(1, waiting.batches) / pieces)
        self._lanes[lane].extend([piece] * pieces)
        self._lane_rows[lane] += rows
        self._offer(lane)

    def _offer(self, lane: int) -> None:
        if lane not in self._busy and self._lanes[lane]:
            heapq.heappush(self._free, (-self._lane_rows[lane], lane))

    def _claim(self, now_s: float) -> None:
        """Give slots to the free lanes that have most rows left."""
        if now_s < self._rest.paused_s:
            return
        while self._free and len(self._busy) < self._rest.window:
            rows, lane = heapq.heappop(self._free)
            if lane in self._busy or not self._lanes[lane] or rows != -self._lane_rows[lane]:
                continue  # an older offer
            piece = self._lanes[lane].popleft()
            self._lane_rows[lane] -= piece.rows
            self._busy.add(lane)
            flight_s = self._pace.flight_s(piece.rows, piece.jobs)
            if piece.jobs == 1:
                flight_s *= self._chance(self._pace.unevenness)
            self._at(now_s + flight_s, partial(self._come_back, lane, piece))

    def _come_back(self, lane: int, piece: _Piece, now_s: float) -> None:
        """A job is over; it lands when those before it have."""
        lands_s = max(now_s, self._lands_next_s)
        self._lands_next_s = lands_s + piece.jobs * self._pace.landing_s
        self._at(lands_s, partial(self._land, lane, piece))

    def _land(self, lane: int, piece: _Piece, now_s: float) -> None:
        self._busy.discard(lane)
        self._offer(lane)
        self._open[piece.key] -= 1
        self._end_if_over(piece.key, now_s)

    def _end_if_over(self, key: str, now_s: float) -> None:
        if self._open[key]:
            return
        self._ends[key] = now_s
        if key in self._held:
            self._held.remove(key)
            self._at(now_s + self._pace.turnover_s, self._take_next)


def _rest_of(whole_s: float, since_s: float) -> float:
    return max(whole_s - since_s, REST_MIN * whole_s)
