"""Every policy beside ours, in simulation and over HTTP; writes `docs/scoreboard.md`.

python -m benchmarks.scoreboard            # prints
python -m benchmarks.scoreboard --write    # and writes the document; about fifteen minutes
"""

# A paragraph of Markdown is one line:
# ruff: noqa: E501

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import click
from rich.console import Console

from benchmarks.lanes import CASES, Pair, measured
from benchmarks.simulate.outcome import SimulatedRun
from benchmarks.simulate.policies import POLICIES, simulate
from benchmarks.simulate.rows import parents_of
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.lanes import run_lanes
from dc_assets.simulation.org_model import OrgModel
from dc_assets.simulation.partition_run import REQUEST_S, Way
from dc_assets_tests.acceptance.fleet import FleetCase

DOCUMENT = Path(__file__).parents[1] / "docs" / "scoreboard.md"
ROWS = 2_000_000
SEEDS = (0, 1, 2)
OURS = "lanes"
ADDED_S = 0.3
SLOWER_MAX = 1.1


@dataclass(frozen=True)
class Scene:
    """The rows of a load, and what our policy must reach on them.

    Attributes:
        bars: by background: most times the bound, and most requests to Core (0: no bar).
    """

    name: str
    skew: str
    accounts: int
    bars: dict[str, tuple[float, int]]


SCENES = (
    Scene("Zipf 1.0", "zipf:1.0", 200_000, {"normal": (1.25, 3_500), "heavy": (1.6, 4_800)}),
    Scene("uniform", "uniform", 200_000, {"normal": (1.35, 0), "heavy": (1.85, 4_800)}),
    Scene("one 5 % account", "hot:0.05", 200_000, {"normal": (1.35, 0), "heavy": (1.85, 4_800)}),
    Scene(
        "like the earlier system's",
        "uniform",
        46_000,
        {"normal": (1.35, 0), "heavy": (1.85, 4_800)},
    ),
)
BACKGROUNDS = ("none", "normal", "heavy")

INTRO = """\
# Scoreboard

Every policy on the same rows. Written by `python -m benchmarks.scoreboard --write`; nothing here is typed by hand.

The org is a model, fitted to the four success rates of the system that dc_assets replaces and not measured on an org. `test3`, `test4`, `test7` and `test8` are that system's policies: jobs sent by the clock, cut by external id, and never looked at. `submit-and-wait` has one job in flight for each of five partitions. `sorted` has 20 in flight, sorted by parent. `lanes` is what dc_assets does.

*First pass*: rows that landed with their first attempt. *x bound*: the hours, over the least that the org can need. *Blocked*: saves of users that met a lock.
"""

SLOW_INTRO = """\
## Slow calls

`lanes` in simulation, 2,000,000 rows, no background: calls of 0.3 s, and of 0.6 s.

| parents | hours | hours with slow calls | more |
|---|---|---|---|"""

