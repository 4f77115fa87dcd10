"""The first job of a load is small and alone: few rows meet what befalls them all."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.circuit_breaker import FIRST_JOBS, FIRST_ROWS
from dc_assets.core.errors import BreakerOpened
from dc_assets.core.schedule import Schedule
from dc_assets.load.extract import extract
from dc_assets.load.plan import agreed_plan
from dc_assets.load.ports import RangeRun
from dc_assets.load.regroup import regroup
from dc_assets.load.send_queue import SendQueue
from dc_assets.load.store import RESUMED
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, small_world

ROWS = 4_000
READ_ONLY = "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Title__c:Title__c --"


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of so many rows that each of 16 lanes has hundreds."""
    with small_world(tmp_path, FakeSource(things(ROWS, parents=97), page_rows=ROWS)) as opened:
        opened.org.polls = 1
        yield opened


def refuse_all(world: World) -> None:
    """Let the org refuse each row alike."""
    world.org.refused = {str(row["Key__c"]): READ_ONLY for row in world.source.rows}


@pytest.mark.parametrize("parents", [1, 97])
def test_a_load_whose_every_row_is_refused_stops_after_a_few_hundred(
    world: World, parents: int
) -> None:
    """One job at a time was sent, cut off from a bigger one; the sentence names the remedy."""
    world.source.rows = things(ROWS, parents=parents)
    refuse_all(world)
    with pytest.raises(BreakerOpened) as stopped:
        world.run()
    sizes = [len(job.rows) for job in world.org.jobs]
    assert max(sizes) <= FIRST_ROWS <= sum(sizes) < 2 * FIRST_ROWS
    assert world.org.most_in_flight == 1
    assert f"The first {sum(sizes)} rows were all refused" in str(stopped.value)
    assert "INVALID_FIELD_FOR_INSERT_UPDATE at Title__c" in str(stopped.value)
    assert "No more rows are sent." in str(stopped.value)


def test_small_jobs_go_one_after_another_until_it_is_known(world: World) -> None:
    """Where batches are smaller still, the third one that is refused wholly ends the run."""
    world.spec = small_spec(profile={"batch_rows_max": 20})
    refuse_all(world)
    with pytest.raises(BreakerOpened):
        world.run()
    assert len(world.org.jobs) == FIRST_JOBS
    assert world.org.most_in_flight == 1


def test_asking_in_vain_cuts_each_lane_once(world: World) -> None:
    """Another load may hold the slots for long: its batches must not fall to pieces meanwhile."""
    ports = world.ports()
    load_id = ports.loads.join_load("r1-01", RESUMED)
    ticket = ports.loads.take_range(load_id, "r1-01")
    run = RangeRun(world.spec, ticket, agreed_plan(world.spec, load_id, ports), ports)
    world.source.rows = things(ROWS, parents=3)
    regroup(run, selected=extract(run))
    schedule = Schedule(run.known_speed())
    queue = SendQueue(run, schedule)
    for batch in ports.batches.unsettled(ticket):
        queue.add(batch)
    lanes = len(schedule.waiting)
    asked = [queue.scouts(ports.clock.now_s()) for _ in range(20)]
    assert len(schedule.waiting) == 2 * lanes
    assert all(schedule.waiting[one].rows == FIRST_ROWS for one in asked[-1])
    assert len(asked[-1]) == lanes


def test_a_load_goes_on_with_all_jobs_at_once_when_its_first_row_landed(world: World) -> None:
    """Nothing is sent twice, and what was cut off costs one job."""
    world.run()
    assert len(world.org.rows) == ROWS
    assert set(world.org.landings.values()) == {1}
    assert world.org.most_in_flight > 2
    assert len(world.org.jobs) <= 16 + 1


def test_a_small_load_is_sent_at_once(world: World) -> None:
    """Where so few rows wait nothing is held back: each of them has its outcome in the end."""
    world.source.rows = things(FIRST_ROWS, parents=97)
    refuse_all(world)
    loaded = world.run()
    assert (loaded.totals.refused, loaded.totals.pending) == (FIRST_ROWS, 0)


def test_a_first_job_that_meets_locks_holds_nothing_back(world: World) -> None:
    """Rows that are sent again say nothing about the others."""
    world.org.locked.update({str(row["Key__c"]): 1 for row in world.source.rows})
    world.run()
    assert len(world.org.rows) == ROWS
    assert world.org.most_in_flight > 2
