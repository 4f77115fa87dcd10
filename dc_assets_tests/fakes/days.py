"""Loads that take days, played in virtual time: one ledger, one org, a run a partition."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import DcError
from dc_assets.core.load_state import PartitionState
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.load_store import Lease, SqlLoadStore
from dc_assets.ledger.org_use import SqlOrgUse
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.partition import load_partition
from dc_assets.load.ports import Ports
from dc_assets.views.load_states import LoadStates
from dc_assets_tests.fakes.crash import Crash, CrashPoint, crashing
from dc_assets_tests.fakes.disk import SimSpool
from dc_assets_tests.fakes.org import FakeJob, FakeOrg
from dc_assets_tests.fakes.sim_ledger import BEGAN_S, SimDatabase
from dc_assets_tests.fakes.source import FakeSource
from dc_assets_tests.fakes.turns import TurnClock, Turns
from dc_assets_tests.fakes.world import dead_owner

DAY_S = 86_400.0
SLEEPS_S = 600.0
"""Whoever would wait for longer than a moment sleeps so long: a day has few looks then."""

LOOK_S = 1.5
LONG_LEASE = Lease(lease_s=90 * DAY_S, heartbeat_s=3_600.0)
"""Leases are none of the matter here: nobody falls silent, and the dead are known to be dead."""


class LongSleeper(TurnClock):
    """A clock of a machine that oversleeps."""

    def sleep(self, wait_s: float) -> None:
        """Sleep as long as asked for, or much longer."""
        super().sleep(wait_s if wait_s < LOOK_S else SLEEPS_S)


@dataclass(slots=True)
class SlowOrg(FakeOrg):
    """An org whose jobs take their time; it remembers what was handed over when.

    Attributes:
        job_s: seconds from the close of a job to its end.
        closes: moment and rows of each close.
        asked: moments at which the allowance was asked.
    """

    now_s: Callable[[], float] = field(default=lambda: 0.0)
    job_s: float = 0.0
    closes: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    asked: list[float] = field(default_factory=list[float])
    _closed_s: dict[str, float] = field(default_factory=dict[str, float])

    def close(self, job_id: str) -> None:
        """Begin to work on the rows of a job."""
        FakeOrg.close(self, job_id)
        self._closed_s[job_id] = self.now_s()
        self.closes.append((self.now_s(), len(self._jobs[job_id].rows)))

    def allowance(self) -> Allowance:
        """Tell what is left of the day."""
        self.asked.append(self.now_s())
        return FakeOrg.allowance(self)

    def _is_ready(self, job: FakeJob) -> bool:
        return self.now_s() >= self._closed_s[job.job_id] + self.job_s

    def most_in_a_day(self) -> tuple[int, int]:
        """Return the most rows and the most jobs that any 24 hours saw."""
        days = [
            [rows for then_s, rows in self.closes if at_s - DAY_S < then_s <= at_s]
            for at_s, _ in self.closes
        ]
        return max(map(sum, days)), max(map(len, days))


@dataclass(slots=True)
class Days:
    """A ledger, an org, a source and a spool in virtual days.

    Attributes:
        notes: what the runs told, with the moment.
        ends: how the last run of each partition ended; None is well.
    """

    folder: Path
    database: SimDatabase
    source: FakeSource
    spec: LoadSpec
    seed: int = 0
    io_threads: int = 1
    org: SlowOrg = field(default_factory=SlowOrg)
    notes: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    ends: dict[str, BaseException | None] = field(default_factory=dict[str, BaseException | None])
    turns: Turns = field(init=False)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.turns = Turns(Random(self.seed), steps_max=20_000)  # noqa: S311 - a seed gives the same numbers
        self.database.now_s = lambda: self.turns.now_s
        self.org.now_s = self.database.now_s

    def play(self, **bodies: Callable[[], None]) -> None:
        """Play runs of all partitions, and others beside or instead, until all have ended."""
        runs = {key: self.run_of(key) for key in self.spec.ranges}
        self.turns.play({**runs, **bodies})

    def run_of(self, key: str, point: CrashPoint | None = None) -> Callable[[], None]:
        """Return a run of one partition; with a point it dies when that goes down."""
        run_id = f"run-{next(self._ids)}"

        def body() -> None:
            ports = self._ports(key, dead_owner(run_id) if point else current_owner(run_id))
            try:
                load_partition(self.spec, key, crashing(ports, point) if point else ports)
                self.ends[key] = None
            except (DcError, Crash) as end:
                self.ends[key] = end

        return body

    def looks(self, name: str, every_s: float, look: Callable[[], bool]) -> Callable[[], None]:
        """Return somebody who looks now and then, until a look says that it is enough."""

        def body() -> None:
            self.turns.wait(name, every_s)
            while not look():
                self.turns.wait(name, every_s)

        return body

    def ranges(self) -> Mapping[str, PartitionState]:
        """Return how each partition stands now."""
        return LoadStates(self.database, self.spec.name, self.org.org_id).of_spec().newest

    def is_done(self) -> bool:
        """Tell whether every partition is done."""
        ranges = self.ranges()
        return len(ranges) == len(self.spec.ranges) and all(
            status.is_done for status in ranges.values()
        )

    @property
    def orders(self) -> StopOrders:
        """An operator's orders to stop."""
        return StopOrders(self.database, self.spec.name)

    def wall(self, at_s: float) -> datetime:
        """Return what clocks show in the zone of the spec."""
        return datetime.fromtimestamp(BEGAN_S + at_s, ZoneInfo(self.spec.time_zone))

    def landings(self) -> Counter[int]:
        """Count how many rows landed how often."""
        return Counter(self.org.landings[row["Key__c"] or ""] for row in self.source.rows)

    def _ports(self, key: str, owner: Owner) -> Ports:
        org_id = self.org.org_id
        return Ports(
            source=self.source,
            target=self.org,
            jobs=self.org,
            loads=SqlLoadStore(
                self.database, self.spec, org_id=org_id, owner=owner, lease=LONG_LEASE
            ),
            batches=SqlBatchStore(self.database, self.spec, org_id=org_id),
            use=SqlOrgUse(self.database, org_id, self.org.new_calls),
            spool=SimSpool(self.folder),
            clock=LongSleeper(self.turns, key),
            chance=lambda: 0.5,
            new_id=lambda: f"b{next(self._ids):05}",
            note=lambda event: self.notes.append((self.turns.now_s, str(event))),
            io_threads=self.io_threads,
        )
