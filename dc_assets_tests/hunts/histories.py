"""Seeded histories: runs that crash, freeze, fight and continue in virtual time.

``python -m dc_assets_tests.hunts.histories --seed 1234 --trace`` replays one, step by step.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import cast

from dc_assets.core.errors import DcError
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.org_use import SqlOrgUse
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.partition import load_partition
from dc_assets.load.ports import IngestJobs, Ports, Source, Spool
from dc_assets.load.store import BatchStore, LoadStore, OrgUse
from dc_assets.views.load_states import LoadStates
from dc_assets_tests.fakes.crash import Crash, CrashingPort, CrashingSource
from dc_assets_tests.fakes.disk import SimSpool
from dc_assets_tests.fakes.sim_ledger import SimDatabase, SimLoadStore
from dc_assets_tests.fakes.turns import TurnClock, Turns
from dc_assets_tests.hunts.checkers import Checkers
from dc_assets_tests.hunts.fate import Fate, Trace
from dc_assets_tests.hunts.scenario import Scenario, scenario_of
from dc_assets_tests.hunts.storm import Storm, StormyOrg, StormySource

STEPS_MAX = 60_000
TRIES_MAX = 6
"""Runs of one daemon while the storm lasts."""

CLEAN_RUNS_MAX = 2
"""Runs of a partition after the last trouble; the first one may have to wait for a lease."""

CLEAN_S_MAX = 4 * 3600.0
LEASE_ENDS_S = 35.0


@dataclass(slots=True)
class Told:
    """How a history went.

    Attributes:
        ends: how its runs ended.
        met: the troubles that came.
    """

    digest: str
    seconds: float
    steps: int
    ends: Counter[str]
    met: Counter[str]


@dataclass(slots=True)
class History:
    """One seed's runs on one ledger."""

    scenario: Scenario
    database: SimDatabase
    folder: Path
    is_lenient: bool = False
    trace: Trace = field(default_factory=Trace)
    ends: Counter[str] = field(default_factory=Counter[str])
    _ids: itertools.count[int] = field(default_factory=itertools.count)
    _runs: itertools.count[int] = field(default_factory=itertools.count)
    turns: Turns = field(init=False)
    storm: Storm = field(init=False)
    org: StormyOrg = field(init=False)
    source: StormySource = field(init=False)
    checkers: Checkers = field(init=False)
    _loads: int = 0

    def __post_init__(self) -> None:
        scenario = self.scenario
        chance = Random(f"storm {scenario.seed}")  # noqa: S311 - a seed gives the same numbers
        self.trace.folder = self.folder
        self.turns = Turns(chance, steps_max=STEPS_MAX)
        self.storm = Storm(scenario, self.turns, chance)
        self.org = StormyOrg(
            locked=scenario.locked,
            untouched=scenario.untouched,
            refused=scenario.refused,
            org_id=f"00D{scenario.seed:015}",
            storm=self.storm,
        )
        self.source = StormySource(scenario.rows, page_rows=scenario.page_rows, storm=self.storm)
        self.database.now_s = lambda: self.turns.now_s
        spool = SimSpool(self.folder)
        self.checkers = Checkers(scenario, self.database, spool, self.org, self.source)

    def play(self) -> Told:
        """Play the storm, then let clean runs end what it left."""
        bodies = {name: self._daemon(name, key) for name, key in self.scenario.daemons.items()}
        if self.scenario.has_operator:
            bodies["op"] = self._operate
        self.turns.play(bodies)
        self.turns.rest(max(0.0, self.scenario.storm_s - self.turns.now_s) + LEASE_ENDS_S)
        self._orders.go_on()
        self._clean_up()
        self.checkers.end()
        met = Counter({name: n for name, n in self.storm.met.items() if n})
        return Told(self.trace.digest, self.turns.now_s, self.turns.steps, self.ends, met)

    def _clean_up(self) -> None:
        began_s = self.turns.now_s
        left = self._left()
        for number, key in itertools.product(range(CLEAN_RUNS_MAX), self.scenario.spec.ranges):
            if key in left:
                self.turns.play({f"c{number}{key[-1]}": self._once(f"c{number}{key[-1]}", key)})
                left = self._left()
        assert not left, f"clean runs did not complete {left}"
        took_s = self.turns.now_s - began_s
        assert took_s < CLEAN_S_MAX, f"the clean runs took {took_s:.0f} s"

    def _daemon(self, name: str, key: str) -> Callable[[], None]:
        """Run a partition again and again while the storm lasts and it is not done."""

        def body() -> None:
            chance = self.storm.chance
            self.turns.wait(name, 10.0 * chance.random())
            for _ in range(TRIES_MAX):
                if not self.storm.is_on or key not in self._left():
                    return
                self._run(name, key)
                self.turns.wait(name, chance.choice([0.1, 10.0, 35.0]))

        return body

    def _once(self, name: str, key: str) -> Callable[[], None]:
        return lambda: self._run(name, key)

    def _operate(self) -> None:
        """Order a stop, and take it back."""
        chance = self.storm.chance
        self.turns.wait("op", self.scenario.storm_s * chance.random() / 2)
        self.trace.add(self.turns.now_s, "op", f"stops {len(self._orders.stop())} loads")
        self.turns.wait("op", chance.choice([2.0, 60.0]))
        self.trace.add(self.turns.now_s, "op", f"continues: {self._orders.go_on()}")

    @property
    def _use(self) -> SqlOrgUse:
        return SqlOrgUse(self.database, self.org.org_id, self.org.new_calls)

    @property
    def _orders(self) -> StopOrders:
        return StopOrders(self.database, self.scenario.spec.name)

    def _left(self) -> list[str]:
        """Return the partitions that are not done yet, as the product sees it."""
        states = LoadStates(self.database, self.scenario.spec.name, self.org.org_id)
        newest = states.of_spec().newest
        done = {key for key, state in newest.items() if state.is_done}
        return [key for key in self.scenario.spec.ranges if key not in done]

    def _run(self, actor: str, key: str) -> None:
        """Run a partition once, and look at everything afterwards."""
        fate = Fate(actor, self.storm, self.trace)
        owner = current_owner(f"{actor}-{next(self._runs)}")
        self.trace.add(self.turns.now_s, actor, f"begins a run of {key}")
        spec = self.scenario.spec
        loads = SimLoadStore(
            self.database,
            spec,
            org_id=self.org.org_id,
            owner=owner,
            turns=self.turns,
            actor=actor,
            is_dead=lambda: fate.is_down,
        )
        try:
            loaded = load_partition(spec, key, self._ports(fate, loads))
            end = f"ends well: {loaded.totals.landed} landed, {loaded.totals.refused} refused"
            self.ends["well"] += 1
        except Crash:
            end = "is dead"
            self.ends["dead"] += 1
            if self.storm.chance.random() < 0.6:
                self.database.declare_dead(owner)
                end = "is known to be dead"
        except DcError as error:
            end = f"ends with {type(error).__name__}: {_without_ids(error)}"
            self.ends[type(error).__name__] += 1
        except Exception as error:
            if not (self.is_lenient and fate.has_frozen):
                raise
            fate.is_down = True
            end = f"BREAKS with {type(error).__name__}"
            self.ends["fault of a frozen run"] += 1
        self.trace.add(self.turns.now_s, actor, end)
        if not self.turns.is_over:
            self.checkers.look()

    def _ports(self, fate: Fate, loads: SimLoadStore) -> Ports:
        actor, org_id = fate.actor, self.org.org_id
        store = SqlBatchStore(self.database, self.scenario.spec, org_id=org_id, run_id=actor)
        return Ports(
            source=cast("Source", CrashingSource(self.source, "Source", fate)),
            target=self.org,
            jobs=cast("IngestJobs", CrashingPort(self.org, "IngestJobs", fate)),
            loads=cast("LoadStore", CrashingPort(loads, "LoadStore", fate)),
            batches=cast("BatchStore", CrashingPort(store, "BatchStore", fate)),
            use=cast("OrgUse", CrashingPort(self._use, "OrgUse", fate)),
            spool=cast("Spool", CrashingPort(SimSpool(self.folder), "Spool", fate)),
            clock=TurnClock(self.turns, actor),
            chance=self.storm.chance.random,
            new_id=lambda: f"b{next(self._ids):05}",
            note=lambda event: self.trace.add(self.turns.now_s, actor, f"# {_without_ids(event)}"),
            io_threads=1,
        )


