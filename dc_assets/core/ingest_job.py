"""States of a Bulk API 2.0 ingest job as Salesforce names them.

Source: Bulk API 2.0 Developer Guide v66, "Get Job Info". `JobComplete` says nothing about rows:
`numberRecordsFailed` does, and a `Failed` job may have committed rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class JobState(Enum):
    """The six words that the `state` of a job can be."""

    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.OPEN: frozenset({JobState.UPLOAD_COMPLETE, JobState.ABORTED}),
    JobState.UPLOAD_COMPLETE: frozenset(
        {JobState.IN_PROGRESS, JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED}
    ),
    JobState.IN_PROGRESS: frozenset({JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED}),
    JobState.JOB_COMPLETE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.ABORTED: frozenset(),
}
assert set(TRANSITIONS) == set(JobState)
TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(frozen=True, slots=True)
class IngestJob:
    """What the org says of one ingest job.

    Attributes:
        job_id: 18 characters, starts with 750.
        active_s: seconds of work without the wait in the org's queue.
        total_s: seconds from the close to the end.
        ended_at_s: when the job took its last state, seconds since 1970 by the org's clock; 0 where
            the org does not say.
        error_message: set when the whole job failed.
    """

    job_id: str
    state: JobState
    failed_rows: int = 0
    active_s: float = 0.0
    total_s: float = 0.0
    error_message: str = ""
    ended_at_s: float = 0.0

    @property
    def is_terminal(self) -> bool:
        """Whether the org will change nothing more."""
        return self.state in TERMINAL