HTTP_INTRO = """\
## Lanes over HTTP

200,000 rows and 20,000 accounts: five real processes of `dc-assets run --local` on the emulated org `seed-org` at five times its pace, all rows read before the first job. The emulated org and the simulation have models of their own that share no code. Times are the org's own, from the first create to the last result file.

| parents | background | side | seconds | x bound | requests | jobs | met no lock | landed | jobs in flight | parent held twice |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def run_one(cell: tuple[Scene, str, str, int]) -> SimulatedRun:
    """Play one policy on one scene."""
    scene, background, policy, seed = cell
    return simulate(
        policy,
        rows=ROWS,
        accounts=scene.accounts,
        skew=scene.skew,
        background=background,
        seed=seed,
    )


def simulated_part(console: Console, processes: int) -> tuple[str, list[str]]:
    """Return the tables of all scenes, and the bars that were missed."""
    cells = [
        (scene, background, policy, seed)
        for scene, background, policy in product(SCENES, BACKGROUNDS, POLICIES)
        for seed in (SEEDS if policy == OURS else SEEDS[:1])
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        runs: dict[tuple[str, str, str], list[SimulatedRun]] = {}
        for cell, run in zip(cells, pool.map(run_one, cells), strict=True):
            scene, background, policy, seed = cell
            runs.setdefault((scene.name, background, policy), []).append(run)
            console.print(f"{scene.name}, {background}, {policy}, seed {seed}", highlight=False)
    text = [
        "## In simulation\n\n2,000,000 rows, five partitions. `lanes` with three seeds: its worst figures.\n"
    ]
    missed: list[str] = []
    for scene, background in product(SCENES, BACKGROUNDS):
        text.append(_scene_table(scene, background, runs))
        missed += _missed(scene, background, runs[scene.name, background, OURS])
    return "\n".join(text), missed


def _scene_table(
    scene: Scene, background: str, runs: dict[tuple[str, str, str], list[SimulatedRun]]
) -> str:
    bound = runs[scene.name, background, OURS][0].bound_hours
    lines = [
        (
            f"### {scene.name}, {scene.accounts:,} accounts, background {background} "
            f"(bound {bound:.2f} h)\n"
        ),
        "| policy | first pass % | landed % | hours | x bound | requests | jobs | blocked % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(policy, runs[scene.name, background, policy]) for policy in POLICIES]
    return "\n".join([*lines, ""])


def _line(policy: str, runs: Sequence[SimulatedRun]) -> str:
    """Return a line of the worst figures of some runs."""
    name = f"**{policy}**" if policy == OURS else policy
    return (
        f"| {name} | {min(r.first_pass_pct for r in runs):.2f} "
        f"| {min(r.final_pct for r in runs):.4f} | {max(r.hours for r in runs):.2f} "
        f"| {max(r.times_bound for r in runs):.2f} | {max(r.requests for r in runs):,} "
        f"| {max(r.jobs for r in runs):,} | {max(r.users_blocked_pct for r in runs):.1f} |"
    )


def _missed(scene: Scene, background: str, runs: Sequence[SimulatedRun]) -> Iterator[str]:
    times_max, requests_max = scene.bars.get(background, (0.0, 0))
    for run in runs:
        where = f"{scene.name}, {background}"
        if run.final_pct < 100:
            yield f"{where}: only {run.final_pct} % landed"
        if times_max and run.times_bound > times_max:
            yield f"{where}: {run.times_bound} x bound, the bar is {times_max}"
        if requests_max and run.requests > requests_max:
            yield f"{where}: {run.requests:,} requests, the bar is {requests_max:,}"


def slow_calls_part() -> tuple[str, list[str]]:
    """Return what 300 ms more for every call cost, and the bar if it was missed."""
    lines = [SLOW_INTRO]
    missed: list[str] = []
    for scene in SCENES[:2]:
        parents = parents_of(ROWS, scene.accounts, scene.skew, SEEDS[0])
        hours = [
            run_lanes(SimulatedOrg(OrgModel(), parents, SEEDS[0]), Way(request_s=s))
            for s in (REQUEST_S, REQUEST_S + ADDED_S)
        ]
        quick_s, slow_s = (figures.ended_s for figures in hours)
        lines.append(
            f"| {scene.name} | {quick_s / 3600:.3f} | {slow_s / 3600:.3f} "
            f"| {100 * (slow_s / quick_s - 1):+.1f} % |"
        )
        if slow_s > SLOWER_MAX * quick_s:
            missed.append(
                f"{scene.name}: {slow_s / quick_s:.3f} times slower by {ADDED_S} s a call"
            )
    return "\n".join([*lines, ""]), missed


def http_part(console: Console) -> tuple[str, list[str]]:
    """Return the table of loads over HTTP, and the bars that were missed."""
    lines: list[str] = []
    missed: list[str] = []
    for skew, background in CASES:
        console.print(f"over HTTP: {skew}, {background}", highlight=False)
        pair = measured(FleetCase(skew=skew, background=background))
        lines += _pair_lines(pair)
        missed += [f"{skew}, {background} over HTTP: {fault}" for fault in pair.faults()]
    return HTTP_INTRO + "\n".join([*lines, ""]), missed


def _pair_lines(pair: Pair) -> list[str]:
    case, real, simulated = pair.case, pair.real, pair.simulated
    duration, requests = pair.ratios
    first_pct = 100 * simulated.first_pass_rows / case.rows
    return [
        (
            f"| {case.skew} | {case.background} | HTTP | {real.seconds:.0f} "
            f"| {real.seconds / pair.bound_s:.2f} | {real.requests:,} | {real.jobs} "
            f"| {real.never_locked_pct:.2f} % | {100 * real.landed / case.rows:.4f} % "
            f"| {real.in_flight_max} | {real.held_twice} |"
        ),
        (
            f"| | | simulation | {simulated.ended_s:.0f} | {simulated.ended_s / pair.bound_s:.2f} "
            f"| {simulated.requests:,} | {simulated.jobs} | {first_pct:.2f} % "
            f"| {100 * simulated.landed_rows / case.rows:.4f} % "
            f"| {max(jobs for _, jobs in simulated.in_flight)} | |"
        ),
        f"| | | HTTP / simulation | {duration:.3f} | | {requests:.3f} | | | | | |",
    ]


@click.command()
@click.option("--write", is_flag=True, help="Write docs/scoreboard.md.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1))
def main(*, write: bool, processes: int) -> None:
    """Play and load everything; exit 1 when a bar is missed."""
    console = Console()
    over_http, missed_over_http = http_part(console)
    slow_calls, missed_slow = slow_calls_part()
    in_simulation, missed = simulated_part(console, processes)
    missed += [*missed_over_http, *missed_slow]
    verdict = [f"- missed: {one}" for one in missed] or ["Every bar of `lanes` was held."]
    document = "\n".join([INTRO, *verdict, "", over_http, slow_calls, in_simulation])
    if write:
        DOCUMENT.write_text(document, encoding="utf-8")
        console.print(f"Wrote {DOCUMENT}", highlight=False)
    else:
        console.print(document, highlight=False, markup=False)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
