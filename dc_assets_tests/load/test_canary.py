"""Samples of a canary on fakes, the real ledger between: what is sent, skipped, checked, killed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import cast

import pytest

from dc_assets.core.canary import SampleFigures
from dc_assets.core.checks import COVERAGE, PENDING, ROW_COUNT
from dc_assets.core.errors import BreakerOpened, ConfigError, LedgerConflict, StoppedByOperator
from dc_assets.core.ranges import IdRange
from dc_assets.core.verdicts import Severity
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.archive import DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.canary import (
    Canary,
    SampledPartition,
    SampleExplanations,
    sample_ranges,
    sizes_of,
)
from dc_assets.load.partition import load_partition
from dc_assets.load.ports import Ports
from dc_assets.load.reconcile import Audit
from dc_assets.views.latest_outcomes import LatestOutcomes
from dc_assets.views.receipts import ReceiptExplanations
from dc_assets_tests.fakes.crash import Crash, CrashPoint, crashing
from dc_assets_tests.fakes.ledgers import check_range
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, dead_owner, small_world

CUT = small_spec(partitions={"scheme": 1, "upper_bounds": ["id0019"]})
TOO_LONG = "STRING_TOO_LONG:too long:Title__c --"


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 40 rows that hang on 7 parents, in two partitions of 20."""
    with small_world(tmp_path, FakeSource(things(40, parents=7))) as opened:
        opened.spec = CUT
        yield opened


def canary_of(world: World, ports: Ports | None = None) -> Canary:
    """Return the canary of one command."""
    ports = ports or world.ports(mode="canary")
    explanations = ReceiptExplanations(world.views)
    archive = DiskArchive(world.folder / "audit")

    def audit(key: str, part: IdRange) -> Audit:
        sides = BothSides(world.spec, part, ports, archive, archive.alone)
        return Audit(f"{key}-sample", sides, SampleExplanations(explanations, [key]))

    words = LatestOutcomes(world.database, world.spec, world.org.org_id)
    begin = cast("SqlLoadStore", ports.loads).next_stage
    return Canary(world.spec, ports, words.landed, words.refused, audit, begin)


def sent(canary: Canary, rows: int) -> list[SampledPartition]:
    """Send one sample of all partitions."""
    source, keys = canary.ports.source, list(canary.spec.ranges)
    sizes = sizes_of(canary.spec, source, keys)
    return canary.stage(sample_ranges(canary.spec, source, rows, sizes))


def total(parts: Sequence[SampledPartition]) -> tuple[int, int, int, int]:
    """Return rows, landed, refused and sent of all partitions of a sample."""
    one = sum((part.figures for part in parts), SampleFigures())
    return one.rows, one.landed, one.refused, one.sent


def test_a_sample_is_the_first_rows_of_each_partition(world: World) -> None:
    """Nothing behind them is read or sent, and their checks agree under a name of their own."""
    parts = sent(canary_of(world), 5)
    assert total(parts) == (5, 5, 0, 5)
    assert sorted(world.org.rows) == ["id0000", "id0001", "id0002", "id0020", "id0021"]
    assert {q.upto for q in world.source.queries} == {"id0002", "id0021"}
    outcomes = [one for part in parts for one in part.outcomes]
    assert {one.severity for one in outcomes} == {Severity.PASSED}
    assert {one.partition_key for one in outcomes} == {"r1-01-sample", "r1-02-sample"}


def test_each_stage_sends_only_what_is_new_in_it(world: World) -> None:
    """The sample of a stage holds the one before; its rows count and are not sent again."""
    canary = canary_of(world)
    assert total(sent(canary, 5)) == (5, 5, 0, 5)
    assert total(sent(canary, 12)) == (12, 12, 0, 7)
    assert total(sent(canary, 1_000)) == (40, 40, 0, 28)
    assert set(world.org.landings.values()) == {1}
    grown = [event.fields["rows"] for event in world.events if event.name == "sample_grows"]
    assert sum(grown) == 7 + 28
    assert "load_begun_again" not in {event.name for event in world.events}


def test_a_row_that_was_refused_is_sent_once_a_command(world: World) -> None:
    """It counts as refused in each stage; the next command tries it again, and then it may land."""
    world.org.refused = {"id0001": TOO_LONG}
    first = canary_of(world)
    assert total(sent(first, 4)) == (4, 3, 1, 4)
    assert total(sent(first, 8)) == (8, 7, 1, 4)
    world.org.refused = {}
    (one, other) = sent(canary_of(world), 8)
    assert total([one, other]) == (8, 8, 0, 1)
    assert one.dead_letters == []
    assert set(world.org.landings.values()) == {1}


