"""How long a run bears calls without a usable answer."""

from __future__ import annotations

import pytest

from dc_assets.core.errors import (
    AuthExpired,
    HostSilent,
    LimitReached,
    RejectedRequest,
    TooManyAtOnce,
    TransientRemoteError,
    UnsettledJob,
)
from dc_assets.core.outage_policy import DOUBTS_MAX, OutagePolicy
from dc_assets_tests.fakes.specs import small_spec

LOST = TransientRemoteError("the answer was lost")
MIDDLE = 0.5
"""The random number that leaves a wait as it is."""


def outage_policy() -> OutagePolicy:
    """Return the patience of a run that begins at second 0."""
    return OutagePolicy(small_spec(), now_s=0.0)


def after_ladder() -> TransientRemoteError:
    """Return the error of a call that was repeated up to the last rung."""
    error = TransientRemoteError("six times lost")
    error.after_ladder = True
    return error


def test_a_lost_answer_is_asked_for_after_the_rungs() -> None:
    """The batch of a lost POST asks soon; only after the last rung does it rest."""
    run = outage_policy()
    waits = [run.wait_s(LOST, doubts=n, now_s=0.0, unit=MIDDLE) for n in range(1, 7)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 60.0]


def test_a_used_up_ladder_makes_the_batch_rest() -> None:
    """A minute costs no attempt, and more calls would only make it worse."""
    assert outage_policy().wait_s(after_ladder(), doubts=1, now_s=0.0, unit=MIDDLE) == 60.0


def test_a_day_that_is_used_up_stops_the_run_at_once() -> None:
    """No wait of a run brings its calls or jobs back; the sentence is the limit's own."""
    day = LimitReached("the org takes no more API calls now")
    assert outage_policy().reason_to_stop(day, doubts=1, now_s=0.0) is day


def test_what_the_server_asks_for_wins() -> None:
    """Retry-After is taken as it is."""
    error = TransientRemoteError("429", retry_after_s=7.0)
    assert outage_policy().wait_s(error, doubts=1, now_s=0.0, unit=0.0) == 7.0


def test_no_new_job_is_begun_while_answers_get_lost() -> None:
    """The pause grows with each loss in a row, and a good answer ends it."""
    run = outage_policy()
    for _ in range(3):
        run.wait_s(LOST, doubts=1, now_s=100.0, unit=MIDDLE)
    assert run.pause_until_s == 102.0
    run.replayed(100.0)
    run.wait_s(LOST, doubts=1, now_s=100.0, unit=MIDDLE)
    assert run.pause_until_s == 100.5


@pytest.mark.parametrize("error", [LOST, TooManyAtOnce("403"), AuthExpired("401")])
def test_ten_minutes_without_a_good_answer_end_the_run(error: TransientRemoteError) -> None:
    """Whatever the answers were; the sentence names the last one and the command."""
    run = outage_policy()
    assert run.reason_to_stop(error, doubts=1, now_s=599.0) is None
    run.replayed(599.0)
    assert run.reason_to_stop(error, doubts=1, now_s=1_198.0) is None
    stop = run.reason_to_stop(error, doubts=1, now_s=1_199.0)
    assert isinstance(stop, HostSilent)
    assert "for 10 minutes" in str(stop)
    assert "dc-assets run things" in str(stop)


def test_a_clear_no_stops_at_once_and_is_an_answer() -> None:
    """The same call would never work; but the host speaks."""
    run = outage_policy()
    no = RejectedRequest("no", code="INVALIDJOB", status=400)
    assert run.reason_to_stop(no, doubts=1, now_s=599.0) is no
    assert run.reason_to_stop(LOST, doubts=1, now_s=700.0) is None


def test_a_job_that_somebody_moved_is_asked_about() -> None:
    """It is no fault of ours, unless it does not end."""
    run = outage_policy()
    moved = RejectedRequest("the job is Aborted", code="INVALIDJOBSTATE", status=400)
    assert run.reason_to_stop(moved, doubts=DOUBTS_MAX, now_s=0.0) is None
    assert run.reason_to_stop(moved, doubts=DOUBTS_MAX + 1, now_s=0.0) is moved


def test_holes_in_result_files_are_borne_for_a_while() -> None:
    """They are read again, and at last the run says what is wrong."""
    run = outage_policy()
    hole = UnsettledJob("2 rows are unnamed")
    assert run.reason_to_stop(hole, doubts=DOUBTS_MAX, now_s=0.0) is None
    assert run.reason_to_stop(hole, doubts=DOUBTS_MAX + 1, now_s=0.0) is hole
