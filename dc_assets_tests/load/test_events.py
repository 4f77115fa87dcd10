"""What a run tells while it works: one event a job, a rescue, a wait, a retry and a stop."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.errors import BreakerOpened, RejectedRequest
from dc_assets.core.ingest_job import JobState
from dc_assets.core.run_events import RunEvent
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, dead_owner, small_world


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 40 rows that hang on 7 parents."""
    with small_world(tmp_path, FakeSource(things(40, parents=7))) as opened:
        yield opened


def told(world: World, name: str) -> list[RunEvent]:
    """Return the events of one kind."""
    return [event for event in world.events if event.name == name]


def test_every_job_has_one_event_with_its_rows(world: World) -> None:
    """Together they are the load: nobody has to read the ledger to add it up."""
    world.org.locked.update({"id0001": 1})
    world.org.refused = {"id0002": "REQUIRED_FIELD_MISSING:Name:Name --"}
    loaded = world.run()
    jobs = told(world, "job_settled")
    assert len(jobs) == world.org.calls["create"] == len({job.fields["job_id"] for job in jobs})
    assert {(job.partition, job.load_id) for job in jobs} == {("r1-01", loaded.load_id)}
    sums = {
        part: sum(job.fields[part] for job in jobs) for part in ("landed", "refused", "retried")
    }
    assert sums == {"landed": 39, "refused": 1, "retried": 1}
    assert sum(job.fields["rows"] for job in jobs) == sum(sums.values())
    assert {job.fields["attempt"] for job in jobs} == {1, 2}


def test_a_batch_in_doubt_tells_its_wait_and_what_became_of_it(world: World) -> None:
    """The same batch stands in both; the cause is the sentence of the error."""
    world.org.lost_answers = {"create": True}
    world.run()
    [wait] = told(world, "batch_waits")
    [end] = told(world, "batch_resolved")
    assert wait.fields["batch_id"] == end.fields["batch_id"]
    assert (wait.fields["doubts"], wait.fields["error"]) == (1, "TransientRemoteError")
    assert wait.fields["wait_s"] > 0
    assert (end.fields["outcome"], bool(end.fields["instead"])) == ("its rows go again", True)


def test_a_rescue_tells_what_a_dead_run_left(world: World) -> None:
    """Each batch once, with the state in which it was found."""
    world.org.rejections = {"job": "no access"}
    owner = dead_owner("dead")
    with pytest.raises(RejectedRequest):
        world.run(owner=owner)
    world.org.rejections.clear()
    in_flight = world.partitions[0].rows.in_flight
    world.events.clear()
    world.run()
    rescued = told(world, "batch_rescued")
    assert in_flight > 0
    assert len({event.fields["batch_id"] for event in rescued}) == len(rescued) == in_flight
    assert {event.fields["state"] for event in rescued} <= {"opening", "open", "uploaded"}


def test_a_stop_is_told_once_with_its_error(world: World) -> None:
    """When it is decided, and not only when what is in flight has settled."""
    world.spec = small_spec(profile={"window": 1})
    world.org.endings = deque([(JobState.FAILED, "TooManyLockFailure")] * 5)
    with pytest.raises(BreakerOpened) as stopped:
        world.run()
    [event] = told(world, "stopped")
    assert event.fields == {"cause": str(stopped.value), "error": "BreakerOpened"}


def test_an_abort_that_is_made_again_is_told(world: World) -> None:
    """Its ladder is not that of other calls, its event is."""
    world.org.lost_answers = {"upload": True, "abort": False}
    world.run()
    [retry] = told(world, "call_retried")
    assert retry.fields["asked"].startswith("abort of job 750")
    assert (retry.fields["attempt"], retry.fields["attempts_max"]) == (2, 6)
