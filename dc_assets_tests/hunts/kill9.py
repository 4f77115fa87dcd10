"""The kill hunt: SIGKILL the workers of many loads, and let the org's journal judge.

    python -m dc_assets_tests.hunts.kill9 --kills 100 --rows 20000

Each load has three `run --local` workers on one ledger. The org holds a call, the process that
made it is killed, the call continues without it, and a new worker takes the partition.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import click

from dc_assets.core.batch_states import BatchState
from dc_assets_tests.acceptance.stage import MANY_CALLS, Org, assert_nothing_lives, running_org
from dc_assets_tests.hunts.kill9_bars import Damage, damage_of, plant_foreign_job
from dc_assets_tests.hunts.kill9_crew import Crew, Flight, comes_true
from dc_assets_tests.hunts.kill9_schedule import HIT, Strike, schedule
from dc_assets_tests.hunts.kill9_stage import fresh_stage

PARTITIONS = 3
HELD_WITHIN_S = 30.0
SUCCESSOR_WITHIN_S = 15.0
LATE_S = 1.5
LOAD_ENDS_WITHIN_S = 240.0
RESCUE_CALLS = ("poll", "list", "create")
"""What a worker that takes over batches asks first, according to their state."""


@dataclass
class Tally:
    """What the hunt has done and found."""

    min_hits: int
    kills: int = 0
    loads: int = 0
    rescuers: int = 0
    hits: Counter[BatchState] = field(default_factory=Counter[BatchState])
    damage: Damage = field(default_factory=Damage)

    @property
    def failures(self) -> list[str]:
        """Every bar that does not hold; empty when all hold."""
        few = [state for state in HIT if self.hits[state] < self.min_hits]
        return self.damage.lines + [
            f"{state.value} was hit {self.hits[state]} times, not {self.min_hits}" for state in few
        ]

    def table(self) -> list[tuple[str, str]]:
        """The bars with their figures, for people."""
        hit = {state.value: str(self.hits[state]) for state in HIT}
        found = self.damage
        return [
            ("kills", f"{self.kills} in {self.loads} loads"),
            *((f"kills that hit {state}", f"{n} (>= {self.min_hits})") for state, n in hit.items()),
            ("kills of a worker that was rescuing", str(self.rescuers)),
            ("keys lost", str(len(found.lost))),
            ("keys in two jobs", str(len(found.twice))),
            ("commits that met a row of ours", str(len(found.updated))),
            ("jobs of ours Open", str(len(found.open_jobs))),
            ("lanes leased", str(len(found.leased))),
            ("foreign jobs touched", str(len(found.foreign))),
            ("workers or loads that ended badly", str(len(found.workers))),
        ]


class Hunt:
    """One hunt: loads as many as the kills need."""

    def __init__(
        self,
        org: Org,
        folder: Path,
        *,
        kills: int,
        rows: int,
        seed: int = 1,
        min_hits: int = 15,
        say: Callable[[str], None] = click.echo,
    ) -> None:
        self.tally = Tally(min_hits)
        self._org = org
        self._folder = folder
        self._kills = kills
        self._rows = rows
        self._seed = seed
        self._say = say
        self._chance = random.Random(seed)  # noqa: S311 - a choice of victims is no secret
        self._began_s = time.monotonic()

    def run(self) -> Tally:
        """Kill until the number is reached; the last load ends in peace. One bad load is enough."""
        strikes = _Ahead(schedule(self._seed))
        while self.tally.kills < self._kills and not self.tally.damage.lines:
            self.tally.loads += 1
            self.tally.damage.add(self._load(strikes))
        return self.tally

    def _load(self, strikes: _Ahead) -> Damage:
        number = self.tally.loads
        stage = fresh_stage(
            self._org,
            self._folder / f"load-{number:02d}",
            rows=self._rows,
            partitions=PARTITIONS,
            seed=self._seed * 1000 + number,
        )
        foreign = plant_foreign_job(stage)
        deadline_s = time.monotonic() + LOAD_ENDS_WITHIN_S
        with Crew(stage) as crew:
            while not crew.is_over and time.monotonic() < deadline_s:
                if self.tally.kills < self._kills and self._strike(crew, strikes.first):
                    strikes.next()
                    deadline_s = time.monotonic() + LOAD_ENDS_WITHIN_S
                crew.tend()
                Event().wait(0.05)
            damage = damage_of(stage, crew.ledger, foreign)
            damage.workers += crew.failures
            damage.workers += [f"{key} did not end in time" for key in crew.alive]
        self._say(f"load {self.tally.loads} ended: " + ("; ".join(damage.lines) or "all bars hold"))
        return damage

    def _strike(self, crew: Crew, strike: Strike) -> bool:
        """Strike once; False when the load ended before it could."""
        Event().wait(strike.moment_s)
        if strike.kind:
            self._org.tell("hold", kind=strike.kind, when=strike.when)
        reached = comes_true(
            lambda: crew.is_over or self._victims(crew, strike), within_s=HELD_WITHIN_S
        )
        victims = self._victims(crew, strike)
        if not victims and not reached:
            victims = self._chosen(crew, list(crew.alive), strike.workers)
        if not victims:
            self._org.tell("release")
            return False
        flights = self._kill(crew, victims, strike.text + ("" if reached else ", not reached"))
        if strike.late:
            self._restart(crew, victims)
            Event().wait(LATE_S)
        self._org.tell("release")
        orphans = {flight.batch_id for flight in flights}
        if strike.rescuer and orphans and self.tally.kills < self._kills:
            self._strike_the_rescuer(crew, victims, orphans)
        if not strike.late:
            self._restart(crew, victims)
        return True

    def _victims(self, crew: Crew, strike: Strike) -> list[str]:
        """Return the partitions whose workers stand where the strike wants them."""
        crew.tend()
        alive = list(crew.alive)
        if strike.kind is None:
            return self._chosen(crew, alive, strike.workers)
        if not self._org.waiting(strike.kind):
            return []
        pids = {flight.pid for flight in crew.ledger.flights() if flight.state is strike.wanted}
        standing = [key for key, pid in crew.alive.items() if pid in pids]
        if not standing:
            return []
        others = [key for key in alive if key not in standing]
        return [*self._shuffled(standing), *others][: self._at_once(strike.workers)]

    def _chosen(self, crew: Crew, keys: Sequence[str], number: int) -> list[str]:
        """Choose workers, those with batches in flight first."""
        busy = {flight.partition_key for flight in crew.flights(keys)}
        return sorted(self._shuffled(keys), key=lambda key: key not in busy)[
            : self._at_once(number)
        ]

    def _shuffled(self, keys: Sequence[str]) -> list[str]:
        return self._chance.sample(keys, len(keys))

    def _at_once(self, number: int) -> int:
        return min(number, self._kills - self.tally.kills)

    def _strike_the_rescuer(self, crew: Crew, victims: Sequence[str], orphans: set[str]) -> None:
        """Kill whoever took over batches of the dead, while the org holds what it asks about them.

        That is the successor, or a worker that was alive and had nothing else to do.
        """
        for kind in RESCUE_CALLS:
            self._org.tell("hold", kind=kind, when="before")
        self._restart(crew, victims)
        comes_true(lambda: _is_taken_over(crew, orphans), within_s=SUCCESSOR_WITHIN_S)
        rescuers = _rescuers(crew, orphans)[: self._at_once(1)]
        if rescuers:
            self.tally.rescuers += 1
            self._kill(crew, rescuers, "its rescuer")
        self._org.tell("release")
        self._restart(crew, rescuers)

    def _kill(self, crew: Crew, keys: Sequence[str], where: str) -> list[Flight]:
        flights = crew.kill(keys)
        states = Counter(flight.state for flight in flights)
        self.tally.hits.update(states.keys())
        self.tally.kills += len(keys)
        hit = ", ".join(f"{state.value} {states[state]}" for state in HIT if states[state])
        self._say(
            f"kill {self.tally.kills:>3}/{self._kills}  seed {self._seed}  load {self.tally.loads}"
            f"  {' + '.join(keys):<13}  {where:<24}  hit: {hit or 'nothing in flight':<32}"
            f"  {self._time_left()}"
        )
        return flights

    def _restart(self, crew: Crew, keys: Iterable[str]) -> None:
        for key in keys:
            if key not in crew.alive:
                crew.start(key)

    def _time_left(self) -> str:
        gone_s = time.monotonic() - self._began_s
        left_s = gone_s / self.tally.kills * (self._kills - self.tally.kills)
        return f"{gone_s:.0f} s gone, about {left_s:.0f} s left"


class _Ahead:
    """An iterator whose first element can be looked at; a strike that missed comes again."""

    def __init__(self, strikes: Iterator[Strike]) -> None:
        self._strikes = strikes
        self.first = next(strikes)

    def next(self) -> None:
        """Drop the first strike."""
        self.first = next(self._strikes)


def _rescuers(crew: Crew, orphans: set[str]) -> list[str]:
    """Return the partitions whose living workers drive batches that a dead worker left."""
    flights = crew.flights(crew.alive)
    return sorted({f.partition_key for f in flights if f.batch_id in orphans})


def _is_taken_over(crew: Crew, orphans: set[str]) -> bool:
    """Tell whether a living worker has the orphans, or nobody any more."""
    crew.tend()
    in_flight = {flight.batch_id for flight in crew.ledger.flights()}
    return bool(_rescuers(crew, orphans)) or not in_flight & orphans


@click.command()
@click.option("--kills", default=100, show_default=True, help="Processes to kill with SIGKILL.")
@click.option("--rows", default=20_000, show_default=True, help="Source rows of each load.")
@click.option("--seed", default=1, show_default=True, help="The same seed plans the same strikes.")
@click.option(
    "--min-hits", default=15, show_default=True, help="Kills that must hit each batch state."
)
def main(kills: int, rows: int, seed: int, min_hits: int) -> None:
    """Kill workers with SIGKILL and judge by the org's journal; exit 0 when all bars hold."""
    folder = Path(tempfile.mkdtemp(prefix="kill9-"))
    with running_org(folder, rows=0, options=MANY_CALLS) as org:
        tally = Hunt(org, folder, kills=kills, rows=rows, seed=seed, min_hits=min_hits).run()
    assert_nothing_lives(folder)
    for name, figure in tally.table():
        click.echo(f"{name:<38}{figure}")
    if tally.failures:
        click.echo("\n".join(["", *tally.failures, f"Ledgers and logs are kept in {folder}"]))
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
