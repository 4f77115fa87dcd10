"""A partition that other runs hold up says so, and who they are. In virtual time."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.load.held_up import ADOPTED, NO_SLOT
from dc_assets_tests.fakes.crash import NamedPoint
from dc_assets_tests.fakes.days import Days
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec

FIRST, SECOND = "r1-01", "r1-02"


@pytest.fixture
def load(tmp_path: Path) -> Generator[Days]:
    """Open a world of two partitions and one slot, whose jobs take most of an hour."""
    database = SimDatabase(tmp_path / "ledger.db")
    spec = small_spec(
        partitions={"scheme": 1, "upper_bounds": ["id0019"]},
        profile={"window": 1},
    )
    days = Days(tmp_path / "data", database, FakeSource(things(40, parents=1)), spec)
    days.org.job_s = 3_000.0
    yield days
    database.close()


def waits_told(load: Days) -> list[str]:
    """Return what was told of waits for other runs, in order."""
    return [note for _, note in load.notes if "s for other runs" in note]


def test_a_partition_without_a_slot_says_once_who_holds_it(load: Days) -> None:
    """And when it goes on."""
    load.play()
    assert load.is_done()
    held_up, freed = waits_told(load)
    waiting, holding = (FIRST, SECOND) if held_up.startswith(FIRST) else (SECOND, FIRST)
    assert held_up.startswith(f"{waiting}: has waited")
    assert f": {NO_SLOT} (in flight: things {holding}, run run-" in held_up
    assert held_up.endswith(", 1 batch)")
    assert freed.startswith(f"{waiting}: goes on after")


def test_a_partition_whose_batches_another_run_took_over_says_so(load: Days) -> None:
    """It has nothing to send, and waits for the end of them."""
    load.turns.play({FIRST: load.run_of(FIRST, NamedPoint("BatchStore.uploaded"))})
    again = load.run_of(FIRST)

    def later() -> None:
        load.turns.wait(FIRST, 10.0)  # the other run is the first to see the dead one
        again()

    load.play(**{FIRST: later})
    assert load.is_done()
    held_up, freed = (note for note in waits_told(load) if note.startswith(FIRST))
    assert f": {ADOPTED} (in flight: things {SECOND}, run run-" in held_up
    assert "goes on after" in freed
