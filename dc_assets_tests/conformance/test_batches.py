"""Batches, their lanes and their states, on every kind of ledger."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from dc_assets.core.batch_states import TRANSITIONS, BatchState
from dc_assets.core.errors import LedgerConflict, StoppedByOperator
from dc_assets.core.load_state import SpecState
from dc_assets.ledger.tables import batch as batch_table
from dc_assets.ledger.tables import load as load_table
from dc_assets.ledger.tables import range_state
from dc_assets.load.store import RangeTicket
from dc_assets_tests.fakes.ledgers import KEYS, NEW_LOAD, OpenLedger, letter, new_batch, settlement
from dc_assets_tests.fakes.world import dead_owner


def killed(ledger: OpenLedger, key: str = KEYS[0]) -> RangeTicket:
    """Take a partition as a process that is known to be dead."""
    return ledger.ticket(key, ledger.loads(owner=dead_owner("killed")))


def order_stop(ledger: OpenLedger, load_id: str) -> None:
    """Mark a load as stopped by an operator."""
    with ledger.database.begin() as connection:
        order = sa.update(load_table).values(stopped_at=1.0)
        connection.execute(order.where(load_table.c.load_id == load_id))


def force_state(ledger: OpenLedger, batch_id: str, state: BatchState) -> None:
    """Put a batch into a state behind the book's back."""
    with ledger.database.begin() as connection:
        connection.execute(
            sa.update(batch_table)
            .where(batch_table.c.batch_id == batch_id)
            .values(state=state.value)
        )


def test_planned_batches_are_unsettled(ledger: OpenLedger) -> None:
    """They come back in the order of lane and attempt, with what is left of their wait."""
    ticket = ledger.ticket()
    ids = ledger.planned(ticket, new_batch(2), new_batch(1, ready_in_s=50), new_batch(1, attempt=2))
    records = ledger.batches().unsettled(ticket)
    assert [r.batch_id for r in records] == [ids[1], ids[2], ids[0]]
    assert [r.state for r in records] == [BatchState.PLANNED] * 3
    assert 40 < records[0].ready_in_s <= 50
    assert records[1].ready_in_s == 0


def test_a_lane_takes_one_batch_in_flight(ledger: OpenLedger) -> None:
    """The second batch of a lane waits until the first is settled."""
    ticket = ledger.ticket()
    first, second, other = ledger.planned(ticket, new_batch(0), new_batch(0), new_batch(1))
    store = ledger.batches()
    assert store.claim(ticket, [first, second], 16) == first
    assert store.claim(ticket, [second], 16) is None
    assert store.claim(ticket, [second, other], 16) == other


def test_the_database_itself_refuses_a_second_batch_in_a_lane(ledger: OpenLedger) -> None:
    """Even a program that forgot to look cannot put two jobs into one lane."""
    ticket = ledger.ticket()
    first, second = ledger.planned(ticket, new_batch(0), new_batch(0))
    force_state(ledger, first, BatchState.OPENING)
    with pytest.raises(IntegrityError):
        force_state(ledger, second, BatchState.UPLOADED)


def test_the_lanes_of_two_orgs_are_apart(ledger: OpenLedger) -> None:
    """One ledger may serve several orgs: their lanes and windows do not meet."""
    other = OpenLedger(ledger.database, ledger.url, f"00D{uuid.uuid4().hex[:15]}")
    for one in (ledger, other):
        ticket = one.ticket()
        [batch_id] = one.planned(ticket, new_batch(0))
        assert one.batches().claim(ticket, [batch_id], 1) == batch_id


def test_the_window_counts_jobs_of_all_partitions(ledger: OpenLedger) -> None:
    """Two slots are two jobs, whoever holds them."""
    store = ledger.batches()
    tickets = [ledger.ticket(key) for key in KEYS]
    ids = [ledger.planned(t, new_batch(n))[0] for n, t in enumerate(tickets)]
    claimed = [store.claim(t, [i], 2) for t, i in zip(tickets, ids, strict=True)]
    assert claimed == [ids[0], ids[1], None]


def test_many_writers_never_exceed_window_or_lane(ledger: OpenLedger) -> None:
    """Six threads on connections of their own take exactly the slots there are."""
    tickets = {key: ledger.ticket(key) for key in KEYS}
    ids = {k: ledger.planned(t, *(new_batch(n % 7) for n in range(14))) for k, t in tickets.items()}
    granted: list[str] = []
    with ledger.another_connection() as other, ThreadPoolExecutor(6) as pool:

        def ask(n: int) -> str | None:
            key = KEYS[n % 3]
            store = ledger.batches((ledger.database, other)[n % 2])
            claimed = store.claim(tickets[key], ids[key][n % 5 :], 5)
            return claimed if isinstance(claimed, str) else None

        granted += [batch_id for batch_id in pool.map(ask, range(40)) if batch_id]
    records = [ledger.batches().record(batch_id) for batch_id in granted]
    assert len(granted) == 5
    assert max(Counter(record.lane for record in records).values()) == 1


