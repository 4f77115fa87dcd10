"""Which partitions `run --failed-only` loads, why, and in which mode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dc_assets.core.attention import NeedsAttention, needs_attention, proof_of
from dc_assets.core.load_state import CheckResult, PartitionState, RowCounts, SpecState
from dc_assets.core.verdicts import CheckOutcome, Severity

KEY = "r1-01"
NEEDED = ("row_count_matches", "nothing_pending")
LOAD, LATER = "1111aaaa22", "3333bbbb44"
DONE_AT, BEFORE, AFTER = 100.0, 50.0, 150.0


def word(
    check: str, severity: Severity = Severity.PASSED, at: float = AFTER
) -> dict[str, CheckResult]:
    """Return what a check said last."""
    outcome = CheckOutcome(check, "r1-01", severity, "12 missing", 12)
    return {check: CheckResult(outcome, at)}


GOOD = word(NEEDED[0]) | word(NEEDED[1])
WARNED = GOOD | word(NEEDED[0], Severity.WARN)
FAILED = GOOD | word(NEEDED[0], Severity.ERROR)
STALE = word(NEEDED[0], at=BEFORE) | word(NEEDED[1], at=BEFORE)
FAILED_BEFORE = STALE | word(NEEDED[0], Severity.ERROR, at=BEFORE)
HALF_STALE = GOOD | word(NEEDED[0], at=BEFORE)


def standing(
    newest: PartitionState | None,
    checks: dict[str, CheckResult] | None = None,
    *,
    unfinished: str = "",
    phase_there: str | None = None,
    is_held: bool = False,
) -> SpecState:
    """Return a partition whose newest load ended before the checks looked."""
    here = None
    if newest is not None:
        written_at = DONE_AT if newest.is_done else 0.0
        here = replace(newest, is_held=is_held, written_at=written_at, checks=checks or {})
    there: dict[str, PartitionState] = {}
    if unfinished and phase_there not in {"sent", "checked"}:
        is_same = here is not None and here.load_id == unfinished
        phase = phase_there or "new"
        there[KEY] = here if here and is_same else PartitionState(KEY, unfinished, "full", phase)
    return SpecState({} if here is None else {KEY: here}, there)


def judged(state: SpecState) -> NeedsAttention | None:
    """Return why the partition needs attention."""
    return needs_attention(state, KEY, NEEDED)


def done(mode: str = "full", load_id: str = LOAD) -> PartitionState:
    """Return a partition that is done in a load."""
    return PartitionState(KEY, load_id, mode, "checked", RowCounts(selected=40, landed=40))


def writing(mode: str = "full", load_id: str = LOAD) -> PartitionState:
    """Return a partition that has rows without an outcome."""
    return PartitionState(KEY, load_id, mode, "sending", RowCounts(selected=40, landed=33))


NOT_DONE = f"load {LOAD[:8]} is not done: 7 of 40 rows have no outcome"

NOT_GOOD = {
    "never loaded": (standing(None), "full", "it was never loaded"),
    "pending": (standing(writing(), unfinished=LOAD, phase_there="sending"), "full", NOT_DONE),
    "reading": (
        standing(
            PartitionState(KEY, LOAD, "full", "reading"), unfinished=LOAD, phase_there="reading"
        ),
        "full",
        f"load {LOAD[:8]} is not done",
    ),
    "given up": (standing(writing(), GOOD), "full", NOT_DONE),
    "not begun, though good before": (
        standing(done(), GOOD, unfinished=LATER),
        "full",
        f"not begun in the unfinished load {LATER[:8]}",
    ),
    "not begun, and failed before": (
        standing(done(), FAILED, unfinished=LATER),
        "full",
        f"not begun in the unfinished load {LATER[:8]}",
    ),
    "an older full load is not done": (
        standing(done("changed", LATER), GOOD, unfinished=LOAD, phase_there="sending"),
        "full",
        f"load {LOAD[:8]} is not done",
    ),
    "changed rows pending": (standing(writing("changed"), GOOD), "changed", NOT_DONE),
    "missing rows pending": (standing(writing("missing"), GOOD), "missing", NOT_DONE),
    "a replay was killed": (standing(writing("replay"), GOOD), "replay", NOT_DONE),
    "a canary was killed": (standing(writing("canary"), GOOD), "changed", NOT_DONE),
    "only a canary": (standing(done("canary")), "changed", "never checked"),
    "a check failed": (
        standing(done(), FAILED),
        "changed",
        "row_count_matches failed: 12 missing",
    ),
    "a check failed, and the load continues elsewhere": (
        standing(done(), FAILED, unfinished=LOAD, phase_there="sent"),
        "changed",
        "row_count_matches failed: 12 missing",
    ),
    "never checked": (standing(done()), "changed", "never checked"),
    "one check is new": (
        standing(done(), word(NEEDED[0])),
        "changed",
        "never checked: nothing_pending",
    ),
    "not checked since": (standing(done(), STALE), "changed", "not checked since its newest load"),
    "one not checked since": (
        standing(done(), HALF_STALE),
        "changed",
        "not checked since its newest load: row_count_matches",
    ),
    "running": (standing(writing(), is_held=True), "", "a run is working on it"),
}


@pytest.mark.parametrize("case", NOT_GOOD)
def test_what_is_not_good_has_a_reason_and_a_mode(case: str) -> None:
    """What was begun is resumed; what is done is compared, which sends what differs."""
    state, mode, reason = NOT_GOOD[case]
    found = judged(state)
    assert found is not None
    assert (found.mode, list(found.reasons)) == (mode, [reason])


@pytest.mark.parametrize(
    "good",
    [
        standing(done(), GOOD),
        standing(done(), WARNED),
        standing(done("changed", LATER), GOOD),
        standing(done(), GOOD, unfinished=LOAD, phase_there="sent"),
        standing(done(), GOOD | word("of_an_older_spec", Severity.ERROR)),
    ],
)
def test_done_and_agreed_by_every_check_is_good(good: SpecState) -> None:
    """Refused rows warn and are no failure; a check that the spec no longer has does not count."""
    assert judged(good) is None
    assert proof_of(good.newest[KEY], NEEDED).is_whole


def test_a_load_on_its_way_is_not_proved_by_the_checks_of_the_one_before() -> None:
    """Their words are of other rows, whatever they were."""
    assert not proof_of(standing(writing(), GOOD).newest[KEY], NEEDED).is_whole


def test_a_failure_that_is_older_than_the_newest_load_says_so() -> None:
    """It is the latest result still, but of rows that were written over."""
    found = judged(standing(done(), FAILED_BEFORE))
    assert found is not None
    assert list(found.reasons) == [
        "row_count_matches failed: 12 missing",
        "not checked since its newest load",
    ]


@pytest.mark.parametrize(
    ("case", "resume"),
    [
        ("never loaded", True),
        ("pending", True),
        ("a replay was killed", True),
        ("a check failed", False),
        ("missing rows pending", False),
    ],
)
def test_only_partial_loads_that_compare_begin_anew(case: str, *, resume: bool) -> None:
    """A full load is never begun beside an unfinished one, so partitions keep what they have."""
    found = judged(NOT_GOOD[case][0])
    assert found is not None
    assert found.resume is resume


@pytest.mark.parametrize("checks", [STALE, FAILED])
def test_what_was_taken_back_on_purpose_is_left_alone(checks: dict[str, CheckResult]) -> None:
    """Neither a restore nor a cleanup is undone by a command that names neither."""
    for newest in (
        replace(done("restore"), finished_at=DONE_AT),
        replace(done(), finished_at=DONE_AT, cleaned_at=DONE_AT + 1.0, cleaned_rows=7),
    ):
        found = judged(standing(newest, checks))
        assert found is not None
        assert found.mode == ""
        assert "run --changed brings the source over again" in found.reasons[0]


def test_an_unfinished_restore_is_left_to_its_command() -> None:
    """To load the partition again would undo what is being taken back."""
    restoring = PartitionState(KEY, LOAD, "restore", "sending", RowCounts(selected=9, landed=5))
    found = judged(standing(restoring))
    assert found is not None
    assert found.mode == ""
    assert "dc-assets restore goes on with it" in found.reasons[0]
