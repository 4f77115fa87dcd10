"""The whole way of one partition, with fakes at both ends and the real ledger between."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.errors import BreakerOpened, ConfigError, RejectedRequest, UnsettledJob
from dc_assets.core.ingest_job import JobState
from dc_assets.load.partition import load_partition
from dc_assets.views.receipts import CreatedRecords
from dc_assets_tests.fakes.crash import CrashPoint, crashing
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, small_world

INVALID = (JobState.FAILED, "InvalidBatch : Field name not found : Nope__c")


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 40 rows that hang on 7 parents."""
    with small_world(tmp_path, FakeSource(things(40, parents=7))) as opened:
        yield opened


def assert_all_landed(world: World) -> None:
    """Check that every row landed once, no two jobs met, and no success was sent again."""
    ids = [row["Key__c"] for row in world.source.rows]
    assert sorted(world.org.rows) == ids
    assert world.org.collisions == []
    assert world.org.sent_again == set()
    assert world.partitions[0].rows.in_flight == 0


def test_every_row_of_a_healthy_load_lands_once(world: World) -> None:
    """Nothing is refused, pending or sent twice, and the values arrive in canonical text."""
    loaded = world.run()
    assert (loaded.totals.selected, loaded.totals.landed, loaded.totals.pending) == (40, 40, 0)
    assert_all_landed(world)
    assert set(world.org.landings.values()) == {1}
    assert world.org.rows["id0003"]["Price__c"] == "1.5"
    assert world.partitions[0].phase == "sent"


def test_a_job_without_doubt_is_followed_by_what_the_run_knows(world: World) -> None:
    """Neither its polls nor its end read the batch in the ledger."""
    watch = CrashPoint()
    loaded = load_partition(world.spec, "r1-01", crashing(world.ports(), watch))
    assert loaded.totals.landed == 40
    assert "IngestJobs.results" in watch.seen
    assert "BatchStore.record" not in watch.reads


def test_a_spool_is_empty_after_a_load_and_receipts_stay(world: World) -> None:
    """Rows that have an outcome need no disk; what became of them is kept."""
    loaded = world.run()
    assert [p for p in (world.folder / "spool").rglob("*") if p.is_file()] == []
    receipts = CreatedRecords(world.database, world.spec.name).receipts()
    assert len(receipts) == loaded.totals.jobs


def test_a_lane_of_many_batches_waits_without_spinning(world: World) -> None:
    """While a lane is busy its next batch is not due, so the writer sleeps until a poll is."""
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": 3})
    world.org.polls = 3
    world.run()
    assert_all_landed(world)
    assert world.org.most_in_flight == 1
    assert world.clock.now_s() > 10


def test_the_window_is_never_exceeded(world: World) -> None:
    """Three slots hold at most three jobs, however many lanes wait."""
    world.spec = small_spec(profile={"window": 3, "batch_rows_max": 2})
    world.org.polls = 2
    world.run()
    assert_all_landed(world)
    assert world.org.most_in_flight <= 3


def test_rows_that_met_a_lock_are_tried_again(world: World) -> None:
    """They land at a later attempt after the waits of the ladder, and the others are not resent."""
    world.org.locked = Counter({"id0001": 1, "id0002": 3})
    loaded = world.run()
    assert loaded.totals.landed == 40
    assert_all_landed(world)
    assert set(world.org.landings.values()) == {1}
    assert world.clock.now_s() >= 5 + 15 + 30


def test_a_row_that_always_meets_a_lock_is_given_up(world: World) -> None:
    """After the last rung it is a dead letter that says so."""
    world.spec = small_spec(profile={"row_ladder_s": [5.0, 15.0]})
    world.org.locked = Counter({"id0001": 99})
    loaded = world.run()
    assert (loaded.totals.landed, loaded.totals.refused) == (39, 1)
    assert world.codes() == {"id0001": "LOCK_EXHAUSTED"}
    assert world.org.locked["id0001"] == 99 - 3


def test_unprocessed_rows_are_tried_again(world: World) -> None:
    """A row that a finished job left untouched lands at the next attempt."""
    world.org.untouched = Counter({"id0001": 1, "id0005": 2})
    assert world.run().totals.landed == 40
    assert_all_landed(world)


