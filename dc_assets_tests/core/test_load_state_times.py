"""Times that the clock of the ledger made impossible."""

from __future__ import annotations

import pytest

from dc_assets.core.load_state import PartitionState


@pytest.mark.parametrize(
    ("started_at", "finished_at", "seen_at", "seconds"),
    [(100.0, None, 40.0, 0.0), (100.0, 40.0, 50.0, 0.0), (100.0, 130.0, 0.0, 30.0)],
)
def test_no_time_is_negative(
    started_at: float, finished_at: float | None, seen_at: float, seconds: float
) -> None:
    """A clock that was set back while a partition was loaded makes its time 0, not less."""
    state = PartitionState(
        "r1-01", "load", "full", started_at=started_at, finished_at=finished_at, seen_at=seen_at
    )
    assert state.seconds == seconds
