"""When a run stops sending: too many failures, or too little of the org's allowance left.

Failed jobs count in one run. Refused rows count over the load, so that many short runs are stopped
like a long one; a run after the cause is fixed goes on, because its own rows land.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dc_assets.core.errors import BreakerOpened, BudgetReached, RunStopped
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.load_state import RowCounts
from dc_assets.core.remedies import FirstRefusal, remedy_of
from dc_assets.core.row_outcomes import NEVER_SENT
from dc_assets.core.spec import LoadSpec

HOPELESS_MESSAGES = ("InvalidBatch", "ClientInputError")
"""Beginnings of a job's errorMessage that say: every job like this one will fail."""

QUOTA_MESSAGES = ("ExceededQuota",)
"""Beginnings that say: the org takes no more batches today (Bulk API 2.0 Developer Guide v66)."""

FIRST_JOBS = 3
FIRST_ROWS = 500
"""When the first rows of a load are refused wholly by one code, so many jobs or rows are enough.

Until the first row fares otherwise, one job at a time is sent, of so many rows, where more wait.
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the org lets everybody do in the rest of its rolling day; None where it does not say."""

    api_calls_left: int | None = None
    daily_batches_left: int | None = None


def met_quota(job: IngestJob) -> bool:
    """Tell whether a job failed because the day's batches are used up."""
    return job.state is JobState.FAILED and job.error_message.startswith(QUOTA_MESSAGES)


@dataclass(frozen=True, slots=True)
class JobRows:
    """What became of the rows of one settled job.

    Attributes:
        again: rows that are sent once more.
        example: the first refused row.
    """

    landed: int = 0
    again: int = 0
    refused_by_code: Mapping[str, int] = field(default_factory=dict[str, int])
    example: FirstRefusal | None = None

    @property
    def refused(self) -> int:
        """Rows that were refused for good."""
        return sum(self.refused_by_code.values())


class Breaker:
    """Counts what one run sees, and says when it has to stop.

    ``before`` is what earlier runs reached in the load. A partial load sends rows again that were
    refused before: that they are refused alike is no news, so its first jobs are not judged.
    """

    def __init__(
        self, spec: LoadSpec, before: RowCounts | None = None, *, is_partial: bool = False
    ) -> None:
        before = before or RowCounts()
        by_code = {c: n for c, n in before.refused_by_code.items() if c not in NEVER_SENT}
        self._limits = spec.limits
        self._name = spec.name
        self._again = f"Run `dc-assets run {spec.name}` to resume where it stopped."
        self._failed_jobs = 0
        self._before = RowCounts(landed=before.landed, refused_by_code=by_code)
        self._landed = 0
        self._refused: Counter[str] = Counter()
        self._is_first = not is_partial and before.landed == 0
        self._jobs = 0
        self._whole_jobs = 0

    def is_scouting(self, rows_left: int) -> bool:
        """Tell whether few rows are sent at a time: nobody knows yet if the org takes any."""
        return self._is_first and self._jobs == self._whole_jobs and rows_left > FIRST_ROWS

    def job_ended(
        self, job: IngestJob, rows: JobRows, *, rows_waiting: float = math.inf
    ) -> RunStopped | None:
        """Count one settled job; return the reason to stop, if it is one.

        ``rows_waiting`` are in no job: where fewer than were refused, a stop would save nothing.
        """
        self._jobs += 1
        self._landed += rows.landed
        self._refused.update(rows.refused_by_code)
        self._whole_jobs += bool(rows.refused and not rows.landed and not rows.again)
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
        if rows.example is None:
            return None
        first = self._first_rows_refused(rows.example, rows_waiting)
        return first or self._too_many_refused(rows.example)

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

    @property
    def _of_load(self) -> Counter[str]:
        """Refused rows of the load by code, those of this run included."""
        return Counter(self._before.refused_by_code) + self._refused

    def _first_rows_refused(self, example: FirstRefusal, rows_waiting: float) -> RunStopped | None:
        """Return the stop for a load whose first jobs are refused wholly by one code."""
        refused = self._of_load
        is_enough = refused.total() >= FIRST_ROWS or (
            self._whole_jobs >= FIRST_JOBS and rows_waiting > refused.total()
        )
        if not (self._is_first and is_enough) or self._landed or len(refused) > 1:
            return None
        return BreakerOpened(
            f"The first {refused.total():,} rows were all refused with {example.said}, such as "
            f"{example.external_id}. {self._what_to_do(example)}"
        )

    def _too_many_refused(self, example: FirstRefusal) -> RunStopped | None:
        refused = self._of_load
        settled = self._before.landed + self._landed + refused.total()
        of_run = self._refused.total() / max(1, self._landed + self._refused.total())
        share = min(of_run, refused.total() / max(1, settled))
        if settled < self._limits.refused_after_rows or share <= self._limits.refused_share_max:
            return None
        return BreakerOpened(
            f"{refused.total():,} of {settled:,} rows of this load were refused, more than "
            f"limits.refused_share_max ({self._limits.refused_share_max:.0%}), the last ones with "
            f"{example.said}, such as {example.external_id}. {self._what_to_do(example)}"
        )

    def _what_to_do(self, example: FirstRefusal) -> str:
        remedy = remedy_of(example) or f"Look at `dc-assets replay {self._name} --list`."
        return (
            f"{remedy} No more rows are sent. When the cause is fixed: {self._again} Then "
            f"`dc-assets replay {self._name}` sends the refused rows."
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