def test_a_claim_waits_for_jobs_of_another_load(ledger: OpenLedger) -> None:
    """Another load has another lane map, so its jobs must end first."""
    old = killed(ledger)
    [orphan] = ledger.planned(old, new_batch(0))
    ledger.uploaded(old, orphan)
    ledger.loads().give_up_loads()
    ticket = ledger.ticket()
    [waiting] = ledger.planned(ticket, new_batch(5))
    store = ledger.batches()
    assert store.claim(ticket, [waiting], 16) is None
    assert [r.batch_id for r in store.adopt_orphans(ticket)] == [orphan]
    store.settled(ticket, settlement(orphan, landed=10))
    assert store.claim(ticket, [waiting], 16) == waiting


@pytest.mark.parametrize("before", BatchState)
def test_only_the_steps_of_the_table_are_taken(ledger: OpenLedger, before: BatchState) -> None:
    """From each state each step works or is refused as the table says."""
    store = ledger.batches()
    for after in (BatchState.OPEN, BatchState.UPLOADED, BatchState.SETTLED, BatchState.ABANDONED):
        ticket = killed(ledger)
        [batch_id] = ledger.planned(ticket, new_batch(0))
        assert store.claim(ticket, [batch_id], 16) == batch_id
        force_state(ledger, batch_id, before)
        moves = {
            BatchState.OPEN: lambda t=ticket, b=batch_id: store.opened(t, b, "750"),
            BatchState.UPLOADED: lambda t=ticket, b=batch_id: store.uploaded(t, b),
            BatchState.SETTLED: lambda t=ticket, b=batch_id: store.settled(t, settlement(b, 10)),
            BatchState.ABANDONED: lambda t=ticket, b=batch_id: store.abandoned(t, b, new_batch(0)),
        }
        if after in TRANSITIONS[before]:
            moves[after]()
            assert store.record(batch_id).state is after
        else:
            with pytest.raises(LedgerConflict, match=f"cannot become {after.value}"):
                moves[after]()
        force_state(ledger, batch_id, BatchState.ABANDONED)


def test_an_old_fence_writes_nothing(ledger: OpenLedger) -> None:
    """After a takeover every write of the old run is refused."""
    old = killed(ledger)
    first, second = ledger.planned(old, new_batch(0), new_batch(1))
    store = ledger.batches()
    assert store.claim(old, [first], 16) == first
    new = ledger.ticket()
    store.adopt_orphans(new)
    refused = [
        lambda: store.claim(old, [second], 16),
        lambda: store.plan_batches(old, selected=0, batches=(), dead_letters=()),
        lambda: store.adopt_orphans(old),
        lambda: store.opened(old, first, "750"),
        lambda: store.abandoned(old, first, new_batch(0)),
    ]
    for write in refused:
        with pytest.raises(LedgerConflict, match="taken over by another run"):
            write()
    assert store.record(first).state is BatchState.OPENING


def test_a_batch_is_moved_by_its_holder_only(ledger: OpenLedger) -> None:
    """Another live run cannot settle what it does not hold."""
    ticket, other = ledger.ticket(KEYS[0]), ledger.ticket(KEYS[1])
    [batch_id] = ledger.planned(ticket, new_batch(0))
    ledger.uploaded(ticket, batch_id)
    with pytest.raises(LedgerConflict):
        ledger.batches().settled(other, settlement(batch_id, landed=10))


def test_a_settlement_must_add_up(ledger: OpenLedger) -> None:
    """Landed, refused and retried rows are the rows of the batch, or nothing is written."""
    ticket = ledger.ticket()
    [batch_id] = ledger.planned(ticket, new_batch(0, rows=10))
    ledger.uploaded(ticket, batch_id)
    store = ledger.batches()
    with pytest.raises(AssertionError):
        store.settled(ticket, settlement(batch_id, 8, [letter("x")]))
    assert store.record(batch_id).state is BatchState.UPLOADED
    assert store.totals(ticket.load_id, ticket.partition_key).refused == 0