def test_refused_rows_become_dead_letters(world: World) -> None:
    """They are sent once and kept with code and message."""
    error = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    world.org.refused = {"id0001": error}
    loaded = world.run()
    assert loaded.totals.refused_by_code == {"REQUIRED_FIELD_MISSING": 1}
    [letter] = world.views.refusals(9)
    assert (letter.external_id, letter.message) == ("id0001", "Required fields are missing: [Name]")


def test_a_job_that_can_never_work_stops_the_run(world: World) -> None:
    """InvalidBatch says every job fails alike: no more is sent and the rows stay pending."""
    world.spec = small_spec(profile={"window": 1})
    world.org.endings = deque([INVALID])
    with pytest.raises(BreakerOpened, match="Field name not found : Nope__c"):
        world.run()
    assert world.org.calls["create"] == 1
    rows = world.partitions[0].rows
    assert (rows.pending, rows.refused, rows.in_flight) == (40, 0, 0)
    assert world.run().totals.landed == 40


def test_jobs_that_fail_one_after_another_stop_the_run(world: World) -> None:
    """Five in a row are enough, and what is in flight is settled first."""
    world.spec = small_spec(profile={"window": 1})
    world.org.endings = deque([(JobState.FAILED, "TooManyLockFailure")] * 5)
    with pytest.raises(BreakerOpened):
        world.run()
    assert world.partitions[0].rows.in_flight == 0
    assert world.run().totals.landed == 40
    assert_all_landed(world)


def test_a_job_that_somebody_aborted_is_sent_again(world: World) -> None:
    """Aborted is not a refusal of rows: they land at the next attempt."""
    world.org.endings = deque([(JobState.ABORTED, "")])
    assert world.run().totals.landed == 40
    assert_all_landed(world)


@pytest.mark.parametrize("times", [1, 2])
def test_a_result_file_that_was_cut_off_is_read_again(world: World, times: int) -> None:
    """Two bad readings are forgiven, and no row is taken for lost or refused."""
    world.org.cut_files = times
    assert world.run().totals.landed == 40
    assert_all_landed(world)


def test_a_result_file_that_stays_cut_off_keeps_its_batch(world: World) -> None:
    """The batch waits and reads again; at last the run says so, and the next one settles it."""
    world.spec = small_spec(profile={"window": 1})
    world.org.cut_files = 27
    with pytest.raises(UnsettledJob, match="3 times over"):
        world.run()
    world.org.cut_files = 4
    assert world.run().totals.landed == 40
    assert set(world.org.landings.values()) == {1}


@pytest.mark.parametrize("acted", [True, False])
@pytest.mark.parametrize("call", ["create", "upload", "close", "job", "results", "abort"])
def test_a_lost_answer_loses_no_row(world: World, call: str, *, acted: bool) -> None:
    """Whether the org acted or not, every row lands once and no success is sent again."""
    world.org.lost_answers = {call: acted}
    if call == "abort":
        world.org.lost_answers["upload"] = True
    assert world.run().totals.landed == 40
    assert_all_landed(world)
    assert set(world.org.landings.values()) == {1}


def test_a_stray_job_is_aborted_when_the_user_is_ours_alone(world: World) -> None:
    """A create whose answer was lost leaves a job; it does not stay open."""
    world.spec = small_spec(profile={"exclusive_user": True})
    world.org.lost_answers = {"create": True}
    world.run()
    assert_all_landed(world)
    assert world.org.states()[JobState.OPEN] == 0
    assert world.org.states()[JobState.ABORTED] == 1


def test_a_stray_job_is_reported_when_others_share_the_user(world: World) -> None:
    """It might be theirs, so it is named and left alone."""
    world.org.lost_answers = {"create": True}
    world.run()
    assert world.org.states()[JobState.OPEN] == 1
    assert any("exclusive_user" in note for note in world.notes)


def test_a_call_that_the_org_refuses_ends_the_run_cleanly(world: World) -> None:
    """The rows wait in the ledger, and nothing is left in flight."""
    world.org.rejections = {"create": "no access"}
    with pytest.raises(RejectedRequest, match="no access"):
        world.run()
    assert world.partitions[0].rows.in_flight == 0
    world.org.rejections.clear()
    assert world.run().totals.landed == 40
    assert_all_landed(world)


