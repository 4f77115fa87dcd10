"""How far a load is: rows, jobs and lanes as the ledger has them now, and the time that is left.

One look asks a few aggregates in one transaction, so that it may be taken every two seconds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.eta import TimeLeft
from dc_assets.core.lanes import WINDOW_DEFAULT
from dc_assets.core.pace import Span, turnovers
from dc_assets.core.seen_load import SeenFlight, SeenLane, SeenLoad, SeenRange
from dc_assets.core.write_policy import WINDOW_LOOKS_BACK_S, halved
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import (
    batch,
    check_result,
    dead_letter,
    load,
    org_allowance,
    range_state,
)
from dc_assets.views.progress_queries import (
    LATELY_S,
    LastJobs,
    flights_of,
    lanes_of,
    last_jobs,
    loads,
    ranges_of,
)


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """Rows and jobs of one partition in a load.

    Attributes:
        selected: rows of the partition; None until they are read.
        locked: rows of settled jobs that met a lock, each time counted.
        retried: rows that had to be sent again, each time counted.
        in_flight: jobs between create and settle.
        done_lately: rows that had their outcome in the last `Snapshot.lately_s`.
    """

    selected: int | None = None
    landed: int = 0
    refused: int = 0
    locked: int = 0
    retried: int = 0
    in_flight: int = 0
    done_lately: int = 0

    @property
    def done(self) -> int:
        """Rows that have an outcome."""
        return self.landed + self.refused

    @property
    def pending(self) -> int:
        """Rows that were read and have no outcome yet."""
        return max(0, (self.selected or 0) - self.done)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A load at one moment.

    Attributes:
        load_id: the running load, else the newest; None before any.
        is_open: whether it is unfinished.
        at: the moment, seconds since 1970.
        partitions: those that have begun, by key.
        rows: of all partitions that take part; None while that is not known.
        lane_rows: rows without an outcome that were read, by lane.
        api_calls_left: of the org's day; None while nobody has asked.
        time_left: until the last row has an outcome; None while too little was seen.
        checking: partitions whose rows are done and whose checks have said nothing yet; none while
            another partition reads or writes.
    """

    load_id: str | None = None
    is_open: bool = False
    at: float = 0.0
    lately_s: float = 0.0
    partitions: Mapping[str, PartitionProgress] = field(
        default_factory=dict[str, PartitionProgress]
    )
    rows: int | None = None
    lane_rows: Mapping[int, int] = field(default_factory=dict[int, int])
    api_calls_left: int | None = None
    time_left: TimeLeft | None = None
    checking: Sequence[str] = ()

    @property
    def whole(self) -> PartitionProgress:
        """The sums over the partitions."""
        parts = self.partitions.values()
        return PartitionProgress(
            selected=sum(p.selected or 0 for p in parts),
            landed=sum(p.landed for p in parts),
            refused=sum(p.refused for p in parts),
            locked=sum(p.locked for p in parts),
            retried=sum(p.retried for p in parts),
            in_flight=sum(p.in_flight for p in parts),
            done_lately=sum(p.done_lately for p in parts),
        )

    def rows_per_s(self, progress: PartitionProgress) -> float:
        """Return the speed of a partition, or of the whole, in the last minutes."""
        return progress.done_lately / self.lately_s if self.lately_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class JobBar:
    """A job as a picture shows it; moments are seconds since 1970.

    Attributes:
        ended_at: None in flight.
        locked: rows that met a lock.
        retried: rows that had to be sent again.
    """

    lane: int
    attempt: int
    rows: int
    began_at: float
    ended_at: float | None = None
    locked: int = 0
    retried: int = 0