def test_a_retry_is_planned_with_the_settlement(ledger: OpenLedger) -> None:
    """The rows to try again are never in no batch."""
    ticket = ledger.ticket()
    [batch_id] = ledger.planned(ticket, new_batch(3, rows=10))
    ledger.uploaded(ticket, batch_id)
    store, retry = ledger.batches(), new_batch(3, rows=4, attempt=2, ready_in_s=9)
    store.settled(ticket, settlement(batch_id, 5, [letter("x")], retry))
    [record] = store.unsettled(ticket)
    assert (record.batch_id, record.lane, record.attempt, record.rows) == (retry.batch_id, 3, 2, 4)
    totals = store.totals(ticket.load_id, ticket.partition_key)
    assert (totals.landed, totals.refused, totals.pending) == (5, 1, 4)


def test_a_settlement_that_fails_leaves_nothing_behind(ledger: OpenLedger) -> None:
    """State, dead letters and retry stand or fall together."""
    ticket = ledger.ticket()
    batch_id, taken = ledger.planned(ticket, new_batch(0, rows=2), new_batch(1))
    ledger.uploaded(ticket, batch_id)
    doubled = replace(new_batch(0, rows=1, attempt=2), batch_id=taken)
    with pytest.raises(IntegrityError):
        ledger.batches().settled(ticket, settlement(batch_id, 0, [letter("x")], doubled))
    assert ledger.batches().record(batch_id).state is BatchState.UPLOADED
    assert list(ledger.views().refusals(9)) == []


def test_orphans_of_any_partition_are_taken_over(ledger: OpenLedger) -> None:
    """A dead run of another partition does not keep its lane."""
    dead = killed(ledger, KEYS[0])
    [orphan] = ledger.planned(dead, new_batch(0))
    ledger.uploaded(dead, orphan)
    ticket = ledger.ticket(KEYS[1])
    [record] = ledger.batches().adopt_orphans(ticket)
    assert (record.batch_id, record.partition_key, record.state) == (
        orphan,
        KEYS[0],
        BatchState.UPLOADED,
    )
    ledger.batches().settled(ticket, settlement(orphan, landed=10))
    assert ledger.batches().totals(dead.load_id, KEYS[0]).landed == 10


def test_batches_of_a_live_run_are_left_alone(ledger: OpenLedger) -> None:
    """Neither another run nor the run itself takes over what is being driven."""
    ticket = ledger.ticket(KEYS[0])
    [batch_id] = ledger.planned(ticket, new_batch(0))
    ledger.uploaded(ticket, batch_id)
    assert ledger.batches().adopt_orphans(ledger.ticket(KEYS[1])) == []
    assert ledger.batches().adopt_orphans(ticket) == []


def test_the_successor_of_a_partition_adopts_its_batches(ledger: OpenLedger) -> None:
    """A batch of an older fence has no driver any more."""
    old = killed(ledger)
    [batch_id] = ledger.planned(old, new_batch(0))
    assert ledger.batches().claim(old, [batch_id], 16)
    new = ledger.ticket()
    assert [r.batch_id for r in ledger.batches().adopt_orphans(new)] == [batch_id]
    ledger.batches().opened(new, batch_id, "750")


