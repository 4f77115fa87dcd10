"""When a run stops sending, and what it says then."""

from __future__ import annotations

import pytest

from dc_assets.core.circuit_breaker import Allowance, Breaker, JobRows
from dc_assets.core.errors import BreakerOpened, BudgetReached, RunStopped
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.load_state import RowCounts
from dc_assets.core.remedies import FirstRefusal, remedy_of
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
    return [of.job_ended(job, JobRows(landed, 0, by_code(refused))) is not None for job in jobs]


def by_code(refused: int, code: str = "STRING_TOO_LONG") -> dict[str, int]:
    """Return refused rows of one code."""
    return {code: refused} if refused else {}


def rows(landed: int, refused: int, code: str = "STRING_TOO_LONG") -> JobRows:
    """Return what became of the rows of a job, with an example."""
    return JobRows(landed, 0, by_code(refused, code), FirstRefusal("id1", code, "Title__c"))


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
    [stop] = [breaker().job_ended(ended(JobState.FAILED, f"{word} : x"), JobRows())]
    assert isinstance(stop, BreakerOpened)
    assert "dc-assets run things" in str(stop)


def test_a_used_up_quota_is_a_matter_of_budget() -> None:
    """The org is well, it takes no more today."""
    job = ended(JobState.FAILED, "ExceededQuota : ApiBatchItems Limit exceeded.")
    stop = breaker().job_ended(job, JobRows())
    assert isinstance(stop, BudgetReached)
    assert "within 24 hours" in str(stop)


def test_the_share_of_refused_rows_counts_after_enough_rows() -> None:
    """A few bad rows at the beginning are no verdict; the message has the figures."""
    of = breaker(refused_share_max=0.1, refused_after_rows=100)
    assert of.job_ended(COMPLETE, rows(0, 99)) is None
    assert of.job_ended(COMPLETE, rows(900, 0)) is None
    stop = of.job_ended(COMPLETE, rows(0, 10))
    assert isinstance(stop, BreakerOpened)
    assert "109 of 1,009 rows of this load were refused" in str(stop)


def test_the_share_counts_over_the_load() -> None:
    """A run that begins where others were refused is stopped by its own first refused rows."""
    limits = small_spec(limits={"refused_after_rows": 1_000})
    before = RowCounts(landed=500, refused_by_code=by_code(490))
    assert Breaker(limits).job_ended(COMPLETE, rows(0, 10)) is None
    stop = Breaker(limits, before).job_ended(COMPLETE, rows(0, 10))
    assert "500 of 1,000 rows of this load were refused" in str(stop)


def test_a_run_after_the_cause_is_fixed_goes_on() -> None:
    """Its own rows land, so what was refused before does not stop it again."""
    before = RowCounts(refused_by_code=by_code(9_000))
    of = Breaker(small_spec(), before)
    assert of.job_ended(COMPLETE, rows(200, 0)) is None
    assert of.job_ended(COMPLETE, rows(200, 10)) is None


@pytest.mark.parametrize(("jobs", "of_each"), [(3, 1), (1, 500)])
def test_first_jobs_that_are_refused_wholly_by_one_code_are_enough(jobs: int, of_each: int) -> None:
    """The stop says code, field, an example and what to do."""
    of = breaker()
    stops = [of.job_ended(COMPLETE, rows(0, of_each)) for _ in range(jobs)]
    assert stops[:-1] == [None] * (jobs - 1)
    said = str(stops[-1])
    assert "all refused with STRING_TOO_LONG at Title__c, such as id1." in said
    assert "Shorten the text, or lengthen the field in the org. No more rows are sent." in said


@pytest.mark.parametrize(
    "ended_jobs",
    [
        [rows(1, 0), rows(0, 1), rows(0, 1), rows(0, 1)],
        [rows(0, 1), rows(0, 1, "OTHER"), rows(0, 1), rows(0, 1)],
        [JobRows(0, 1, by_code(1), FirstRefusal("id1", "STRING_TOO_LONG"))] * 4,
    ],
)
def test_first_jobs_that_are_not_refused_wholly_by_one_code_stop_nothing(
    ended_jobs: list[JobRows],
) -> None:
    """A row that landed, another code, or rows that are sent again say that not all is lost."""
    of = breaker()
    assert [of.job_ended(COMPLETE, one) for one in ended_jobs] == [None] * 4


def test_a_partial_load_may_begin_with_rows_that_are_refused_again() -> None:
    """It is about rows of which some were refused before: the others are still sent."""
    of = Breaker(small_spec(), is_partial=True)
    assert [of.job_ended(COMPLETE, rows(0, 200)) for _ in range(4)] == [None] * 4


def test_rows_that_were_never_sent_are_no_refusals() -> None:
    """A blank id says nothing of what the org will make of the others."""
    of = Breaker(small_spec(), RowCounts(refused_by_code={"MISSING_ARGUMENT": 900}))
    assert of.job_ended(COMPLETE, rows(0, 1)) is None


def test_a_code_that_the_table_of_remedies_lacks_names_where_to_look() -> None:
    """No advice is guessed."""
    stop = breaker().job_ended(COMPLETE, rows(0, 500, "BRAND_NEW"))
    assert "Look at `dc-assets replay things --list`. No more rows are sent." in str(stop)


def test_a_missing_parent_is_told_from_a_missing_field() -> None:
    """Both have the code INVALID_FIELD; the message decides."""
    message = "Foreign key external ID: acc1 not found for field External_ID__c in entity Account"
    assert "load them first" in remedy_of(FirstRefusal("id1", "INVALID_FIELD", "", message))
    assert "target of the column" in remedy_of(FirstRefusal("id1", "INVALID_FIELD", "", "No such"))


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