class LedgerProgress:
    """Looks at the loads of one spec, in one org or, without an org id, in whatever org."""

    def __init__(self, database: Database, spec_name: str, org_id: str | None = None) -> None:
        self._database = database
        self._spec_name = spec_name
        self._org_id = org_id

    def look(
        self,
        keys: Sequence[str],
        *,
        were_launched: bool = False,
        starts_in_s: Mapping[str, float] | None = None,
    ) -> Snapshot:
        """Return how far the running load is, else the newest one.

        Args:
            keys: partitions that are looked at; others do not count.
            were_launched: all of them take part, even if an older load has done one of them.
                Without, those of the load and those that no load has begun do.
            starts_in_s: when some of them are launched.
        """
        with self._database.begin() as connection:
            row = connection.execute(self._of_spec(loads()).limit(1)).first()
            if row is None:
                return Snapshot()
            look = _Look(connection, row, keys)
            begun = set[str]() if were_launched else self._ever_begun(connection)
            begun |= set(look.ranges)
            to_come = {key: (starts_in_s or {}).get(key) for key in keys if key not in begun}
            return look.snapshot(to_come, self._before(look))

    def jobs(self, load_id: str, partition_key: str) -> Sequence[JobBar]:
        """Return the jobs of a partition that the org has seen, the earliest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(batch)
                .where(batch.c.load_id == load_id, batch.c.partition_key == partition_key)
                .where(batch.c.opening_at.is_not(None), batch.c.job_id.is_not(None))
                .order_by(batch.c.opening_at, batch.c.batch_id)
            )
            return [
                JobBar(
                    *(r.lane, r.attempt, r.rows, r.opening_at, r.finished_at, r.locked, r.retried)
                )
                for r in rows
            ]

    def _of_spec(self, query: sa.Select[*tuple[Any, ...]]) -> sa.Select[*tuple[Any, ...]]:
        query = query.where(load.c.spec_name == self._spec_name)
        return query if self._org_id is None else query.where(load.c.org_id == self._org_id)

    def _ever_begun(self, connection: Connection) -> set[str]:
        query = sa.select(range_state.c.partition_key).join(load).distinct()
        return set(connection.execute(self._of_spec(query)).scalars())

    def _before(self, look: _Look) -> Earlier:
        """Return what earlier loads tell, for the time in which the load itself tells nothing."""
        query = (
            sa.select(load.c.load_id)
            .where(load.c.state == "done", load.c.opened_at < look.row.opened_at)
            .where(load.c.mode == look.row.mode)
            .order_by(load.c.opened_at.desc())
            .limit(1)
        )
        load_id = look.connection.execute(self._of_spec(query)).scalar()
        if load_id is None:
            return Earlier()
        before = look.connection.execute(ranges_of(load_id)).all()
        spans = [Span(r.started_at, r.finished_at) for r in before]
        return Earlier(turnovers(spans)[0], last_jobs(look.connection, load_id))


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier load tells: seconds between partitions, and its last jobs."""

    turnovers: Sequence[float] = ()
    last: LastJobs = field(default_factory=LastJobs)