def test_an_org_that_refuses_to_tell_of_a_job_ends_the_run(world: World) -> None:
    """The writer does not ask for ever: it stops, and the ledger keeps the batches in flight."""
    world.org.rejections = {"job": "no access"}
    with pytest.raises(RejectedRequest, match="no access"):
        world.run()
    assert world.partitions[0].rows.in_flight > 0
    world.org.rejections.clear()
    assert world.run().totals.landed == 40
    assert set(world.org.landings.values()) == {1}


def test_rows_of_an_open_job_that_the_org_dropped_are_sent_again(world: World) -> None:
    """A job that is gone before its close was heard can land nothing any more."""
    world.spec = small_spec(profile={"window": 1})
    world.org.rejections = {"job": "no access", "upload": "no access"}
    with pytest.raises(RejectedRequest):
        world.run()
    world.org.rejections.clear()
    world.org.gone = {f"750{1:012}AAA"}
    assert world.run().totals.landed == 40
    assert_all_landed(world)


def test_rows_that_cannot_be_sent_are_dead_letters_with_their_reason(world: World) -> None:
    """Doubled ids, a blank id, NUL and the mark of null never reach the org."""
    world.source.rows += [
        thing("Twice"),
        thing("tWICE"),
        thing(""),
        thing("nul", title="a\0b"),
        thing("mark", title="#N/A"),
        thing("cr\rid"),
    ]
    loaded = world.run()
    assert (loaded.totals.landed, loaded.totals.refused) == (40, 6)
    assert world.codes() == {
        "Twice": "AMBIGUOUS_ID",
        "tWICE": "AMBIGUOUS_ID",
        "": "MISSING_ARGUMENT",
        "nul": "NOT_REPRESENTABLE",
        "mark": "NOT_REPRESENTABLE",
        "cr\rid": "NOT_REPRESENTABLE",
    }


def test_a_row_that_was_doubled_after_the_plan_is_a_dead_letter(world: World) -> None:
    """The plan knows doubles of its own time; later ones are found in the lane."""
    world.spec = small_spec(partitions={"scheme": 1, "upper_bounds": ["id9"]})
    world.run("r1-02")
    world.source.rows += [thing("id0003", "p3")]
    loaded = world.run("r1-01")
    assert (loaded.totals.landed, loaded.totals.refused) == (39, 2)
    assert world.codes() == {"id0003": "AMBIGUOUS_ID"}


def test_rows_without_a_key_stop_the_plan(world: World) -> None:
    """No partition would hold them, so they are counted and named before anything is read."""
    world.source.rows.append({**thing("x"), "Key__c": None})
    with pytest.raises(ConfigError, match="1 of 41 rows of Things__dlm have no Key__c"):
        world.run()


def test_all_partitions_use_one_plan(world: World) -> None:
    """The source is looked at once a load, whoever comes first."""
    world.spec = small_spec(partitions={"scheme": 1, "upper_bounds": ["id0010", "id0030"]})
    rows = [world.run(f"r1-0{n}").totals.landed for n in (1, 2, 3)]
    assert rows == [11, 20, 9]
    assert world.source.plans_made == 1


def test_a_partition_that_is_sent_is_left_as_it_is(world: World) -> None:
    """Running it again reads and sends nothing: only its checks are due."""
    first = world.run()
    second = world.run()
    assert (second.load_id, second.totals, second.was_sent) == (first.load_id, first.totals, True)
    assert set(world.org.landings.values()) == {1}


def test_an_empty_partition_is_done_at_once(world: World) -> None:
    """No rows make no job, and the partition is proved all the same."""
    world.spec = small_spec(partitions={"scheme": 1, "upper_bounds": ["a"]})
    assert world.run("r1-01").totals.selected == 0
    assert world.org.calls["create"] == 0
    assert world.partitions[0].phase == "sent"


def test_a_row_lands_in_a_lane_of_its_own_size(tmp_path: Path) -> None:
    """A parent with most of the rows has a lane to itself, and every row still lands."""
    rows = [thing(f"id{n:04}", "big" if n % 3 else f"p{n}") for n in range(60)]
    with small_world(tmp_path, FakeSource(rows), FakeOrg(polls=2)) as world:
        world.spec = small_spec(profile={"window": 2, "batch_rows_max": 4})
        assert world.run().totals.landed == 60
        assert_all_landed(world)
