"""What a partition is called: proved is said of one whose checks all passed, and of no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dc_assets.core.load_state import CheckResult, PartitionState, RowCounts
from dc_assets.core.standing import Verdict, Word, verdict_of, verdict_of_all, verdict_of_checks
from dc_assets.core.verdicts import CheckOutcome, Severity, not_asked

COUNTS, VALUES = "row_count_matches", "values_match"
NEEDED = (COUNTS, VALUES)


def outcome(check: str, severity: Severity, refused: int = 0) -> CheckOutcome:
    """Return what a check said."""
    return CheckOutcome(check, "r1-01", severity, "said", 0, refused=refused)


PASSED = [outcome(check, Severity.PASSED) for check in NEEDED]
SILENT = not_asked(VALUES, "r1-01", "the org is over a limit.", ask_again="")


def state(
    *outcomes: CheckOutcome, phase: str = "checked", refused: int = 0, checked_at: float = 20.0
) -> PartitionState:
    """Return a partition whose newest load ended at 10 and was checked at another moment."""
    checks = {one.check: CheckResult(one, checked_at) for one in outcomes}
    rows = RowCounts(selected=9, landed=9 - refused, refused_by_code={"CODE": refused})
    return PartitionState("r1-01", "load", "full", phase, rows, checks=checks, written_at=10.0)


@pytest.mark.parametrize(
    ("outcomes", "refused", "text"),
    [
        (PASSED, 0, "proved"),
        (PASSED, 2, "complete, 2 refused"),
        ([PASSED[0], outcome(VALUES, Severity.WARN, refused=3)], 0, "complete, 3 refused"),
        ([PASSED[0], outcome(VALUES, Severity.WARN)], 0, "complete, with warnings: values_match"),
        ([PASSED[0], outcome(VALUES, Severity.ERROR)], 2, "not proved: values_match"),
        ([PASSED[0], SILENT], 0, "not asked: values_match (the org is over a limit)"),
        ([outcome(COUNTS, Severity.ERROR), SILENT], 0, "not proved: row_count_matches"),
        (PASSED[:1], 0, "not checked: values_match"),
    ],
)
def test_a_partition_that_is_done_is_called_by_its_checks(
    outcomes: list[CheckOutcome], refused: int, text: str
) -> None:
    """The ledger's refused rows count too, whatever the checks saw of them."""
    assert verdict_of(state(*outcomes, refused=refused), NEEDED).text == text


def test_what_was_said_before_the_newest_load_does_not_count() -> None:
    """Neither a pass nor a failure of before is a verdict of now."""
    for said in (PASSED, [outcome(check, Severity.ERROR) for check in NEEDED]):
        verdict = verdict_of(state(*said, checked_at=9.0), NEEDED)
        assert (verdict.word, verdict.details) == (Word.NOT_CHECKED, NEEDED)


def test_what_was_taken_back_on_purpose_says_so_until_it_is_checked() -> None:
    """A cleanup or a restore is the reason why nothing is proved, not a forgotten check."""
    silent = state(*PASSED, checked_at=9.0)
    cleaned = replace(silent, finished_at=10.0, cleaned_at=15.0, cleaned_rows=3_500)
    said = "not checked: 3,500 records deleted by cleanup"
    assert verdict_of(cleaned, NEEDED).text == said
    assert verdict_of(replace(cleaned, finished_at=16.0), NEEDED).text != said
    restored = replace(silent, mode="restore", finished_at=10.0)
    assert verdict_of(restored, NEEDED).text == "not checked: restored at 1970-01-01 00:00 UTC"
    assert verdict_of(replace(restored, checks=state(*PASSED).checks), NEEDED).text == "proved"


def test_a_partition_that_is_not_done_is_unfinished() -> None:
    """Whatever its checks say: they have not seen all of it."""
    assert verdict_of(state(*PASSED, phase="sending"), NEEDED).text == "unfinished"
    assert verdict_of(None, NEEDED).text == "unfinished"


def test_the_worst_partition_names_the_load() -> None:
    """Refused rows add up; one partition that is not proved is not outvoted."""
    complete = [Verdict(Word.COMPLETE, 2), Verdict(Word.PROVED), Verdict(Word.COMPLETE, 1)]
    assert verdict_of_all(complete).text == "complete, 3 refused"
    failed = verdict_of_checks([outcome(COUNTS, Severity.ERROR)], NEEDED)
    assert verdict_of_all([*complete, failed]).text == "not proved: row_count_matches"
    assert verdict_of_all([]).word is Word.UNFINISHED
