"""What stops a run on purpose, what it leaves behind, and that the next run continues."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import BreakerOpened, BudgetReached, StoppedByOperator
from dc_assets.core.ingest_job import JobState
from dc_assets.core.run_events import RunEvent
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.tables import load as load_table
from dc_assets.load.partition import load_partition
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, small_world

ROWS = 40
ABORTED = (JobState.ABORTED, "")
FAILED = (JobState.FAILED, "InternalServerError : oops")
QUOTA = (JobState.FAILED, "ExceededQuota : ApiBatchItems Limit exceeded.")


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 40 rows that hang on 7 parents; one job at a time."""
    with small_world(tmp_path, FakeSource(things(ROWS, parents=7))) as opened:
        opened.spec = small_spec(profile={"window": 1, "batch_rows_max": 2})
        yield opened


def assert_the_next_run_completes(world: World) -> None:
    """Run again, and check that every row landed once and nothing is left."""
    totals = world.run().totals
    assert (totals.landed, totals.refused, totals.pending) == (ROWS, 0, 0)
    assert set(world.org.landings.values()) == {1}
    assert world.partitions[0].rows.in_flight == 0


@pytest.mark.parametrize("left", [Allowance(api_calls_left=1_000), Allowance(None, 200)])
def test_no_job_is_opened_on_the_reserve(world: World, left: Allowance) -> None:
    """What is left of the org's day is asked before the first job."""
    world.org.left = left
    with pytest.raises(BudgetReached, match="dc-assets run things"):
        world.run()
    assert world.org.calls["create"] == 0
    world.org.left = Allowance()
    assert_the_next_run_completes(world)


def test_the_allowance_is_asked_again_every_minute(world: World) -> None:
    """A load that takes hours sees that others use up the day."""
    world.org.polls = 40
    world.run()
    minutes = world.clock.now_s() / 60
    assert 0.5 * minutes < world.org.calls["allowance"] <= minutes + 1


def test_five_aborted_jobs_stop_the_run_and_cost_no_attempt(world: World) -> None:
    """Somebody's aborts say nothing of the rows, which have no second attempt to lose."""
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": 2, "row_ladder_s": []})
    world.org.endings = deque([ABORTED] * 5)
    with pytest.raises(BreakerOpened, match="as Aborted \\(5 jobs in a row"):
        world.run()
    assert world.org.calls["create"] == 5
    assert world.partitions[0].rows.pending == ROWS
    assert_the_next_run_completes(world)


def test_a_failed_job_costs_its_rows_an_attempt(world: World) -> None:
    """Else a batch that always fails between good ones would be sent for ever."""
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": 2, "row_ladder_s": []})
    world.org.endings = deque([FAILED])
    totals = world.run().totals
    assert (totals.landed, totals.refused) == (ROWS - 2, 2)
    assert set(world.codes().values()) == {"LOCK_EXHAUSTED"}


def test_a_used_up_quota_stops_at_once_and_costs_no_attempt(world: World) -> None:
    """The rows wait for tomorrow."""
    world.spec = small_spec(profile={"window": 1, "row_ladder_s": []})
    world.org.endings = deque([QUOTA])
    with pytest.raises(BudgetReached, match="come free within 24 hours"):
        world.run()
    assert world.org.calls["create"] == 1
    assert_the_next_run_completes(world)


def test_too_many_refused_rows_stop_the_run(world: World) -> None:
    """The rest is not sent, and the dead letters name the cause."""
    world.spec = small_spec(
        profile={"window": 1, "batch_rows_max": 2}, limits={"refused_after_rows": 10}
    )
    world.org.refused = {f"id{n:04}": f"BAD_{n}:no: --" for n in range(ROWS)}
    with pytest.raises(BreakerOpened, match="10 of 10 rows of this load were refused"):
        world.run()
    rows = world.partitions[0].rows
    assert (rows.refused, rows.pending, rows.in_flight) == (10, 30, 0)
    with pytest.raises(BreakerOpened, match="12 of 12 rows of this load were refused"):
        world.run()
    world.org.refused = {}
    assert world.run().totals.landed == ROWS - 12


