"""The two tables of a batch, compared with a second copy written by hand."""

from __future__ import annotations

import pytest

from dc_assets.core.batch_states import (
    IN_FLIGHT,
    RESCUE,
    TRANSITIONS,
    BatchState,
    Rescue,
)

ALLOWED = {
    ("planned", "opening"),
    ("planned", "abandoned"),
    ("opening", "open"),
    ("opening", "abandoned"),
    ("open", "uploaded"),
    ("open", "abandoned"),
    ("uploaded", "settled"),
    ("uploaded", "abandoned"),
}
RESCUES = {
    "planned": Rescue.NOTHING,
    "opening": Rescue.RESEND,
    "open": Rescue.ASK,
    "uploaded": Rescue.FOLLOW,
    "settled": Rescue.NOTHING,
    "abandoned": Rescue.NOTHING,
}


@pytest.mark.parametrize("before", BatchState)
@pytest.mark.parametrize("after", BatchState)
def test_only_eight_steps_are_allowed(before: BatchState, after: BatchState) -> None:
    """Each pair of states is allowed or refused as the table written by hand says."""
    assert (after in TRANSITIONS[before]) == ((before.value, after.value) in ALLOWED)


def test_every_state_has_its_steps_and_its_rescue() -> None:
    """A new state cannot be forgotten in either table."""
    assert set(TRANSITIONS) == set(RESCUE) == set(BatchState)


@pytest.mark.parametrize("state", BatchState)
def test_each_state_has_one_rescue_rule(state: BatchState) -> None:
    """What a rescuer does with a batch follows from its state alone."""
    assert RESCUE[state] is RESCUES[state.value]


def test_exactly_the_states_in_flight_need_a_rescuer() -> None:
    """A batch that holds its lane is never left alone, and no other batch is touched."""
    assert {s for s, what in RESCUE.items() if what is not Rescue.NOTHING} == IN_FLIGHT


def test_an_uploaded_batch_is_followed() -> None:
    """The org owns the rows after the close: its rescuer asks for its job."""
    assert RESCUE[BatchState.UPLOADED] is Rescue.FOLLOW