def test_a_refused_row_has_its_letter_and_its_checks_warn(world: World) -> None:
    """A dead letter explains what is missing: no check is an error."""
    world.org.refused = {"id0001": TOO_LONG}
    (one, other) = sent(canary_of(world), 4)
    assert [(n.external_id, n.code) for n in one.dead_letters] == [("id0001", "STRING_TOO_LONG")]
    assert {o.check for o in one.outcomes if o.severity is Severity.WARN} >= {ROW_COUNT, COVERAGE}
    assert one.failed_checks == []
    assert other.dead_letters == []


def test_a_letter_behind_the_sample_is_not_counted_in_it(world: World) -> None:
    """An earlier, bigger canary had a row refused: the small sample of the next one has none."""
    world.org.refused = {"id0009": TOO_LONG}
    assert total(sent(canary_of(world), 40)) == (40, 39, 1, 40)
    parts = sent(canary_of(world), 4)
    assert total(parts) == (4, 4, 0, 0)
    assert [letter for part in parts for letter in part.dead_letters] == []


def test_what_both_sides_do_not_explain_is_an_error_without_a_repair(world: World) -> None:
    """A row that vanished after it landed; the partition's repair would send all the rest."""
    canary = canary_of(world)
    sent(canary, 4)
    del world.org.rows["id0001"]
    (one, _) = sent(canary, 6)
    assert set(one.failed_checks) >= {ROW_COUNT, COVERAGE}
    assert {outcome.repair for outcome in one.outcomes} == {""}


def test_a_full_load_that_ended_ends_the_story(world: World) -> None:
    """What landed before it is sent again, as a full load would: the operator begins anew."""
    for key in world.spec.ranges:
        world.run(key)
    for key in world.spec.ranges:
        check_range(world.database, world.spec.name, world.org.org_id, key)
    assert total(sent(canary_of(world), 4)) == (4, 4, 0, 4)
    assert total(sent(canary_of(world), 4)) == (4, 4, 0, 0)


def test_a_changed_spec_begins_anew(world: World) -> None:
    """Rows that another spec sent may have said something else."""
    sent(canary_of(world), 4)
    columns = [c.model_dump(mode="json") for c in CUT.columns if c.target != "Price__c"]
    world.spec = small_spec(partitions=CUT.partitions.model_dump(mode="json"), columns=columns)
    parts = sent(canary_of(world), 4)
    assert total(parts) == (4, 4, 0, 4)


def test_missing_sends_exactly_the_rest(world: World) -> None:
    """The repair of a whole partition resumes where the canary ended."""
    sent(canary_of(world), 12)
    ports = world.ports(mode="missing")
    explanations, archive = ReceiptExplanations(world.views), DiskArchive(world.folder / "audit")
    for key, id_range in world.spec.ranges.items():
        sides = BothSides(world.spec, id_range, ports, archive, archive.alone)
        audit = Audit(key, sides, explanations)
        load_partition(world.spec, key, ports, lambda one=audit: one.keys_to_send("missing"))
    assert len(world.org.rows) == 40
    assert set(world.org.landings.values()) == {1}


def test_a_live_canary_keeps_another_from_its_stage(world: World) -> None:
    """Two at once would send the same rows."""
    loads = world.ports(mode="canary").loads
    loads.take_range(loads.join_load("r1-01"), "r1-01")
    with pytest.raises(LedgerConflict, match="still working on r1-01"):
        sent(canary_of(world), 4)


def test_a_stop_in_a_stage_is_let_through(world: World) -> None:
    """Breaker, budget and operator stop a canary as they stop a load."""
    world.spec = small_spec(
        partitions=CUT.partitions.model_dump(mode="json"),
        profile={"window": 1, "batch_rows_max": 1},
        limits={"refused_after_rows": 1, "refused_share_max": 0.1},
    )
    world.org.refused = dict.fromkeys((f"id{n:04}" for n in range(40)), TOO_LONG)
    with pytest.raises(BreakerOpened):
        sent(canary_of(world), 10)
    assert world.org.rows == {}


def test_an_order_to_stop_between_two_stages_is_obeyed(world: World) -> None:
    """While the checks of a stage run nothing is sent, and yet the next stage must not begin."""
    canary, orders = canary_of(world), StopOrders(world.database, world.spec.name)
    sent(canary, 4)
    orders.stop()
    with pytest.raises(StoppedByOperator):
        sent(canary, 8)
    assert len(world.org.rows) == 4
    orders.go_on()
    assert total(sent(canary_of(world), 8)) == (8, 8, 0, 4)


