"""One picture of a load: few statements, one moment, and nobody waits for a reader."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from dc_assets.core.load_state import RowCounts, sum_of
from dc_assets.ledger.tables import range_state
from dc_assets_tests.fakes.ledgers import KEYS, OpenLedger, letter, new_batch, settlement

STATEMENTS_MAX = 6
MANY = [f"r1-{number:02}" for number in range(1, 51)]

LOOKS: dict[str, Callable[[OpenLedger, str], object]] = {
    "a spec": lambda ledger, _: ledger.views().states.of_spec(),
    "a load": lambda ledger, load_id: ledger.views().states.of_load(load_id),
    "progress": lambda ledger, _: ledger.views().progress.look(MANY),
}


@contextmanager
def statements() -> Generator[list[str]]:
    """Collect what is sent to databases in the block, but for the transaction itself."""
    sent: list[str] = []

    def note(*call: object) -> None:
        if not str(call[2]).startswith(("BEGIN", "SET TRANSACTION")):
            sent.append(str(call[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_fifty_partitions_is_six_statements(ledger: OpenLedger, look: str) -> None:
    """However many partitions there are: a command may look every two seconds."""
    loads = ledger.loads()
    tickets = [ledger.ticket(key, loads) for key in MANY]
    for ticket in tickets:
        ledger.planned(ticket, new_batch(0))
    with statements() as sent:
        seen = LOOKS[look](ledger, tickets[0].load_id)
    assert seen
    assert 0 < len(sent) <= STATEMENTS_MAX


def test_a_reader_sees_one_moment_and_delays_no_writer(ledger: OpenLedger) -> None:
    """A writer commits while a long read goes on, and the reader does not see it."""
    begun = sa.select(sa.func.count()).select_from(range_state)
    with ledger.database.read() as connection:
        before = connection.execute(begun).scalar_one()
        ledger.ticket()
        assert connection.execute(begun).scalar_one() == before
    with ledger.database.read() as connection:
        assert connection.execute(begun).scalar_one() == before + 1


def test_the_writer_and_every_view_count_alike(ledger: OpenLedger) -> None:
    """Rows that landed, were refused, wait, and were never read: one set of numbers."""
    ticket, unread = ledger.ticket(), ledger.ticket(KEYS[1])
    sent, waiting = new_batch(0, 10), new_batch(1, 5)
    ledger.planned(ticket, sent, waiting)
    ledger.uploaded(ticket, sent.batch_id)
    again = new_batch(0, 3, attempt=2)
    ended = settlement(sent.batch_id, 5, [letter("a"), letter("b", "OTHER")], again)
    ledger.batches().settled(ticket, ended)
    expected = RowCounts(15, 5, {"OTHER": 1, "STRING_TOO_LONG": 1}, retried=3, jobs=1)
    assert (expected.refused, expected.pending) == (2, 8)
    states = ledger.views().states
    load = states.of_load(ticket.load_id)
    assert load is not None
    assert ledger.batches().totals(ticket.load_id, KEYS[0]) == expected
    assert states.of_spec().newest[KEYS[0]].rows == expected
    assert load.partitions[KEYS[0]].rows == expected
    assert load.partitions[unread.partition_key].rows == RowCounts()
    assert load.rows == ledger.views().progress.look(KEYS).counts == sum_of([expected])


def test_the_load_that_a_run_joins_is_seen_before_it_does(ledger: OpenLedger) -> None:
    """A later restore sent none of the source's rows, and what was given up is joined by nobody."""
    full, restoring = ledger.loads(), ledger.loads(mode="restore")
    for loads in (full, restoring):
        ticket = ledger.ticket(KEYS[0], loads)
        ledger.batches().plan_batches(ticket, selected=0, batches=[], dead_letters=[])
        loads.finish_range(ticket)
    states = ledger.views().states
    assert states.of_spec().newest[KEYS[0]].mode == "restore"
    joined = states.joined()[KEYS[0]]
    assert (joined.mode, joined.is_done) == ("full", True)
    assert full.join_load(KEYS[0]) == joined.load_id
    full.give_up_loads()
    assert not states.joined()