@pytest.mark.parametrize(
    "ledger", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_adopting_does_not_wait_for_other_partitions(ledger: OpenLedger) -> None:
    """Two runs that adopt at once would else wait for each other in a ring.

    SQLite has one writer at a time, so there nothing can wait in a ring.
    """
    dead = killed(ledger, KEYS[0])
    [orphan] = ledger.planned(dead, new_batch(0))
    ledger.uploaded(dead, orphan)
    ticket, adopted = ledger.ticket(KEYS[1]), threading.Event()
    with ledger.another_connection() as other, other.begin() as connection:
        connection.execute(
            sa.select(range_state.c.fence)
            .where(range_state.c.load_id == dead.load_id)
            .where(range_state.c.partition_key == KEYS[0])
            .with_for_update()
        )
        thread = threading.Thread(
            target=lambda: (ledger.batches().adopt_orphans(ticket), adopted.set())
        )
        thread.start()
        is_free = adopted.wait(5)
    thread.join()
    assert is_free


def test_an_unknown_job_is_one_that_no_batch_has(ledger: OpenLedger) -> None:
    """A job of any batch of any load is known; what is left is nobody's."""
    ticket = ledger.ticket()
    [known] = ledger.planned(ticket, new_batch(0))
    ledger.uploaded(ticket, known)
    jobs = [f"750{known[:15]}", "750stray"]
    assert ledger.batches().unknown_jobs(jobs) == ["750stray"]


def test_a_batch_is_opening_until_its_job_is_known(ledger: OpenLedger) -> None:
    """While its create call is under way, an unknown job may be its own."""
    ticket = ledger.ticket()
    [one] = ledger.planned(ticket, new_batch(0))
    store = ledger.batches()
    assert store.opening() == set()
    assert store.claim(ticket, [one], 16)
    assert store.opening() == {one}
    store.opened(ticket, one, "750one")
    assert store.opening() == set()


def test_a_dead_run_opens_nothing_any_more(ledger: OpenLedger) -> None:
    """Nobody waits for a create call whose process is gone, adopted or not."""
    old = killed(ledger)
    [one] = ledger.planned(old, new_batch(0))
    store = ledger.batches()
    assert store.claim(old, [one], 16)
    assert store.opening() == set()
    store.adopt_orphans(ledger.ticket())
    assert store.opening() == set()


def test_a_load_that_was_ordered_to_stop_gives_no_slot(ledger: OpenLedger) -> None:
    """The order is met where a slot is claimed or a load is joined, until it is taken back."""
    loads = ledger.loads()
    ticket = ledger.ticket(loads=loads)
    [one] = ledger.planned(ticket, new_batch(0))
    order_stop(ledger, ticket.load_id)
    with pytest.raises(StoppedByOperator, match="dc-assets run things"):
        ledger.batches().claim(ticket, [one], 16)
    with pytest.raises(StoppedByOperator):
        loads.join_load(KEYS[1])
    assert not loads.go_on(given_before=1.0)
    assert loads.go_on(given_before=1.5)
    assert not loads.go_on()
    assert ledger.batches().claim(ticket, [one], 16) == one


def test_the_day_of_the_oldest_batch_ends_first(ledger: OpenLedger) -> None:
    """A batch counts for 24 hours from its close."""
    ticket = ledger.ticket()
    store = ledger.batches()
    assert store.free_in_s() is None
    [one] = ledger.planned(ticket, new_batch(0))
    ledger.uploaded(ticket, one)
    free_in_s = store.free_in_s()
    assert free_in_s is not None
    assert 86_390 < free_in_s <= 86_400


def test_an_abandoned_batch_is_replaced(ledger: OpenLedger) -> None:
    """Its rows are in another batch of the same transaction, and it is final."""
    ticket = ledger.ticket()
    [batch_id] = ledger.planned(ticket, new_batch(0))
    store, again = ledger.batches(), new_batch(0)
    assert store.claim(ticket, [batch_id], 16)
    store.abandoned(ticket, batch_id, again)
    assert [r.batch_id for r in store.unsettled(ticket)] == [again.batch_id]
    assert store.claim(ticket, [again.batch_id], 16) == again.batch_id


def test_a_dead_letter_may_hold_any_text(ledger: OpenLedger) -> None:
    """NUL, quotes and long codes do not stop a partition on any database."""
    ticket = ledger.ticket()
    odd = letter("nul\0 ' \u2028 😀", code="X" * 200)
    ledger.batches().plan_batches(ticket, selected=1, batches=(), dead_letters=[odd])
    [refusal] = ledger.views().refusals(9)
    assert refusal.external_id == "nul\\u0000 ' \u2028 😀"
    assert refusal.code == "X" * 80


def test_views_tell_of_the_newest_load(ledger: OpenLedger) -> None:
    """Counts, holder and refusals of an older load are history."""
    loads = ledger.loads()
    old = ledger.ticket(KEYS[0], loads)
    ledger.batches().plan_batches(old, selected=1, batches=(), dead_letters=[letter("old")])
    loads.finish_range(old)
    ledger.checked(KEYS[0])
    ticket = ledger.ticket(KEYS[0], request=NEW_LOAD)
    ledger.batches().plan_batches(
        ticket,
        selected=12,
        batches=[new_batch(0)],
        dead_letters=[letter("a"), letter("b", "OTHER")],
    )
    views = ledger.views()
    status = views.states.of_spec().newest[KEYS[0]]
    assert (status.load_id, status.phase, status.is_held) == (ticket.load_id, "sending", True)
    rows = status.rows
    assert (rows.selected, rows.refused, rows.pending) == (12, 2, 10)
    assert rows.refused_by_code == {"OTHER": 1, "STRING_TOO_LONG": 1}
    assert [r.external_id for r in views.refusals(1)] == ["a"]
    assert [r.external_id for r in views.refusals(9)] == ["a", "b"]


def test_views_of_an_empty_ledger_are_empty(ledger: OpenLedger) -> None:
    """Nothing was begun, and nobody is told of an error."""
    views = ledger.views()
    assert views.states.of_spec() == SpecState()
    assert list(views.refusals(5)) == []
