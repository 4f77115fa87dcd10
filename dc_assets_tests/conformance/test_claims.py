"""Who may send next: over all partitions, loads and runs of one ledger."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest

from dc_assets.core.errors import LedgerConflict, ParentsTaken
from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import NewBatch, RangeTicket
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger, new_batch, settlement
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import dead_owner


def another_object(name: str = "others") -> LoadSpec:
    """Return a spec of another object whose rows have the same parents."""
    return small_spec(name=name, partitions={"scheme": 1, "upper_bounds": []})


def settled(ledger: OpenLedger, ticket: RangeTicket, lane: int, rows: int, locked: int) -> None:
    """Settle a batch some of whose rows met a lock."""
    (batch_id,) = ledger.batches_planned(ticket, new_batch(lane, rows))
    ledger.uploaded(ticket, batch_id)
    again = new_batch(lane, locked, ready_in_s=60.0) if locked else None
    end = settlement(batch_id, rows - locked, retry=again)
    ledger.batches().settled(ticket, replace(end, locked=locked))


def test_the_lane_with_most_rows_over_all_partitions_goes_first(ledger: OpenLedger) -> None:
    """The longest lane bounds the load, whoever holds its rows."""
    first, second = ledger.ticket(KEYS[0]), ledger.ticket(KEYS[1])
    ledger.planned(second, new_batch(7, 900))
    small, big = ledger.planned(first, new_batch(7, 10), new_batch(8, 500))
    assert ledger.batches().claim(first, [big, small], 16) == small
    assert ledger.batches().claim(first, [big], 16) == big


def test_the_last_slot_is_kept_for_the_lane_that_bounds_the_load(ledger: OpenLedger) -> None:
    """Another partition holds its rows and asks for them; rows that wait are not waited for."""
    first, second = ledger.ticket(KEYS[0]), ledger.ticket(KEYS[1])
    (long,) = ledger.planned(second, new_batch(7, 900))
    ledger.planned(second, new_batch(9, 5_000, ready_in_s=60.0))
    one, two = ledger.planned(first, new_batch(1), new_batch(2))
    store = ledger.batches()
    assert store.claim(first, [one, two], 2) == one
    assert store.claim(first, [two], 2) is None
    assert store.claim(second, [long], 2) == long
    assert store.claim(first, [two], 3) == two


def test_who_holds_the_slots_is_known(ledger: OpenLedger) -> None:
    """Each run with the load, its partition and its batches; one's own are not among them."""
    first, second = ledger.ticket(KEYS[0]), ledger.ticket(KEYS[1])
    for batch_id in ledger.planned(first, new_batch(1), new_batch(2)):
        ledger.uploaded(first, batch_id)
    assert ledger.batches().others_in_flight(first) == []
    told = ledger.batches().others_in_flight(second)
    assert told == [f"{SPEC.name} {KEYS[0]}, run run-0, 2 batches"]


def test_a_batch_that_is_too_big_is_planned_in_parts(ledger: OpenLedger) -> None:
    """Its rows stay the same; the batch itself is never sent."""
    ticket = ledger.ticket()
    (big,) = ledger.planned(ticket, new_batch(3, 10))
    parts = [new_batch(3, 6), new_batch(3, 4)]
    ledger.batches().split(ticket, big, parts)
    left = ledger.batches().unsettled(ticket)
    assert {one.batch_id: one.rows for one in left} == {p.batch_id: p.rows for p in parts}
    with pytest.raises(LedgerConflict):
        ledger.batches().claim(ticket, [big], 16)


def test_small_batches_of_a_lane_travel_in_one_job(ledger: OpenLedger) -> None:
    """The merged one takes over lane and slot, and the others are never sent."""
    ticket = ledger.ticket()
    one, two, third = ledger.planned(ticket, new_batch(3, 4), new_batch(3, 5), new_batch(3, 6))
    store = ledger.batches()
    assert store.claim(ticket, [one], 1) == one
    merged = NewBatch(uuid.uuid4().hex, 3, 1, 9)
    store.merge(ticket, one, [two], merged)
    assert store.claim(ticket, [third], 1) is None
    assert store.claim(ticket, [third], 16) is None
    states = {r.batch_id: (r.state.value, r.rows) for r in store.unsettled(ticket)}
    assert states == {merged.batch_id: ("opening", 9), third: ("planned", 6)}
    store.opened(ticket, merged.batch_id, "750")
    store.uploaded(ticket, merged.batch_id)
    store.settled(ticket, settlement(merged.batch_id, 9))
    assert store.claim(ticket, [third], 1) == third