class _Look:
    """One look at one load, in one transaction."""

    def __init__(self, connection: Connection, row: Row[Any], keys: Sequence[str]) -> None:
        self.connection = connection
        self.row = row
        mine = set(keys)
        ranges = connection.execute(ranges_of(row.load_id)).all()
        self.ranges = {r.partition_key: r for r in ranges if r.partition_key in mine}
        lanes = connection.execute(lanes_of(row.load_id, row.now)).all()
        self._lanes = [lane for lane in lanes if lane.partition_key in mine]
        flights = connection.execute(flights_of(row.load_id)).all()
        self._flights = [flight for flight in flights if flight.partition_key in mine]

    def snapshot(self, to_come: Mapping[str, float | None], before: Earlier) -> Snapshot:
        seen = self._seen(to_come, before)
        lane_rows = Counter[int]()
        for lane in seen.lanes:
            lane_rows[lane.lane] += lane.waiting
        for flight in seen.flights:
            lane_rows[flight.lane] += flight.rows
        first = min((r.first_at for r in self._lanes if r.first_at is not None), default=None)
        return Snapshot(
            load_id=self.row.load_id,
            is_open=self.row.state == "open",
            at=self.row.now,
            lately_s=0.0 if first is None else min(LATELY_S, self.row.now - first),
            partitions=self._partitions(),
            rows=seen.rows_in_all(),
            lane_rows=+lane_rows,
            api_calls_left=self.connection.execute(
                sa.select(org_allowance.c.api_calls_left).where(
                    org_allowance.c.org_id == self.row.org_id
                )
            ).scalar(),
            time_left=seen.time_left(),
            checking=self._checking(),
        )

    def _checking(self) -> Sequence[str]:
        if any(r.phase != "done" for r in self.ranges.values()):
            return ()
        checked = self.connection.execute(
            sa.select(check_result.c.partition_key)
            .where(check_result.c.load_id == self.row.load_id)
            .distinct()
        ).scalars()
        return sorted(set(self.ranges) - set(checked))

    def _partitions(self) -> dict[str, PartitionProgress]:
        refused = self.connection.execute(
            sa.select(dead_letter.c.partition_key, sa.func.count().label("rows"))
            .where(dead_letter.c.load_id == self.row.load_id)
            .group_by(dead_letter.c.partition_key)
        )
        refused_rows: dict[str, int] = {row.partition_key: row.rows for row in refused}
        sums: dict[str, Counter[str]] = {key: Counter() for key in self.ranges}
        for row in self._lanes:
            sums[row.partition_key].update(
                {name: int(getattr(row, name)) for name in _COUNTS}  # PostgreSQL sums are decimals
            )
        return {
            key: PartitionProgress(
                selected=self.ranges[key].selected,
                landed=counts["landed"],
                refused=refused_rows.get(key, 0),
                locked=counts["locked"],
                retried=counts["retried"],
                in_flight=counts["in_flight"],
                done_lately=counts["done_lately"],
            )
            for key, counts in sums.items()
        }

    def _seen(self, to_come: Mapping[str, float | None], before: Earlier) -> SeenLoad:
        row = self.row
        read_at: dict[str, float] = {}
        for lane in self._lanes:
            if lane.read_at is not None:
                known = read_at.get(lane.partition_key, lane.read_at)
                read_at[lane.partition_key] = min(known, lane.read_at)
        last = last_jobs(self.connection, row.load_id)
        last = last if last.jobs else before.last
        return SeenLoad(
            now=row.now,
            rows=row.plan_rows if row.mode == "full" else None,
            planned_at=row.made_at or row.opened_at,
            window=self._window(),
            spec_partitions=_partitions_of(row.spec_json) or len(self.ranges) + len(to_come),
            ranges=[_seen_range(r, read_at.get(key)) for key, r in self.ranges.items()],
            to_come=list(to_come),
            starts_in_s={key: at_s for key, at_s in to_come.items() if at_s is not None},
            lanes=[_seen_lane(lane, row.now, last.rate) for lane in self._lanes],
            flights=[
                SeenFlight(f.partition_key, f.lane, f.rows, f.opening_at) for f in self._flights
            ],
            jobs=last.jobs,
            sent=sum(int(lane.sent) for lane in self._lanes),
            retried=sum(int(lane.retried) for lane in self._lanes),
            turnovers_before=before.turnovers,
        )

    def _window(self) -> int:
        window = self.row.window_jobs or WINDOW_DEFAULT
        cut_at = self.row.window_cut_at
        is_cut = cut_at is not None and self.row.now < cut_at + WINDOW_LOOKS_BACK_S
        return halved(window) if is_cut else window


_COUNTS = ("landed", "locked", "retried", "in_flight", "done_lately")


def _partitions_of(spec_json: str | None) -> int | None:
    """Return how many partitions the spec of a load has; None for a load of an older version."""
    if spec_json is None:
        return None
    return len(json.loads(spec_json)["partitions"]["upper_bounds"]) + 1


def _seen_range(row: Row[Any], read_at: float | None) -> SeenRange:
    is_done = row.phase == "done"
    return SeenRange(
        row.partition_key,
        began_at=row.started_at,
        selected=row.selected,
        read_at=read_at,
        ended_at=row.finished_at if is_done else None,
        is_held=not is_done and bool(row.leased) and not Owner.from_text(row.owner).is_known_dead(),
        paused_until=row.paused_until,
    )


def _seen_lane(row: Row[Any], now: float, rate: float) -> SeenLane:
    """Return a lane; a wait that began when its last batch ended passes at the rate of policy."""
    since = row.last_at or now
    ready_in_s = ((row.ready_at or since) - since) / rate - (now - since)
    return SeenLane(
        row.partition_key,
        row.lane,
        waiting=int(row.waiting),
        batches=int(row.batches),
        done=int(row.done),
        batch_rows=row.batch_rows,
        ready_in_s=max(0.0, ready_in_s),
    )
