"""Kills workers at random in an org whose users and integrations lock parents all the time.

    python -m dc_assets_tests.hunts.kill9_locks --kills 40

Some parents have roll-ups: their locks are met inside triggers and flows. Rows are tried again, so
batches are merged and planned anew while their workers die. The org's own books judge: no key lost,
none committed by two jobs, no parent held by two running jobs, never more jobs than the window.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

import click

from dc_assets_tests.acceptance.fleet import FleetCase, staged
from dc_assets_tests.acceptance.stage import Stage, short_folder
from dc_assets_tests.hunts.kill9_crew import Crew

WINDOW = 8
BATCH_ROWS_MAX = 1_000
ROLL_UP_SHARE = 0.2
"""Of the parents: their locks are told in the words of a trigger or a flow."""
WAIT_S = (0.5, 3.0)
END_WITHIN_S = 600.0


@dataclass
class LockHunt:
    """What was done and found.

    Attributes:
        hits: kills by the state of the batches that were in flight.
        locked_rows: rows that met a lock, by the ledger.
        abandoned: batches that were merged, cut or sent anew.
    """

    kills: int = 0
    hits: Counter[str] = field(default_factory=Counter[str])
    faults: list[str] = field(default_factory=list[str])
    locked_rows: int = 0
    abandoned: int = 0


def hunt(*, kills: int, rows: int, seed: int) -> LockHunt:
    """Load and kill; the load ends in peace."""
    case = FleetCase(rows, rows // 20, background="heavy", time_scale=20.0)
    told = LockHunt()
    with short_folder() as folder, staged(folder, case, window=WINDOW) as stage:
        _with_small_batches(stage)
        stage.org.tell("org", roll_up_share=ROLL_UP_SHARE)
        with Crew(stage) as crew:
            _kill(crew, told, kills, random.Random(seed))  # noqa: S311 - no secret
            _wait_for_the_end(crew)
            told.faults += crew.failures
        told.faults += [*_faults(stage), *_given_up(crew)]
        rows_of = crew.ledger.rows
        told.locked_rows = int(rows_of("SELECT sum(locked) FROM batch")[0][0] or 0)
        told.abandoned = int(rows_of("SELECT count(*) FROM batch WHERE state = 'abandoned'")[0][0])
    return told


def _with_small_batches(stage: Stage) -> None:
    """Let each lane have several batches, so that there is something to merge."""
    file = stage.folder / "loads" / "opportunities.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace(
            "profile:\n",
            f"profile:\n  exclusive_user: true\n  batch_rows_max: {BATCH_ROWS_MAX}\n",
        ),
        encoding="utf-8",
    )


def _kill(crew: Crew, told: LockHunt, kills: int, chance: random.Random) -> None:
    while told.kills < kills and not crew.is_over:
        Event().wait(chance.uniform(*WAIT_S))
        crew.tend()
        if not crew.alive:
            continue
        victim = chance.choice(sorted(crew.alive))
        told.hits.update(flight.state.value for flight in crew.kill([victim]))
        told.kills += 1
        crew.start(victim)


def _wait_for_the_end(crew: Crew) -> None:
    deadline_s = time.monotonic() + END_WITHIN_S
    while not crew.is_over:
        assert time.monotonic() < deadline_s, "the load does not end"
        Event().wait(0.2)
        crew.tend()


def _given_up(crew: Crew) -> Iterator[str]:
    for code, rows in crew.ledger.rows("SELECT code, count(*) FROM dead_letter GROUP BY code"):
        yield f"{rows} rows were given up: {code}"


def _faults(stage: Stage) -> Iterator[str]:
    org = stage.org
    lost = set(stage.ids) - set(org.core_ids())
    if lost:
        yield f"{len(lost)} keys are lost"
    if twice := org.keys_of_two_jobs():
        yield f"{len(twice)} keys were committed by two jobs"
    if held := org.ask("parents")["held_twice"]:
        yield f"{held} times a parent was held by two running jobs"
    if (most := org.ask("jobs")["in_flight_max"]) > WINDOW:
        yield f"{most} jobs were in flight, the window is {WINDOW}"
    left = [job["id"] for job in org.ask("jobs")["jobs"] if job["state"] == "Open"]
    if left:
        yield f"{len(left)} jobs are left Open"


@click.command()
@click.option("--kills", default=40, show_default=True, type=click.IntRange(1))
@click.option("--rows", default=120_000, show_default=True, type=click.IntRange(1_000))
@click.option("--seed", default=1, show_default=True)
def main(*, kills: int, rows: int, seed: int) -> None:
    """Kill, and print what the org's books say; exit 1 when something is wrong."""
    told = hunt(kills=kills, rows=rows, seed=seed)
    click.echo(f"{told.kills} kills; in flight then: {dict(told.hits)}")
    click.echo(
        f"{told.locked_rows:,} rows met a lock, {told.abandoned:,} batches were planned anew"
    )
    for fault in told.faults:
        click.echo(f"MISSED: {fault}")
    click.echo(f"{len(told.faults)} faults")
    sys.exit(1 if told.faults else 0)


if __name__ == "__main__":
    main()
