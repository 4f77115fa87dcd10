"""Clients that wait for the end of a job before they send the next of its range; none retries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil

from benchmarks.simulate.outcome import Figures
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.jobs import SimulatedJob

SUBMIT_REQUESTS = 3
"""Create, upload, close."""

SUBMIT_S = 1.5
"""From the decision to send a job until it is closed."""

SUBMIT_APART_S = 0.3
"""The first jobs of all ranges are decided at once; each is closed so much later than another."""

LIMIT_S = 30 * 86_400.0
FILES_CLEAN = 1
FILES_DIRTY = 3
"""Files of results that are read of a job whose rows all landed, and of another."""


@dataclass(frozen=True, slots=True)
class SubmitAndWait:
    """Ranges of external ids with one job in flight each.

    Attributes:
        ranges: contiguous parts of the rows, written side by side.
        job_rows: rows of one job.
        is_sorted: whether the rows of a job stand in the order of their parents.
        poll_s: time between two looks at a job.
    """

    ranges: int
    job_rows: int = 10_000
    is_sorted: bool = False
    poll_s: float = 10.0


WAITING_POLICIES: Mapping[str, SubmitAndWait] = {
    "submit-and-wait": SubmitAndWait(ranges=5),
    "sorted": SubmitAndWait(ranges=20, is_sorted=True),
}


def run_submit_and_wait(org: SimulatedOrg, policy: SubmitAndWait) -> Figures:
    """Send all rows of an org's parents, job after job in each range; return what came of it."""
    client = _Client(org, policy)
    rows = len(org.parents)
    for number in range(policy.ranges):
        part = range(rows * number // policy.ranges, rows * (number + 1) // policy.ranges)
        org.call_at(SUBMIT_S + number * SUBMIT_APART_S, partial(client.send_next, part))
    org.run_until_idle(LIMIT_S)
    return client.figures


class _Client:
    """What is done in every range."""

    def __init__(self, org: SimulatedOrg, policy: SubmitAndWait) -> None:
        self.figures = Figures()
        self._org = org
        self._policy = policy

    def send_next(self, rest: range) -> None:
        """Close the next job of a range."""
        rows: Sequence[int] = rest[: self._policy.job_rows]
        if not rows:
            return
        if self._policy.is_sorted:
            rows = sorted(rows, key=self._org.parents.__getitem__)
        self.figures.jobs += 1
        self.figures.requests += SUBMIT_REQUESTS
        self._org.submit(rows, partial(self._ended, rest[self._policy.job_rows :]))

    def _ended(self, rest: range, job: SimulatedJob) -> None:
        """Count the polls up to the one that sees the end; continue from there."""
        polls = max(1, ceil((job.ended_s - job.closed_s) / self._policy.poll_s))
        is_clean = job.landed_rows == len(job.rows)
        self.figures.requests += polls + (FILES_CLEAN if is_clean else FILES_DIRTY)
        self.figures.landed_rows += job.landed_rows
        self.figures.first_pass_rows += job.landed_rows
        self.figures.ended_s = self._org.now_s
        seen_s = job.closed_s + polls * self._policy.poll_s
        self._org.call_at(seen_s + SUBMIT_S, partial(self.send_next, rest))