def test_pending_rows_are_below_any_bar(world: World) -> None:
    """The spool was emptied while a killed canary had rows in flight elsewhere: they stay named."""
    canary = canary_of(world)
    explanations = SampleExplanations(ReceiptExplanations(world.views), ["r1-01"])
    ticket = canary.ports.loads.take_range(canary.ports.loads.join_load("r1-01"), "r1-01")
    canary.ports.batches.plan_batches(ticket, selected=3, batches=(), dead_letters=())
    archive = DiskArchive(world.folder)
    sides = BothSides(world.spec, IdRange(None, "id0002"), canary.ports, archive, archive.alone)
    outcome = Audit("r1-01-sample", sides, explanations).pending()
    assert (outcome.check, outcome.severity, outcome.unexplained) == (PENDING, Severity.ERROR, 3)


def test_partitions_without_rows_are_left_out_and_none_at_all_is_an_error(world: World) -> None:
    """There is nothing to send, which one sentence says."""
    world.source.rows = things(15, parents=7)
    sizes = sizes_of(world.spec, world.source, list(world.spec.ranges))
    assert sample_ranges(world.spec, world.source, 99, sizes) == {
        "r1-01": world.spec.ranges["r1-01"]
    }
    world.source.rows = []
    with pytest.raises(ConfigError, match=r"counts no rows in r1-01, r1-02"):
        sizes_of(world.spec, world.source, list(world.spec.ranges))


def test_doubled_ids_at_the_edge_stay_together(world: World) -> None:
    """The sample has all rows of its last key, so that none of them is taken for the only one."""
    world.source.rows = [thing("id0000"), thing("id0001"), thing("id0001"), thing("id0002")]
    world.spec = small_spec()
    (only,) = sent(canary_of(world), 2)
    assert (only.figures.rows, only.figures.landed, only.figures.refused) == (3, 1, 2)


FATAL = frozenset(
    {
        *(
            "LoadStore.take_range",
            "BatchStore.plan_batches",
            "BatchStore.claim",
            "IngestJobs.create",
        ),
        *("BatchStore.opened", "IngestJobs.upload", "IngestJobs.close", "BatchStore.uploaded"),
        *("IngestJobs.job", "IngestJobs.results", "BatchStore.settled", "LoadStore.finish_range"),
    }
)
"""Calls that change what the next command finds."""


def killed_and_gone_on(world: World, point: CrashPoint) -> int:
    """Die at a point in the second stage, give the command again, and check both sides.

    Returns the number of calls before the second stage.
    """
    ports = crashing(world.ports(dead_owner("killed"), mode="canary"), point)
    dying, calls = canary_of(world, ports), 0
    try:
        sent(dying, 2)
        calls = len(point.seen)
        sent(dying, 5)
    except Crash:
        pass
    parts = sent(canary_of(world), 5)
    assert [name for part in parts for name in part.failed_checks] == []
    assert total(parts)[:3] == (5, 4, 1)
    assert sorted(world.org.rows) == ["a", "b", "m", "n"]
    assert world.org.sent_again == set(), "a success was sent again"
    assert set(world.org.landings.values()) == {1}
    assert world.org.collisions == []
    assert not any(job.is_in_flight for job in world.org.jobs), "a job is left in flight"
    return calls


def crash_world(folder: Path, database: SimDatabase) -> World:
    """Open a world of six rows in two partitions, one of which is refused."""
    database.empty()
    rows = [thing(key, f"p{n % 2}") for n, key in enumerate("abcmno")]
    org = FakeOrg(refused={"c": TOO_LONG})
    world = World(folder, database, FakeSource(rows), org)
    world.spec = small_spec(
        partitions={"scheme": 1, "upper_bounds": ["k"]},
        profile={"exclusive_user": True, "window": 2},
    )
    world.io_threads = 1
    database.now_s = world.clock.now_s
    return world


@pytest.mark.hunt
def test_a_canary_that_died_goes_on(tmp_path: Path) -> None:
    """After the last call of each kind in stage 2: no landed row is sent again."""
    database = SimDatabase(tmp_path / "ledger.db")
    rehearsal = CrashPoint()
    before = killed_and_gone_on(crash_world(tmp_path / "0", database), rehearsal)
    seen = dict(enumerate(rehearsal.seen[before:], start=before + 1))
    kinds = {name: [n for n, one in seen.items() if one == name] for name in FATAL}
    assert all(kinds.values()), f"a call is gone from the way of a row: {kinds}"
    for n in sorted({calls[-1] for calls in kinds.values()}):
        point = CrashPoint(n)
        try:
            killed_and_gone_on(crash_world(tmp_path / str(n), database), point)
        except AssertionError as error:
            raise AssertionError(f"after call {n}, {point.seen[-1]}: {error}") from error
        assert point.is_down, f"nobody died at call {n}"
    database.close()
