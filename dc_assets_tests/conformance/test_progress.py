"""One look at a load tells rows, jobs, lanes and the time left, in every database alike."""

from __future__ import annotations

import math
from dataclasses import replace

import sqlalchemy as sa

from dc_assets.core.lanes import LaneMap
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.tables import batch, org_allowance
from dc_assets.load.store import NewBatch, Plan, RangeTicket
from dc_assets.views.check_results import CheckResults
from dc_assets.views.progress import LedgerProgress, PartitionProgress
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger, letter, new_batch, settlement

PLAN = Plan(LaneMap(shared=4), window=3, rows=300)


def progress_of(ledger: OpenLedger) -> LedgerProgress:
    """Return what looks at the loads of the org."""
    return LedgerProgress(ledger.database, SPEC.name, ledger.org_id)


def begun(ledger: OpenLedger, key: str, *batches: NewBatch) -> RangeTicket:
    """Plan the load and read a partition into batches."""
    loads = ledger.loads()
    ticket = ledger.ticket(key, loads)
    loads.keep_plan(ticket.load_id, PLAN)
    ledger.planned(ticket, *batches)
    return ticket


def backdate(ledger: OpenLedger, ticket: RangeTicket, **ago_s: float) -> None:
    """Move moments of all batches of a partition into the past."""
    values = {name: sa.literal(0.0) + batch.c[name] - s for name, s in ago_s.items()}
    with ledger.database.begin() as connection:
        connection.execute(
            batch.update()
            .where(batch.c.load_id == ticket.load_id)
            .where(batch.c.partition_key == ticket.partition_key)
            .where(batch.c.opening_at.is_not(None))
            .values(values)
        )


def test_before_any_load_nothing_is_told(ledger: OpenLedger) -> None:
    """No rows, no speed, no time left."""
    seen = progress_of(ledger).look(KEYS)
    assert (seen.load_id, seen.rows, seen.time_left, seen.api_calls_left) == (
        None,
        None,
        None,
        None,
    )
    assert seen.whole == PartitionProgress(selected=0)


def test_rows_are_counted_by_what_became_of_them(ledger: OpenLedger) -> None:
    """Landed, refused, locked, sent again, waiting, in flight: each in its partition and lane."""
    one, two, three = new_batch(0, 60), new_batch(1, 30), new_batch(1, 10)
    ticket = begun(ledger, KEYS[0], one, two, three)
    for sent in (one, two):
        ledger.uploaded(ticket, sent.batch_id)
    again = new_batch(0, 9, attempt=2)
    dead_letters = [letter("a"), letter("b")]
    ended = settlement(one.batch_id, landed=49, dead_letters=dead_letters, retry=again)
    ledger.batches().settled(ticket, replace(ended, locked=11))
    seen = progress_of(ledger).look(KEYS)
    assert seen.load_id == ticket.load_id
    assert seen.is_open
    assert seen.rows == 300
    assert seen.partitions == {
        KEYS[0]: PartitionProgress(
            selected=100,
            landed=49,
            refused=2,
            locked=11,
            retried=9,
            in_flight=1,
            done_lately=51,
        )
    }
    assert (seen.whole.done, seen.whole.pending) == (51, 49)
    assert seen.lane_rows == {0: 9, 1: 40}
    assert [
        (job.lane, job.locked, job.retried)
        for job in progress_of(ledger).jobs(ticket.load_id, KEYS[0])
    ] == [(0, 11, 9), (1, 0, 0)]


def test_the_time_left_is_that_of_the_rest_at_the_pace_of_the_past(ledger: OpenLedger) -> None:
    """60 rows took 60 s, 54 of them work: 40 rows wait, two partitions are to come, one place."""
    one, two = new_batch(0, 60), new_batch(0, 40)
    ticket = begun(ledger, KEYS[0], one, two)
    ledger.uploaded(ticket, one.batch_id)
    assert progress_of(ledger).look(KEYS).time_left is None
    ended = settlement(one.batch_id, landed=60)
    job = replace(ended.job, active_s=54.0, total_s=56.0)
    ledger.batches().settled(ticket, replace(ended, job=job))
    backdate(ledger, ticket, opening_at=60.0, uploaded_at=58.0)
    left = progress_of(ledger).look(KEYS).time_left
    assert left is not None
    # Each job has 6 s that are not by row, and 0.9 s a row; what is to come is cut like what is.
    first_s = 6.0 + 40 * 0.9
    whole_s = 2 * 6.0 + 100 * 0.9
    assert math.isclose(left.by_partition[KEYS[0]], first_s, rel_tol=0.05)
    assert math.isclose(left.seconds, first_s + 2 * whole_s, rel_tol=0.05)


