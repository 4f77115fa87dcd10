"""What a fire-and-forget load makes of the org `seed-org`: `python -m benchmarks.seed_org`.

Four policies of the system that dc_assets replaces are run in virtual time, three seeds each:
2,000,000 rows over 46,000 parents, in five chains that submit a job every few seconds and never
look at a result. The model must show the success rates that were reported of them.
"""

from __future__ import annotations

import heapq
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from random import Random

import click

from dc_assets.emulator.org.engine import Engine
from dc_assets.emulator.org.settings import PRESETS
from dc_assets.emulator.org.work import Ended, JobWork

ROWS = 2_000_000
PARENTS = 46_000
CHAINS = 5
SEEDS = (1, 2, 3)
PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Policy:
    """Fire and forget: chains of jobs, one every `interval_s`, give or take a share of it.

    ``bar`` is the least and the most success at the first pass, in percent.
    """

    name: str
    job_rows: int
    interval_s: float
    jitter: float
    stagger_s: float
    bar: tuple[float, float]


POLICIES = (
    Policy("test3", 2000, 36.0, 0.2, 0.0, (15.0, 30.0)),
    Policy("test4", 500, 4.05, 0.227, 3600.0, (85.0, 93.0)),
    Policy("test7", 500, 4.05, 0.227, 3600.0, (85.0, 93.0)),
    Policy("test8", 500, 4.875, 0.157, 5400.0, (99.0, 100.0)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to."""

    policy: Policy
    seed: int
    first_pass: float
    hours: float
    cpu_s: float

    @property
    def is_met(self) -> bool:
        """Whether it lies within the bar."""
        least, most = self.policy.bar
        return least <= self.first_pass <= most


def submissions(policy: Policy, draw: Random) -> Iterator[tuple[float, int, int]]:
    """Moment and rows of each job, over all chains in the order of time."""
    size = ROWS // CHAINS
    chains = [
        (chain * policy.stagger_s + draw.random() * policy.interval_s, chain, chain * size)
        for chain in range(CHAINS)
    ]
    heapq.heapify(chains)
    while chains:
        at_s, chain, first = heapq.heappop(chains)
        stop = min(first + policy.job_rows, (chain + 1) * size)
        yield at_s, first, stop
        if stop < (chain + 1) * size:
            wait_s = policy.interval_s * (1 + policy.jitter * (2 * draw.random() - 1))
            heapq.heappush(chains, (at_s + wait_s, chain, stop))


def run(policy: Policy, seed: int) -> Outcome:
    """Run one policy to the end of its last job."""
    started_s = time.process_time()
    draw = Random(f"{policy.name}:{seed}")  # noqa: S311  no secret
    parents = [draw.randrange(PARENTS) for _ in range(ROWS)]
    engine = Engine(PRESETS["seed-org"])
    ends: list[Ended] = []
    for at_s, first, stop in submissions(policy, draw):
        ends += [report for report in engine.advance(at_s) if isinstance(report, Ended)]
        job = JobWork(str(first), parents[first:stop], 1, [(0, stop - first)])
        engine.submit(job, at_s)
    while (next_s := engine.next_event_s()) is not None:
        ends += [report for report in engine.advance(next_s) if isinstance(report, Ended)]
    done = sum(end.job.rows_ok for end in ends)
    hours = max(end.at_s for end in ends) / 3600
    return Outcome(policy, seed, 100 * done / ROWS, hours, time.process_time() - started_s)


def main() -> int:
    """Print a table and a verdict; 1 when a bar is missed."""
    cases = list(product(POLICIES, SEEDS))
    click.echo("policy  seed  first pass %   hours  CPU s  bar %")
    missed = 0
    with ProcessPoolExecutor(PROCESSES) as pool:
        for outcome in pool.map(run, *zip(*cases, strict=True)):
            least, most = outcome.policy.bar
            missed += not outcome.is_met
            click.echo(
                f"{outcome.policy.name:<7} {outcome.seed:>4}  {outcome.first_pass:>12.2f}  "
                f"{outcome.hours:>6.2f}  {outcome.cpu_s:>5.1f}  {least:g}-{most:g}"
                f"{'' if outcome.is_met else '  MISSED'}",
            )
    runs = len(cases)
    click.echo(f"{runs - missed} of {runs} runs are within their bar: {'no' if missed else 'ok'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
