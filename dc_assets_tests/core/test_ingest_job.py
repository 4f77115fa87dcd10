"""States of an ingest job."""

from __future__ import annotations

import pytest

from dc_assets.core.ingest_job import TERMINAL, TRANSITIONS, IngestJob, JobState


def test_three_states_are_terminal() -> None:
    """The org changes nothing after JobComplete, Failed or Aborted."""
    assert {state.value for state in TERMINAL} == {"JobComplete", "Failed", "Aborted"}


@pytest.mark.parametrize("state", JobState)
def test_a_job_is_terminal_exactly_when_nothing_follows(state: JobState) -> None:
    """The job says of itself what the table says of its state."""
    assert IngestJob("750", state).is_terminal == (not TRANSITIONS[state])


@pytest.mark.parametrize("state", [state for state in JobState if state not in TERMINAL])
def test_any_unfinished_job_can_be_aborted(state: JobState) -> None:
    """Aborted follows every state that is not terminal."""
    assert JobState.ABORTED in TRANSITIONS[state]


def test_a_closed_job_never_opens_again() -> None:
    """Nothing leads back to Open: an upload happens once."""
    assert all(JobState.OPEN not in following for following in TRANSITIONS.values())
