"""Jobs and requests of a load of 2,000,000 rows in five partitions: `python -m benchmarks.jobs`.

Played in virtual time on the modelled org, by three seeds, without other people's work.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context

from benchmarks.figures import Bar, Figure, Study, save, table
from benchmarks.scoreboard import OURS, ROWS, SCENES, SEEDS, run_one
from benchmarks.simulate.outcome import SimulatedRun
from dc_assets.core.lanes import BATCH_ROWS_MAX

COMMAND = "python -m benchmarks.jobs"
JOBS_MAX, REQUESTS_MAX = 225, 2_400


def main(processes: int = 2) -> int:
    """Play, print and keep; 1 when a bar is missed."""
    cells = [(scene, "none", OURS, seed) for scene, seed in product(SCENES, SEEDS)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(run_one, cells))
    by_scene = {
        scene.name: runs[n * len(SEEDS) : (n + 1) * len(SEEDS)] for n, scene in enumerate(SCENES)
    }
    jobs, requests = studies(by_scene)
    save(jobs, requests)
    for study in (jobs, requests):
        print(f"{study.title}\n{table(study)}")  # noqa: T201
    return 0 if all(bar.is_held for study in (jobs, requests) for bar in study.bars) else 1


def studies(by_scene: dict[str, list[SimulatedRun]]) -> tuple[Study, Study]:
    """Return what was measured of jobs, and of requests."""
    least = Figure("full jobs alone", [ROWS / BATCH_ROWS_MAX])
    jobs = [Figure(name, [run.jobs for run in runs]) for name, runs in by_scene.items()]
    requests = [Figure(name, [run.requests for run in runs]) for name, runs in by_scene.items()]
    bound = max(run.times_bound for runs in by_scene.values() for run in runs)
    notes = (
        f"{ROWS:,} rows in five partitions, 16 jobs in flight; one job is one batch of the org.",
        f"The slowest of these loads takes {bound:.2f} times the least that the org can need.",
    )
    return (
        Study(
            *("jobs", "Jobs of 2 M rows", "jobs", COMMAND, [least, *jobs]),
            *([_bar("jobs", jobs, JOBS_MAX)], notes),
        ),
        Study(
            *("requests", "Requests of 2 M rows", "requests", COMMAND, requests),
            [_bar("requests", requests, REQUESTS_MAX)],
        ),
    )


def _bar(what: str, figures: Sequence[Figure], most: int) -> Bar:
    measured = max(max(one.values) for one in figures)
    return Bar(f"at most {most:,} {what}", f"{measured:,.0f} at most", measured <= most)


if __name__ == "__main__":
    sys.exit(main())
