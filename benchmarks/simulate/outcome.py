"""What came of a simulated load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

KEYS = (
    "policy",
    "skew",
    "background",
    "rows",
    "first_pass_pct",
    "final_pct",
    "hours",
    "times_bound",
    "requests",
    "jobs",
    "users_blocked_pct",
)
"""What a machine is told of each run, in this order."""


@dataclass(slots=True)
class Figures:
    """What a policy did and reached, added up while it runs.

    Attributes:
        requests: HTTP calls of the client.
        jobs: ingest jobs that were closed.
        first_pass_rows: rows that landed with their first attempt.
        landed_rows: rows that landed at all.
        ended_s: when the org ended the last job, or the client had seen it; the load began at 0.
    """

    requests: int = 0
    jobs: int = 0
    first_pass_rows: int = 0
    landed_rows: int = 0
    ended_s: float = 0.0


@dataclass(frozen=True)
class SimulatedRun:
    """One policy on one set of rows.

    Attributes:
        first_pass_pct: rows that landed with their first attempt.
        final_pct: rows that landed at all.
        hours: virtual time from the start to the end of the last job.
        times_bound: the hours, as a multiple of the least time the org can need.
        requests: HTTP calls of the client.
        users_blocked_pct: saves of users that met a lock, ours or another's.
        lock_failures: chunks that failed on a lock.
    """

    policy: str
    skew: str
    background: str
    rows: int
    first_pass_pct: float
    final_pct: float
    hours: float
    times_bound: float
    requests: int
    jobs: int
    users_blocked_pct: float
    bound_hours: float
    lock_failures: int

    def as_json(self) -> Mapping[str, object]:
        """Return what a machine is told: the figures of `KEYS`."""
        everything = asdict(self)
        return {key: everything[key] for key in KEYS}
