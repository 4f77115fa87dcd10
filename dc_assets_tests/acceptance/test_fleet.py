"""Five processes share one window and the lanes of one load, by the org's own books."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets_tests.acceptance.fleet import FleetCase, load_all, staged

WINDOW = 6
ROWS = 6_000
PARENTS = 300


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.hunt])]
)
def case(request: pytest.FixtureRequest) -> FleetCase:
    """Give a load of uneven parents, with either ledger."""
    url = ""
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    return FleetCase(ROWS, PARENTS, time_scale=10.0, ledger_url=url)


@pytest.mark.acceptance
def test_five_processes_keep_lanes_and_window(folder: Path, case: FleetCase) -> None:
    """No lock failure, no parent in two running jobs, never more jobs than the window."""
    with staged(folder, case, window=WINDOW) as stage:
        figures = load_all(stage)
    assert figures.landed == ROWS
    assert figures.held_twice == 0
    assert figures.never_locked_pct == 100
    assert WINDOW / 2 < figures.in_flight_max <= WINDOW
