"""Budgets of 24 hours and hours of the day, decided where a batch is claimed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import StoppedByOperator
from dc_assets.core.pauses import Pause
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.org_use import SqlOrgUse
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.ledger.tables import batch, org_allowance, org_use
from dc_assets.load.store import NewBatch, RangeTicket
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger, new_batch
from dc_assets_tests.fakes.specs import small_spec

DAY_S = 86_400.0
HOUR_S = 3_600


def limited(**limits: object) -> LoadSpec:
    """Return the spec of these tests with limits; its batches have ten rows at most."""
    return small_spec(
        partitions=SPEC.partitions.model_dump(mode="json"),
        profile={"batch_rows_max": 10},
        limits=limits,
    )


def book_of(ledger: OpenLedger, **limits: object) -> SqlBatchStore:
    """Return the batch book of a run with limits."""
    return ledger.batches(spec=limited(**limits))


def sent(ticket: RangeTicket, store: SqlBatchStore, batch_id: str) -> None:
    """Claim a batch and bring it to the state uploaded."""
    assert store.claim(ticket, [batch_id], 16) == batch_id
    store.opened(ticket, batch_id, f"750{batch_id[:15]}")
    store.uploaded(ticket, batch_id)


def let_pass(ledger: OpenLedger, seconds: float) -> None:
    """Make everything that was sent so much older."""
    with ledger.database.begin() as connection:
        connection.execute(sa.update(batch).values(uploaded_at=batch.c.uploaded_at - seconds))


def taken_again(ledger: OpenLedger, ticket: RangeTicket) -> RangeTicket:
    """Let the run end and another one take its partition."""
    loads = ledger.loads()
    with loads.heartbeat(ticket):
        pass
    return loads.take_range(ticket.load_id, ticket.partition_key)


def test_the_last_rows_of_a_budget_are_not_overdrawn(ledger: OpenLedger) -> None:
    """A batch that does not fit waits, a smaller one still goes."""
    store = book_of(ledger, rows_a_day_max=25)
    ticket = ledger.ticket()
    first, second, third, small = ledger.planned(
        ticket, new_batch(1), new_batch(2), new_batch(3), new_batch(4, 5)
    )
    sent(ticket, store, first)
    sent(ticket, store, second)
    assert store.claim(ticket, [third, small], 16) == small
    found = store.claim(ticket, [third], 16)
    assert isinstance(found, Pause)
    assert found.why.startswith("limits.rows_a_day_max: 25 of 25 rows sent in 24 hours; resumes")
    assert DAY_S - 60 < found.for_s <= DAY_S


def test_rows_of_all_partitions_and_loads_of_the_spec_count(ledger: OpenLedger) -> None:
    """Of this org; a load that was given up has sent its rows all the same."""
    store = book_of(ledger, rows_a_day_max=10)
    ticket = ledger.ticket()
    sent(ticket, store, *ledger.planned(ticket, new_batch(1)))
    store.abandoned(ticket, store.unsettled(ticket)[0].batch_id, new_batch(1))
    ticket = taken_again(ledger, ticket)
    with ledger.loads().heartbeat(ticket):
        pass
    ledger.loads().give_up_loads()
    other = ledger.ticket(KEYS[1])
    (waiting,) = ledger.planned(other, new_batch(2))
    assert isinstance(store.claim(other, [waiting], 16), Pause)
    unlimited = ledger.batches()
    assert unlimited.claim(other, [waiting], 16) == waiting


def test_another_org_has_budgets_of_its_own(ledger: OpenLedger) -> None:
    """One ledger may know several."""
    store = book_of(ledger, rows_a_day_max=10)
    ticket = ledger.ticket()
    sent(ticket, store, *ledger.planned(ticket, new_batch(1)))
    other = OpenLedger(ledger.database, ledger.url, f"00D{uuid.uuid4().hex[:15]}")
    ticket = other.ticket()
    (waiting,) = other.planned(ticket, new_batch(1))
    assert book_of(other, rows_a_day_max=10).claim(ticket, [waiting], 16) == waiting


def test_a_pause_is_shown_while_its_run_lives_and_kept_until_it_is_over(
    ledger: OpenLedger,
) -> None:
    """It ends when a good part is free; a run that begins later finds out anew."""
    store = book_of(ledger, rows_a_day_max=10)
    ticket = ledger.ticket()
    first, second = ledger.planned(ticket, new_batch(1), new_batch(2))
    sent(ticket, store, first)
    found = store.claim(ticket, [second], 16)
    assert isinstance(found, Pause)
    (status,) = ledger.views().states.of_spec().newest.values()
    assert status.paused_why == found.why
    let_pass(ledger, DAY_S)
    again = store.claim(ticket, [second], 16)
    assert isinstance(again, Pause)
    assert again.for_s <= found.for_s
    ticket = taken_again(ledger, ticket)
    (status,) = ledger.views().states.of_spec().newest.values()
    assert (status.paused_until, status.paused_why) == (None, None)
    assert store.claim(ticket, [second], 16) == second


def test_rows_count_for_24_hours_from_the_close_of_their_job(ledger: OpenLedger) -> None:
    """Half an hour before, the budget is used up; a minute after, it is free."""
    store = book_of(ledger, rows_a_day_max=10)
    ticket = ledger.ticket()
    first, second = ledger.planned(ticket, new_batch(1), new_batch(2))
    sent(ticket, store, first)
    let_pass(ledger, DAY_S - 1_800)
    found = store.claim(ticket, [second], 16)
    assert isinstance(found, Pause)
    assert 1_700 < found.for_s <= 1_800
    let_pass(ledger, 1_860)
    assert store.claim(taken_again(ledger, ticket), [second], 16) == second


def test_a_batch_bigger_than_the_budget_goes_alone(ledger: OpenLedger) -> None:
    """It was planned before the budget was lowered, and would never fit."""
    store = book_of(ledger, rows_a_day_max=4)
    ticket = ledger.ticket()
    first, second = ledger.planned(ticket, new_batch(1), new_batch(2))
    sent(ticket, store, first)
    assert isinstance(store.claim(ticket, [second], 16), Pause)


def test_two_runs_cannot_both_take_the_last_batch_of_a_budget(ledger: OpenLedger) -> None:
    """Claims stand in line, each on a connection of its own."""
    tickets = [ledger.ticket(key) for key in KEYS]
    waiting = [ledger.planned(t, new_batch(n))[0] for n, t in enumerate(tickets)]
    answers: list[str | Pause | None] = []

    def claim(ticket: RangeTicket, batch_id: str) -> None:
        answers.append(book_of(ledger, batches_a_day_max=2).claim(ticket, [batch_id], 16))

    threads = [
        threading.Thread(target=claim, args=one) for one in zip(tickets, waiting, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(answer).__name__ for answer in answers) == ["Pause", "str", "str"]
    found = next(answer for answer in answers if isinstance(answer, Pause))
    assert found.why.startswith("limits.batches_a_day_max: 2 of 2 batches sent in 24 hours")


def test_a_batch_that_is_being_opened_keeps_room_for_its_companions(ledger: OpenLedger) -> None:
    """Small batches may join it until its job is there; nobody else is granted that room."""
    store = book_of(ledger, rows_a_day_max=18)
    ticket, other = ledger.ticket(KEYS[0]), ledger.ticket(KEYS[1])
    small, companion = ledger.planned(ticket, new_batch(1, 2), new_batch(1, 7))
    big, bigger = ledger.planned(other, new_batch(2, 8), new_batch(3, 9))
    assert store.rows_left() == 18
    assert store.claim(ticket, [small], 16) == small
    assert store.claim(other, [bigger], 16) is None  # not a pause: the room may be free in a moment
    assert store.claim(other, [big], 16) == big
    assert store.rows_left() == -2  # 18, less two batches that may have 10 rows each
    merged = NewBatch(uuid.uuid4().hex, 1, 1, 9)
    store.merge(ticket, small, [companion], merged)
    store.opened(ticket, merged.batch_id, "750")
    assert store.rows_left() == 18 - 9 - 10
    assert ledger.batches().rows_left() is None


def test_a_batch_that_was_never_sent_costs_nothing(ledger: OpenLedger) -> None:
    """Its rows travel in another one, which counts."""
    store = book_of(ledger, batches_a_day_max=2, rows_a_day_max=30)
    ticket = ledger.ticket()
    one, two = ledger.planned(ticket, new_batch(1, 5), new_batch(1, 5))
    assert store.claim(ticket, [one], 16) == one
    store.merge(ticket, one, [two], NewBatch("e" * 32, 1, 1, 10))
    again = new_batch(1, 10)
    store.abandoned(ticket, "e" * 32, again)
    assert store.rows_left() == 30
    sent(ticket, store, again.batch_id)
    assert store.rows_left() == 20


def test_hours_let_nothing_be_claimed_outside_of_them(ledger: OpenLedger) -> None:
    """Whatever the batches; an order to stop is met all the same."""
    now = datetime.now(UTC)
    begin, end = now + timedelta(hours=2), now + timedelta(hours=3)
    store = book_of(ledger, hours=f"{begin:%H:%M}-{end:%H:%M}")
    ticket = ledger.ticket()
    (waiting,) = ledger.planned(ticket, new_batch(1))
    found = store.claim(ticket, [waiting], 16)
    assert isinstance(found, Pause)
    assert HOUR_S < found.for_s <= 2 * HOUR_S
    assert f"resumes about {begin:%H:%M}" in found.why
    StopOrders(ledger.database, SPEC.name).stop()
    with pytest.raises(StoppedByOperator):
        store.claim(ticket, [waiting], 16)


def counted(*calls: int) -> Iterator[int]:
    """Return so many new calls each time they are asked for."""
    return iter(calls)


def test_calls_add_up_by_load_and_hour_and_pause_a_load(ledger: OpenLedger) -> None:
    """Of two processes, whoever comes first; calls of the day before yesterday are forgotten."""
    ticket = ledger.ticket()
    numbers = counted(7, 0, 5)
    use = SqlOrgUse(ledger.database, ledger.org_id, lambda: next(numbers))
    use.count_calls(ticket.load_id)
    use.count_calls(ticket.load_id)
    use.count_the_rest()
    SqlOrgUse(ledger.database, ledger.org_id, lambda: 8).count_calls(ticket.load_id)
    mine = org_use.c.load_id == ticket.load_id
    with ledger.database.begin() as connection:
        rows = connection.execute(sa.select(org_use).where(mine)).all()
    assert sum(row.api_calls for row in rows) == 20
    assert len(rows) <= 2
    (waiting,) = ledger.planned(ticket, new_batch(1))
    found = book_of(ledger, api_calls_a_day_max=20).claim(ticket, [waiting], 16)
    assert isinstance(found, Pause)
    assert "limits.api_calls_a_day_max: 20 of 20 API calls made in 24 hours" in found.why
    assert DAY_S < found.for_s <= DAY_S + HOUR_S
    with ledger.database.begin() as connection:
        connection.execute(sa.update(org_use).where(mine).values(hour=org_use.c.hour - 26))
    ticket = taken_again(ledger, ticket)
    assert book_of(ledger, api_calls_a_day_max=20).claim(ticket, [waiting], 16) == waiting


def test_a_process_that_loaded_nothing_counts_nothing(ledger: OpenLedger) -> None:
    """Checks alone belong to no load: their calls stay uncounted."""
    none = counted()
    SqlOrgUse(ledger.database, ledger.org_id, lambda: next(none)).count_the_rest()


def test_the_last_allowance_of_an_org_is_kept(ledger: OpenLedger) -> None:
    """One line an org: what it said last."""
    use = SqlOrgUse(ledger.database, ledger.org_id, lambda: 0)
    use.keep_allowance(Allowance(900, 80))
    use.keep_allowance(Allowance(800, None))
    with ledger.database.begin() as connection:
        rows = connection.execute(
            sa.select(org_allowance).where(org_allowance.c.org_id == ledger.org_id)
        ).all()
    assert [(row.api_calls_left, row.daily_batches_left) for row in rows] == [(800, None)]
    assert rows[0].asked_at > 0
