"""When a run stops sending: too many failures, or too little of the org's allowance left.

Counts are of one run. A run after the cause is fixed begins at zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from dc_assets.core.errors import BreakerOpened, BudgetReached, RunStopped
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.spec import LoadSpec

HOPELESS_MESSAGES = ("InvalidBatch", "ClientInputError")
"""Beginnings of a job's errorMessage that say: every job like this one will fail."""

QUOTA_MESSAGES = ("ExceededQuota",)
"""Beginnings that say: the org takes no more batches today (Bulk API 2.0 Developer Guide v66)."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the org lets everybody do in the rest of its rolling day; None where it does not say."""

    api_calls_left: int | None = None
    daily_batches_left: int | None = None


def met_quota(job: IngestJob) -> bool:
    """Tell whether a job failed because the day's batches are used up."""
    return job.state is JobState.FAILED and job.error_message.startswith(QUOTA_MESSAGES)


class Breaker:
    """Counts what one run sees, and says when it has to stop."""

    def __init__(self, spec: LoadSpec) -> None:
        self._limits = spec.limits
        self._again = f"Run `dc-assets run {spec.name}` to resume where it stopped."
        self._failed_jobs = 0
        self._landed = 0
        self._refused = 0

    def job_ended(self, job: IngestJob, *, landed: int, refused: int) -> RunStopped | None:
        """Count one settled job; return the reason to stop, if it is one."""
        self._landed += landed
        self._refused += refused
        complete = job.state is JobState.JOB_COMPLETE
        self._failed_jobs = 0 if complete else self._failed_jobs + 1
        if met_quota(job):
            return BudgetReached(
                f"Salesforce ended job {job.job_id}: {job.error_message} The day's batches are "
                f"used up; they come free within 24 hours. {self._again}"
            )
        hopeless = job.state is JobState.FAILED and job.error_message.startswith(HOPELESS_MESSAGES)
        if hopeless or self._failed_jobs >= self._limits.failed_jobs_max:
            in_a_row = f"{self._failed_jobs} jobs in a row; " if not hopeless else ""
            return BreakerOpened(
                f"Salesforce ended job {job.job_id} as {job.state.value} ({in_a_row}"
                f"{job.error_message or 'no reason given'}). No more rows are sent. "
                f"Fix the cause, then: {self._again}"
            )
        return self._too_many_refused()

    def job_gone(self) -> RunStopped | None:
        """Count a job of which the org says nothing any more; its rows are sent again.

        An org that always drops results would have the same rows sent for ever.
        """
        self._failed_jobs += 1
        if self._failed_jobs < self._limits.failed_jobs_max:
            return None
        return BreakerOpened(
            f"The org drops jobs before their results are read ({self._failed_jobs} jobs in a row "
            f"that failed or are gone). No more rows are sent. {self._again}"
        )

    def _too_many_refused(self) -> RunStopped | None:
        settled = self._landed + self._refused
        share = self._refused / max(1, settled)
        if settled < self._limits.refused_after_rows or share <= self._limits.refused_share_max:
            return None
        return BreakerOpened(
            f"{self._refused:,} of {settled:,} rows of this run were refused, more than "
            f"limits.refused_share_max ({self._limits.refused_share_max:.0%}). No more rows are "
            f"sent. Look at `dc-assets replay --list`, fix the cause, then: {self._again}"
        )

    def code_seen(self, code: str, rows: int) -> RunStopped:
        """Return the stop for a row code after which every row would be refused alike."""
        return BreakerOpened(
            f"Salesforce refused {rows:,} rows with {code}, which every further row would meet. "
            f"They stay pending. Fix the cause, then: {self._again}"
        )

    def allowance(self, left: Allowance, *, free_in_s: float | None) -> RunStopped | None:
        """Return the reason to stop when one of the daily allowances is down to its reserve.

        ``free_in_s`` is when the oldest of our batches of the last day stops counting.
        """
        for what, rest, reserve, setting in (
            ("API calls", left.api_calls_left, self._limits.api_calls_reserve, "api_calls_reserve"),
            (
                "ingest batches",
                left.daily_batches_left,
                self._limits.daily_batches_reserve,
                "daily_batches_reserve",
            ),
        ):
            if rest is not None and rest <= reserve:
                return BudgetReached(
                    f"The org has {rest:,} {what} of its day left, and limits.{setting} keeps "
                    f"{reserve:,} for others. The day is a rolling 24 hours: "
                    f"{free_again(free_in_s)}. {self._again}"
                )
        return None


def free_again(free_in_s: float | None) -> str:
    """Say when the allowance grows again.

    >>> free_again(8_100.0)
    'the first of our own comes free in 2 h 15 min'
    """
    if free_in_s is None:
        return "what others use comes free within 24 hours"
    minutes = max(1, round(free_in_s / 60))
    return f"the first of our own comes free in {minutes // 60} h {minutes % 60} min"
