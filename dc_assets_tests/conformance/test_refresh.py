"""What a load saw of the source, what is gone from it, and orders to stop that hold for all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dc_assets.core.deletions import DeletionObservation
from dc_assets.core.errors import StoppedByOperator
from dc_assets.ledger.deletions import Deletions
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.ledger.tables import range_state
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger

SEEN = DeletionObservation(source_rows=10, rows=2, keys_sha256="a" * 64)


def test_the_first_look_of_a_load_at_the_source_stays(ledger: OpenLedger) -> None:
    """A run that resumes pages of a dead one has rows from before its own look."""
    loads = ledger.loads()
    ticket = ledger.ticket(loads=loads)
    loads.saw_source(ticket, "first")
    loads.saw_source(ticket, "second")
    with ledger.database.begin() as connection:
        states = connection.execute(
            range_state.select().where(range_state.c.load_id == ticket.load_id)
        ).all()
    assert [row.source_state for row in states] == ["first"]


def test_the_last_observation_is_returned_until_it_was_acted_upon(ledger: OpenLedger) -> None:
    """Each partition has its own."""
    deletions = Deletions(ledger.database, SPEC.name, ledger.org_id)
    assert deletions.last(KEYS[0]) is None
    deletions.keep(KEYS[0], replace(SEEN, rows=1))
    deletions.keep(KEYS[0], SEEN)
    deletions.keep(KEYS[1], replace(SEEN, rows=3))
    assert deletions.last(KEYS[0]) == SEEN
    deletions.applied(KEYS[0])
    assert deletions.last(KEYS[0]) is None
    assert deletions.last(KEYS[1]) == replace(SEEN, rows=3)


def test_no_load_of_another_mode_begins_under_an_order_to_stop(ledger: OpenLedger) -> None:
    """The order is for the spec: a refresh must not resume where a full load was stopped."""
    ledger.ticket()
    StopOrders(ledger.database, SPEC.name).stop()
    changed = ledger.loads(mode="changed")
    with pytest.raises(StoppedByOperator):
        changed.join_load(KEYS[0])
    assert changed.go_on()
    assert changed.join_load(KEYS[0])