def test_rows_that_back_off_are_waited_for(ledger: OpenLedger) -> None:
    """A row met a lock and is tried again in an hour."""
    one = new_batch(0, 60)
    ticket = begun(ledger, KEYS[0], one)
    ledger.uploaded(ticket, one.batch_id)
    again = new_batch(0, 1, attempt=2, ready_in_s=3_600.0)
    ended = settlement(one.batch_id, landed=59, retry=again)
    untimed = replace(ended, job=replace(ended.job, active_s=0.0, total_s=0.0))
    ledger.batches().settled(ticket, untimed)
    left = progress_of(ledger).look(KEYS[:1]).time_left
    assert left is not None
    assert math.isclose(left.seconds, 3_600.0, rel_tol=0.01)


def test_nobody_at_work_has_no_time_left(ledger: OpenLedger) -> None:
    """A load that was left may continue any time: its rows are told, nothing is foretold."""
    loads = ledger.loads()
    ticket = ledger.ticket(KEYS[0], loads)
    with loads.heartbeat(ticket):
        one, two = new_batch(0, 60), new_batch(0, 40)
        ledger.planned(ticket, one, two)
        ledger.uploaded(ticket, one.batch_id)
        ledger.batches().settled(ticket, settlement(one.batch_id, landed=60))
        assert progress_of(ledger).look(KEYS).time_left is not None
    seen = progress_of(ledger).look(KEYS)
    assert seen.whole.done == 60
    assert seen.time_left is None


def test_a_launch_counts_all_of_its_partitions(ledger: OpenLedger) -> None:
    """Although an older load has done some; without a launch those are not to come."""
    for key in KEYS:
        loads = ledger.loads()
        ticket = begun(ledger, key, done := new_batch(0, 60))
        ledger.uploaded(ticket, done.batch_id)
        ledger.batches().settled(ticket, settlement(done.batch_id, landed=60))
        loads.finish_range(ticket)
    older = progress_of(ledger).look(KEYS)
    assert (older.is_open, older.whole.done, older.rows) == (False, 180, 180)
    assert older.time_left is not None
    assert older.time_left.seconds == 0
    begun(ledger, KEYS[0], new_batch(0, 60))
    progress = progress_of(ledger)
    assert progress.look(KEYS).rows == 60
    assert progress.look(KEYS, were_launched=True).rows == 300
    parts = progress.look(KEYS, were_launched=True, starts_in_s={KEYS[2]: 500.0}).time_left
    assert parts is not None
    assert parts.by_partition[KEYS[2]] >= 500 > parts.by_partition[KEYS[1]]


def test_calls_left_are_those_that_the_org_last_told(ledger: OpenLedger) -> None:
    """Of the org of the load."""
    begun(ledger, KEYS[0], new_batch(0, 60))
    with ledger.database.begin() as connection:
        connection.execute(
            org_allowance.insert().values(org_id=ledger.org_id, api_calls_left=93_114, asked_at=1.0)
        )
    assert progress_of(ledger).look(KEYS).api_calls_left == 93_114


def test_a_load_at_work_is_looked_at_before_a_newer_one(ledger: OpenLedger) -> None:
    """An unfinished load that resumes after a replay is the one that people watch."""
    loads = ledger.loads()
    full = ledger.ticket(KEYS[0], loads)
    with loads.heartbeat(full):
        ledger.planned(full, new_batch(0, 60))
    replays = SqlLoadStore(
        ledger.database, SPEC, org_id=ledger.org_id, owner=current_owner("other"), mode="replay"
    )
    replay = replays.take_range(replays.join_load(KEYS[1]), KEYS[1])
    with replays.heartbeat(replay):
        assert progress_of(ledger).look(KEYS).load_id == replay.load_id
    assert progress_of(ledger).look(KEYS).load_id == replay.load_id
    again = ledger.ticket(KEYS[0], loads)
    assert progress_of(ledger).look(KEYS).load_id == again.load_id == full.load_id


def test_a_partition_is_being_checked_from_its_last_row_to_its_checks(ledger: OpenLedger) -> None:
    """Not while another one reads or writes, and not after its checks spoke."""
    loads = ledger.loads()
    first, second = (ledger.ticket(key, loads) for key in KEYS[:2])
    ledger.planned(first)
    loads.finish_range(first)
    assert progress_of(ledger).look(KEYS).checking == ()
    ledger.planned(second)
    loads.finish_range(second)
    assert progress_of(ledger).look(KEYS).checking == list(KEYS[:2])
    said = CheckOutcome("row_count_matches", KEYS[0], Severity.PASSED, "said", 0)
    check_results = CheckResults(ledger.database, SPEC.name, ledger.org_id)
    check_results.keep(KEYS[0], [said], run_id="run", needed=())
    assert progress_of(ledger).look(KEYS).checking == [KEYS[1]]
