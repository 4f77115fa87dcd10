"""One look at a load tells rows, jobs, lanes and the time left, in every database alike."""

from __future__ import annotations

import math
from dataclasses import replace

import sqlalchemy as sa

from dc_assets.core.lanes import LaneMap
from dc_assets.core.load_state import RowCounts
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.tables import batch, org_allowance
from dc_assets.load.store import LoadRequest, NewBatch, Plan, RangeTicket
from dc_assets.views.progress import LedgerProgress, Snapshot
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger, letter, new_batch, settlement

PLAN = Plan(LaneMap(shared=4), window=3, rows=300)


def progress_of(ledger: OpenLedger) -> LedgerProgress:
    """Return what looks at the loads of the org."""
    return ledger.views().progress


def looked_at(ledger: OpenLedger) -> str:
    """Return the load that people are shown."""
    load = progress_of(ledger).look(KEYS).load
    assert load is not None
    return load.load_id


def begun(ledger: OpenLedger, key: str, *batches: NewBatch) -> RangeTicket:
    """Plan the load and read a partition into batches."""
    loads = ledger.loads()
    ticket = ledger.ticket(key, loads, LoadRequest(is_new=True))
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
    assert seen == Snapshot()
    assert (seen.counts.pending, seen.rows_per_s(), seen.seconds_left()) == (0, 0.0, None)


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
    assert seen.load is not None
    assert (seen.load.load_id, seen.load.state, seen.rows) == (ticket.load_id, "open", 300)
    assert {key: one.rows for key, one in seen.load.partitions.items()} == {
        KEYS[0]: RowCounts(
            selected=100,
            landed=49,
            refused_by_code={"STRING_TOO_LONG": 2},
            locked=11,
            retried=9,
            jobs=2,
            in_flight=1,
        )
    }
    assert seen.done_lately == {KEYS[0]: 51}
    assert (seen.counts.done, seen.counts.pending) == (51, 49)
    assert [
        (job.lane, job.locked, job.retried)
        for job in progress_of(ledger).jobs(ticket.load_id, KEYS[0])
    ] == [(0, 11, 9), (1, 0, 0)]


def test_the_time_left_is_rows_left_by_rows_a_second(ledger: OpenLedger) -> None:
    """60 rows in the 60 s since the first job began: 240 of the plan's 300 rows take 240 s more."""
    one, two = new_batch(0, 60), new_batch(0, 40)
    loads = ledger.loads()
    ticket = ledger.ticket(KEYS[0], loads)
    loads.keep_plan(ticket.load_id, PLAN)
    with loads.heartbeat(ticket):
        ledger.planned(ticket, one, two)
        ledger.uploaded(ticket, one.batch_id)
        assert progress_of(ledger).look(KEYS).seconds_left() is None
        ledger.batches().settled(ticket, settlement(one.batch_id, landed=60))
        backdate(ledger, ticket, opening_at=60.0, uploaded_at=58.0)
        seen = progress_of(ledger).look(KEYS)
        assert math.isclose(seen.seconds_left() or 0.0, 240.0, rel_tol=0.05)
        assert math.isclose(seen.seconds_left(KEYS[0]) or 0.0, 40.0, rel_tol=0.05)
        waiting = progress_of(ledger).look(KEYS, starts_in_s={KEYS[2]: 500.0})
        assert waiting.seconds_left() is None
    seen = progress_of(ledger).look(KEYS)
    assert seen.counts.done == 60
    assert seen.seconds_left() is None, "nobody is running"


def test_a_launch_counts_all_of_its_partitions(ledger: OpenLedger) -> None:
    """Although an older load has done some; without a launch those are not to come."""
    for key in KEYS:
        loads = ledger.loads()
        ticket = begun(ledger, key, done := new_batch(0, 60))
        ledger.uploaded(ticket, done.batch_id)
        ledger.batches().settled(ticket, settlement(done.batch_id, landed=60))
        loads.finish_range(ticket)
    for key in KEYS:
        ledger.checked(key)
    older = progress_of(ledger).look(KEYS)
    assert older.load is not None
    assert (older.load.state, older.counts.done, older.rows) == ("done", 180, 180)
    begun(ledger, KEYS[0], new_batch(0, 60))
    progress = progress_of(ledger)
    assert progress.look(KEYS).rows == 60
    assert progress.look(KEYS, were_launched=True).rows == 300


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
        assert looked_at(ledger) == replay.load_id
    assert looked_at(ledger) == replay.load_id
    again = ledger.ticket(KEYS[0], loads)
    assert looked_at(ledger) == again.load_id == full.load_id


def test_a_partition_is_being_checked_from_its_last_row_to_its_checks(ledger: OpenLedger) -> None:
    """Not while another one reads or writes, and not after its checks looked."""
    loads = ledger.loads()
    first, second = (ledger.ticket(key, loads) for key in KEYS[:2])
    ledger.planned(first)
    loads.finish_range(first)
    assert progress_of(ledger).look(KEYS).checking == []
    ledger.planned(second)
    loads.finish_range(second)
    assert progress_of(ledger).look(KEYS).checking == list(KEYS[:2])
    outcome = CheckOutcome("row_count_matches", KEYS[0], Severity.PASSED, "fine", 0)
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    store.keep(KEYS[0], [outcome], run_id="run", needed=(outcome.check,), asked_at=store.now_s())
    assert progress_of(ledger).look(KEYS).checking == [KEYS[1]]