def test_a_run_that_was_succeeded_merges_and_cuts_nothing(ledger: OpenLedger) -> None:
    """The fence holds for these steps too."""
    old = ledger.ticket(loads=ledger.loads(owner=dead_owner("dead")))
    one, two = ledger.planned(old, new_batch(3, 4), new_batch(4, 5))
    assert ledger.batches().claim(old, [one], 16) == one
    new = ledger.ticket()
    ledger.batches().adopt_orphans(new)
    for late in (
        lambda: ledger.batches().merge(old, one, [], NewBatch("e" * 32, 3, 1, 4)),
        lambda: ledger.batches().split(old, two, [new_batch(4, 5)]),
    ):
        with pytest.raises(LedgerConflict):
            late()


def test_the_window_is_halved_after_many_locks_and_opens_again(ledger: OpenLedger) -> None:
    """More than a tenth of twenty thousand rows: half the window, for as long as it looks back."""
    ticket = ledger.ticket()
    settled(ledger, ticket, 1, rows=30_000, locked=4_000)
    waiting = ledger.batches_planned(ticket, *(new_batch(lane) for lane in (2, 3, 4)))
    store = ledger.batches()
    assert store.claim(ticket, waiting, 4, looks_back_s=1.0) == waiting[0]
    assert store.claim(ticket, waiting[1:], 4, looks_back_s=1.0) == waiting[1]
    assert store.claim(ticket, waiting[2:], 4, looks_back_s=1.0) is None
    time.sleep(1.1)
    assert store.claim(ticket, waiting[2:], 4, looks_back_s=1.0) == waiting[2]


@pytest.mark.parametrize(("rows", "locked"), [(19_999, 19_999), (30_000, 3_000)])
def test_few_rows_or_few_locks_leave_the_window_alone(
    ledger: OpenLedger, rows: int, locked: int
) -> None:
    """Other people's locks are no reason to slow down."""
    ticket = ledger.ticket()
    settled(ledger, ticket, 1, rows, locked)
    waiting = ledger.batches_planned(ticket, new_batch(2), new_batch(3))
    assert all(ledger.batches().claim(ticket, waiting[n:], 2) for n in range(2))


def test_jobs_of_the_past_are_told_in_the_order_they_ended(ledger: OpenLedger) -> None:
    """The newest some, oldest first; a spec's own."""
    ticket = ledger.ticket()
    for lane, rows in enumerate((10, 20, 30)):
        settled(ledger, ticket, lane, rows, locked=0)
    assert [job.rows for job in ledger.batches().last_jobs(2)] == [20, 30]
    assert ledger.batches(spec=another_object()).last_jobs(9) == []


def test_a_second_load_of_the_same_parents_waits(ledger: OpenLedger) -> None:
    """It is told which load holds them, and begins when that one's partition is released."""
    first = ledger.loads(parent_object="Account")
    ticket = ledger.ticket(loads=first)
    spec = another_object()
    second = ledger.loads(spec=spec, parent_object="Account")
    load_id = second.join_load("r1-01")
    with pytest.raises(ParentsTaken, match=rf"{ticket.load_id[:8]} \({SPEC.name}, full\)"):
        second.take_range(load_id, "r1-01")
    first.finish_range(ticket)
    assert second.take_range(load_id, "r1-01").fence == 1
    with pytest.raises(ParentsTaken, match="others"):
        ledger.ticket(KEYS[1], first)


def test_loads_of_other_parents_do_not_wait(ledger: OpenLedger) -> None:
    """Only children of one object's records lock each other's parents."""
    ledger.ticket(loads=ledger.loads(parent_object="Account"))
    other = ledger.loads(spec=another_object(), parent_object="Campaign")
    assert other.take_range(other.join_load("r1-01"), "r1-01").fence == 1


def test_a_killed_load_holds_its_parents_while_a_job_of_it_is_in_flight(
    ledger: OpenLedger,
) -> None:
    """The org may be writing its rows; only a run of that load can bring them home."""
    dead = ledger.loads(owner=dead_owner("dead"), parent_object="Account")
    ticket = ledger.ticket(loads=dead)
    (batch_id,) = ledger.planned(ticket, new_batch(1))
    other = ledger.loads(spec=another_object(), parent_object="Account")
    load_id = other.join_load("r1-01")
    assert ledger.batches().claim(ticket, [batch_id], 16) == batch_id
    with pytest.raises(ParentsTaken, match=f"dc-assets run {SPEC.name}"):
        other.take_range(load_id, "r1-01")
    ledger.batches().abandoned(ticket, batch_id, new_batch(1))
    assert other.take_range(load_id, "r1-01").fence == 1
