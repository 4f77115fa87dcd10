"""When a run stops sending, and what it says then."""

from __future__ import annotations

import pytest

from dc_assets.core.circuit_breaker import Allowance, Breaker
from dc_assets.core.errors import BreakerOpened, BudgetReached, RunStopped
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets_tests.fakes.specs import small_spec


def breaker(**limits: float) -> Breaker:
    """Return the circuit breaker of a spec with some limits."""
    return Breaker(small_spec(limits=limits))


def ended(state: JobState, message: str = "") -> IngestJob:
    """Return a finished job."""
    return IngestJob("750000000000001AAA", state, error_message=message)


COMPLETE = ended(JobState.JOB_COMPLETE)
FAILED = ended(JobState.FAILED, "InternalServerError : oops")
ABORTED = ended(JobState.ABORTED)


def outcomes(of: Breaker, *jobs: IngestJob, landed: int = 0, refused: int = 0) -> list[bool]:
    """Tell of each job whether it stopped the run."""
    return [of.job_ended(job, landed=landed, refused=refused) is not None for job in jobs]


def test_five_failed_jobs_in_a_row_are_enough() -> None:
    """Aborted ones count alike."""
    assert outcomes(breaker(), *[FAILED, ABORTED] * 2, FAILED) == [False] * 4 + [True]


def test_jobs_that_are_gone_count_too() -> None:
    """Else an org that drops every result would be sent the same rows for ever."""
    of = breaker()
    assert outcomes(of, FAILED, FAILED) == [False, False]
    assert [of.job_gone() is not None for _ in range(3)] == [False, False, True]
    assert outcomes(of, COMPLETE) == [False]
    assert of.job_gone() is None


def test_a_complete_job_forgives_the_failed_ones_before() -> None:
    """Only a row of them says that the org is not well."""
    jobs = [*[FAILED] * 4, COMPLETE, *[FAILED] * 4]
    assert outcomes(breaker(), *jobs) == [False] * 9


@pytest.mark.parametrize("word", ["InvalidBatch", "ClientInputError"])
def test_a_job_that_can_never_work_is_enough(word: str) -> None:
    """Every job like it will fail."""
    [stop] = [breaker().job_ended(ended(JobState.FAILED, f"{word} : x"), landed=0, refused=0)]
    assert isinstance(stop, BreakerOpened)
    assert "dc-assets run things" in str(stop)


def test_a_used_up_quota_is_a_matter_of_budget() -> None:
    """The org is well, it takes no more today."""
    job = ended(JobState.FAILED, "ExceededQuota : ApiBatchItems Limit exceeded.")
    stop = breaker().job_ended(job, landed=0, refused=0)
    assert isinstance(stop, BudgetReached)
    assert "within 24 hours" in str(stop)


def test_the_share_of_refused_rows_counts_after_enough_rows() -> None:
    """A few bad rows at the beginning are no verdict; the message has the figures."""
    of = breaker(refused_share_max=0.1, refused_after_rows=100)
    assert of.job_ended(COMPLETE, landed=0, refused=99) is None
    assert of.job_ended(COMPLETE, landed=900, refused=0) is None
    stop = of.job_ended(COMPLETE, landed=0, refused=10)
    assert isinstance(stop, BreakerOpened)
    assert "109 of 1,009 rows of this run were refused" in str(stop)


@pytest.mark.parametrize(
    ("left", "named"),
    [
        (Allowance(api_calls_left=1_000), "1,000 API calls"),
        (Allowance(api_calls_left=9_999, daily_batches_left=200), "200 ingest batches"),
    ],
)
def test_an_allowance_down_to_its_reserve_stops_the_run(left: Allowance, named: str) -> None:
    """The reserve belongs to the others who work in the org."""
    stop = breaker().allowance(left, free_in_s=3_600.0)
    assert isinstance(stop, BudgetReached)
    assert named in str(stop)
    assert "comes free in 1 h 0 min" in str(stop)


@pytest.mark.parametrize("left", [Allowance(), Allowance(1_001, 201)])
def test_an_allowance_above_its_reserve_or_unknown_stops_nothing(left: Allowance) -> None:
    """An org that does not say what is left is not compared with us."""
    assert breaker().allowance(left, free_in_s=None) is None


def test_a_code_that_every_row_would_meet_names_itself() -> None:
    """The operator reads what to fix."""
    stop: RunStopped = breaker().code_seen("STORAGE_LIMIT_EXCEEDED", 200)
    assert "200 rows with STORAGE_LIMIT_EXCEEDED" in str(stop)