def test_first_rows_that_are_refused_alike_stop_the_run(world: World) -> None:
    """Three jobs are sent, and the sentence says what to do; then the rest lands."""
    missing = (
        "INVALID_FIELD:Foreign key external ID: p1 not found for field X in entity Y:Parent --"
    )
    world.org.refused = dict.fromkeys((f"id{n:04}" for n in range(ROWS)), missing)
    with pytest.raises(
        BreakerOpened, match="refused with INVALID_FIELD at Parent, such as id0"
    ) as e:
        world.run()
    assert "load them first" in str(e.value)
    rows = world.partitions[0].rows
    assert (rows.refused, rows.pending, world.org.calls["create"]) == (6, 34, 3)
    world.org.refused = {}
    assert world.run().totals.landed == ROWS - 6


def test_refusals_that_stop_nothing_more_are_left_to_the_checks(world: World) -> None:
    """The last job opened the breaker: the partition is done, and a check says what is wrong."""
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": 2})
    world.source.rows = things(2, parents=1)
    world.org.refused = {"id0000": "BAD:no: --", "id0001": "BAD:no: --"}
    world.spec = small_spec(limits={"refused_after_rows": 1})
    assert world.run().totals.refused == 2
    assert world.partitions[0].phase == "sent"


def test_a_code_that_every_row_would_meet_stops_the_run(world: World) -> None:
    """The row that met it stays pending, at the same attempt."""
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": 2, "row_ladder_s": []})
    full = "STORAGE_LIMIT_EXCEEDED:storage limit exceeded: --"
    world.org.refused = dict.fromkeys((f"id{n:04}" for n in range(ROWS)), full)
    with pytest.raises(BreakerOpened, match="with STORAGE_LIMIT_EXCEEDED"):
        world.run()
    assert world.codes() == {}
    assert world.org.calls["create"] == 1
    world.org.refused = {}
    assert_the_next_run_completes(world)


def test_a_job_that_never_ends_is_aborted_and_its_rows_go_again(world: World) -> None:
    """Five of them in a row open the circuit breaker; when the org is well again all rows land."""
    world.spec = small_spec(profile={"window": 1}, limits={"job_wait_s_max": 100.0})
    world.org.polls = 1_000_000
    with pytest.raises(BreakerOpened, match="5 jobs in a row"):
        world.run()
    assert world.clock.now_s() > 5 * 100
    assert world.org.states()[JobState.ABORTED] == 5
    world.org.polls = 0
    assert_the_next_run_completes(world)


def test_a_job_that_somebody_deleted_is_sent_again(world: World) -> None:
    """Nothing of it can land any more, so its rows go into another job in the same run."""
    world.org.gone = {"750000000000001AAA", "750000000000003AAA"}
    assert_the_next_run_completes(world)


def test_an_org_that_drops_every_result_is_sent_no_more(world: World) -> None:
    """The rows are sent again, because nothing is known of them, but not for ever."""
    world.org.forgets_results = True
    with pytest.raises(BreakerOpened, match="in a row that failed or are gone"):
        world.run()
    assert world.org.calls["create"] == 5
    assert world.partitions[0].rows.pending == ROWS


def test_an_order_to_stop_is_met_before_the_next_job(world: World) -> None:
    """What is in flight settles, nothing new is sent, nobody resumes it until it is taken back."""
    orders: list[str] = []

    def order_stop(event: RunEvent) -> None:
        orders.append(str(event))
        with world.database.begin() as connection:
            connection.execute(sa.update(load_table).values(stopped_at=1.0))

    with pytest.raises(StoppedByOperator, match="dc-assets run things"):
        load_partition(world.spec, "r1-01", replace(world.ports(), note=order_stop))
    assert orders
    assert world.org.calls["create"] == 0
    with pytest.raises(StoppedByOperator):
        world.run()
    store = SqlLoadStore(
        world.database, world.spec, org_id=world.org.org_id, owner=current_owner("operator")
    )
    assert store.go_on()
    assert_the_next_run_completes(world)