def _without_ids(line: object) -> str:
    """Leave out what differs between two plays of one seed: ids of loads, and our process."""
    return re.sub(r"\b[0-9a-f]{8,32}\b|\(process .*?\)", "...", str(line))[:160]


def play(
    seed: int,
    database: SimDatabase,
    folder: Path,
    trace: Trace | None = None,
    *,
    is_lenient: bool = False,
) -> Told:
    """Play the history of one seed on an emptied ledger."""
    database.empty()
    place = folder / str(seed)
    try:
        return History(scenario_of(seed), database, place, is_lenient, trace or Trace()).play()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def replay_command(seed: int) -> str:
    """Return the command that replays a seed."""
    return f"python -m dc_assets_tests.hunts.histories --seed {seed} --trace"


def main() -> int:
    """Replay seeds and print how they went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds, one after another")
    parser.add_argument("--trace", action="store_true", help="print every step")
    parser.add_argument("--lenient", action="store_true", help="let frozen runs break")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        database = SimDatabase(Path(folder) / "ledger.db")
        for seed in range(options.seed, options.seed + options.count):
            trace = Trace()
            try:
                told = str(play(seed, database, Path(folder), trace, is_lenient=options.lenient))
            except Exception as error:  # noqa: BLE001 - any failure is a find
                failed += 1
                told = f"FAILED {type(error).__name__}: {error}"
            if options.trace:
                sys.stdout.write("\n".join([*trace.lines, ""]))
            sys.stdout.write(f"seed {seed}: {told}\n")
        database.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
