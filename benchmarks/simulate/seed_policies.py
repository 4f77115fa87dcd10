"""The earlier system: jobs sent by the clock, in the order of the external ids.

Nobody asks what became of a job. Its document gives rows a job and hours between the starts of the
chains; the times between two jobs are those that its durations allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.simulate.outcome import Figures
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.jobs import SimulatedJob

SUBMIT_REQUESTS = 3
"""Create, upload, close."""

LIMIT_S = 30 * 86_400.0

RETRY_REQUESTS = 3
"""To try rows again a client must see the end of the job once, and read two files of results."""

SEEN_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class FireAndForget:
    """Chains that each send a job, wait, and send the next.

    Attributes:
        job_rows: rows of one job.
        interval_s: time between two jobs of a chain, on average.
        jitter: share by which that time varies to both sides, evenly.
        stagger_s: time between the starts of two chains.
        chains: contiguous parts of the rows.
        row_ladder_s: waits before rows that failed on a lock are sent again. The earlier system had
            none: its retries were those of HTTP calls, and a locked row fails in no call.
    """

    job_rows: int
    interval_s: float
    jitter: float
    stagger_s: float = 0.0
    chains: int = 5
    row_ladder_s: tuple[float, ...] = ()


SEED_POLICIES: Mapping[str, FireAndForget] = {
    "test3": FireAndForget(job_rows=2_000, interval_s=36.0, jitter=0.2),
    "test4": FireAndForget(job_rows=500, interval_s=4.05, jitter=0.227, stagger_s=3_600.0),
    "test7": FireAndForget(job_rows=500, interval_s=4.05, jitter=0.227, stagger_s=3_600.0),
    "test8": FireAndForget(job_rows=500, interval_s=4.875, jitter=0.157, stagger_s=5_400.0),
}
"""Tests 4 and 7 are one policy: they differ in retries that no row could use."""


def run_fire_and_forget(org: SimulatedOrg, policy: FireAndForget) -> Figures:
    """Send all rows of an org's parents by the clock; return what came of it."""
    chains = _Chains(org, policy)
    rows = len(org.parents)
    for chain in range(policy.chains):
        start_s = chain * policy.stagger_s + org.chance.random() * policy.interval_s
        part = range(rows * chain // policy.chains, rows * (chain + 1) // policy.chains)
        org.call_at(start_s, partial(chains.send_next, part))
    org.run_until_idle(LIMIT_S)
    return chains.figures


class _Chains:
    """What all chains do and have done."""

    def __init__(self, org: SimulatedOrg, policy: FireAndForget) -> None:
        self.figures = Figures()
        self._org = org
        self._policy = policy

    def send_next(self, rest: range) -> None:
        """Send the next job of a chain and come back for the one after it."""
        rows, rest = rest[: self._policy.job_rows], rest[self._policy.job_rows :]
        if not rows:
            return
        self._send(rows, 1)
        spread = self._policy.jitter * (2 * self._org.chance.random() - 1)
        wait_s = self._policy.interval_s * (1 + spread)
        self._org.call_at(self._org.now_s + wait_s, partial(self.send_next, rest))

    def _send(self, rows: Sequence[int], attempt: int) -> None:
        self.figures.jobs += 1
        self.figures.requests += SUBMIT_REQUESTS + (
            RETRY_REQUESTS if self._policy.row_ladder_s else 0
        )
        self._org.submit(rows, partial(self._ended, attempt))

    def _ended(self, attempt: int, job: SimulatedJob) -> None:
        self.figures.landed_rows += job.landed_rows
        self.figures.ended_s = self._org.now_s
        if attempt == 1:
            self.figures.first_pass_rows += job.landed_rows
        again = job.failed + job.unprocessed
        if again and attempt <= len(self._policy.row_ladder_s):
            at_s = self._org.now_s + SEEN_AFTER_S + self._policy.row_ladder_s[attempt - 1]
            self._org.call_at(at_s, partial(self._send, again, attempt + 1))
