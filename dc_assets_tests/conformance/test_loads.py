"""Loads, plans and the ownership of partitions, on every kind of ledger."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dc_assets.core.errors import ConfigError, LedgerConflict, ParentsTaken
from dc_assets.core.lanes import LaneMap
from dc_assets.ledger.owners import current_owner
from dc_assets.load.store import LoadRequest, Plan, RangeTicket
from dc_assets_tests.fakes.ledgers import ABOUT_ALL, KEYS, NEW_LOAD, SPEC, OpenLedger, new_batch
from dc_assets_tests.fakes.world import dead_owner

LANES = LaneMap(4, (("big", "bi\u2028g"), ("c",)))
PLAN = Plan(LANES, window=3, rows=7, ambiguous_keys=frozenset({"a"}))

CHANGED = SPEC.model_copy(
    update={"target": SPEC.target.model_copy(update={"scope": "Title__c != null"})}
)


def finish(ledger: OpenLedger, key: str) -> RangeTicket:
    """Take a partition, send it and check it."""
    loads = ledger.loads()
    ticket = ledger.ticket(key, loads, ABOUT_ALL)
    loads.finish_range(ticket)
    ledger.checked(key)
    return ticket


def test_all_partitions_join_one_load(ledger: OpenLedger) -> None:
    """Whoever comes first opens it, the others find it."""
    assert len({ledger.loads().join_load(key) for key in KEYS}) == 1


def test_runs_that_come_at_once_join_one_load(ledger: OpenLedger) -> None:
    """Two runs that both see no load do not open two."""
    with ThreadPoolExecutor(6) as pool:
        stores = [ledger.loads() for _ in range(6)]
        joined = [pool.submit(store.join_load, KEYS[0]) for store in stores]
        assert len({one.result() for one in joined}) == 1


def test_a_changed_spec_stops_and_names_the_command(ledger: OpenLedger) -> None:
    """An unfinished load is not continued with other rows; the sentence says what to do."""
    ledger.loads().join_load(KEYS[0])
    with pytest.raises(ConfigError, match="dc-assets run things --new-load"):
        ledger.loads(spec=CHANGED).join_load(KEYS[0])


def test_a_given_up_load_lets_a_changed_spec_begin(ledger: OpenLedger) -> None:
    """After giving up, the next run opens a load of the new spec."""
    first = ledger.loads().join_load(KEYS[0])
    assert ledger.loads().give_up_loads() == [first]
    assert ledger.loads(spec=CHANGED).join_load(KEYS[0]) != first
    assert ledger.loads().give_up_loads()


def test_a_load_with_runs_at_work_is_not_given_up(ledger: OpenLedger) -> None:
    """A live run keeps its load."""
    ledger.ticket()
    with pytest.raises(LedgerConflict, match=r"still working on r1-01"):
        ledger.loads().give_up_loads()


def test_a_named_partition_begins_a_new_load_beside_an_open_one(ledger: OpenLedger) -> None:
    """It was checked in the open one, which the others resume."""
    old = finish(ledger, KEYS[0])
    new = ledger.loads().join_load(KEYS[0], LoadRequest(is_new=True))
    assert new != old.load_id
    assert ledger.loads().join_load(KEYS[1]) == old.load_id
    assert ledger.loads().join_load(KEYS[0]) == new


def test_a_new_load_waits_for_the_runs_of_the_last_one(ledger: OpenLedger) -> None:
    """Two lane maps at once would let two jobs meet on a parent."""
    finish(ledger, KEYS[0])
    ledger.ticket(KEYS[1])
    with pytest.raises(ParentsTaken, match=r"working on r1-02"):
        ledger.ticket(KEYS[0], request=NEW_LOAD)


def test_a_dead_run_does_not_hold_up_a_new_load(ledger: OpenLedger) -> None:
    """A lease of a process that is known to be gone counts for nothing."""
    old = finish(ledger, KEYS[0])
    ledger.ticket(KEYS[1], ledger.loads(owner=dead_owner("killed")))
    assert ledger.ticket(KEYS[0], request=NEW_LOAD).load_id != old.load_id


def test_the_last_partition_finishes_the_load(ledger: OpenLedger) -> None:
    """A load is over when all its partitions are checked; then even a changed spec may begin."""
    for key in KEYS:
        finish(ledger, key)
    assert ledger.loads(spec=CHANGED).join_load(KEYS[0], NEW_LOAD)


def test_two_last_partitions_at_once_finish_the_load(ledger: OpenLedger) -> None:
    """Neither may overlook that the other is done in the same moment."""
    stores = [ledger.loads() for _ in KEYS]
    pairs = zip(KEYS, stores, strict=True)
    tickets = [ledger.ticket(key, store, ABOUT_ALL) for key, store in pairs]
    with ThreadPoolExecutor(3) as pool:
        ends = [pool.submit(b.finish_range, t) for b, t in zip(stores, tickets, strict=True)]
        assert [end.result() for end in ends] == [None] * 3
        looks = [pool.submit(ledger.checked, key) for key in KEYS]
        assert [look.result() for look in looks] == [None] * 3
    load = ledger.views().states.of_load(tickets[0].load_id)
    assert load is not None
    assert load.state == "done"


def test_a_live_owner_keeps_its_partition(ledger: OpenLedger) -> None:
    """A second run is told who is running and what to do."""
    ledger.ticket()
    with pytest.raises(LedgerConflict, match=r"being loaded by run run-0 .*Wait for it"):
        ledger.ticket()


def test_a_step_begun_again_in_its_process_takes_its_own_partition(ledger: OpenLedger) -> None:
    """Its lease is still good, and what it had begun before writes nothing more."""
    owner = current_owner("run-again")
    before = ledger.ticket(loads=ledger.loads(owner=owner))
    again = ledger.ticket(loads=ledger.loads(owner=owner))
    assert again.fence > before.fence
    with pytest.raises(LedgerConflict, match="taken over by another run"):
        ledger.loads(owner=owner).finish_range(before)


def test_a_released_partition_is_free_at_once(ledger: OpenLedger) -> None:
    """The end of a run, good or bad, leaves nothing to wait for."""
    loads = ledger.loads()
    first = ledger.ticket(loads=loads)
    with loads.heartbeat(first):
        pass
    assert ledger.ticket().fence == first.fence + 1


def test_a_dead_owner_is_succeeded_at_once(ledger: OpenLedger) -> None:
    """A process of this host that is gone needs no waiting for its lease."""
    first = ledger.ticket(loads=ledger.loads(owner=dead_owner("killed")))
    assert ledger.ticket().fence == first.fence + 1


def test_a_silent_owner_of_another_host_is_waited_for(ledger: OpenLedger) -> None:
    """It cannot be told alive from dead, so its lease has to run out."""
    elsewhere = replace(current_owner("far"), host="elsewhere", boot="another boot")
    first = ledger.ticket(loads=ledger.loads(owner=elsewhere, lease_s=0.3))
    with pytest.raises(LedgerConflict, match="elsewhere"):
        ledger.ticket()
    threading.Event().wait(0.4)  # lease time is the database's clock
    assert ledger.ticket().fence == first.fence + 1


def test_a_heartbeat_keeps_a_partition(ledger: OpenLedger) -> None:
    """An owner that speaks often keeps a lease that is shorter than its work."""
    loads = ledger.loads(owner=replace(current_owner("far"), host="elsewhere"), lease_s=1.0)
    with loads.heartbeat(ledger.ticket(loads=loads)):
        deadline_s = time.monotonic() + 1.4
        while time.monotonic() < deadline_s:
            with pytest.raises(LedgerConflict):
                ledger.ticket()
            threading.Event().wait(0.1)


def test_an_old_owner_cannot_finish_a_partition(ledger: OpenLedger) -> None:
    """A run that was taken over is told so by its first write."""
    loads = ledger.loads(owner=dead_owner("zombie"))
    old = ledger.ticket(loads=loads)
    ledger.ticket()
    with pytest.raises(LedgerConflict, match="taken over by another run"):
        loads.finish_range(old)


def test_a_zombie_does_not_release_the_partition_of_its_successor(ledger: OpenLedger) -> None:
    """The end of an old run changes nothing for the new owner."""
    loads = ledger.loads(owner=dead_owner("zombie"))
    old = ledger.ticket(loads=loads)
    with loads.heartbeat(old):
        ledger.ticket()
    with pytest.raises(LedgerConflict, match="being loaded"):
        ledger.ticket()


def test_a_ticket_says_how_far_the_last_owner_came(ledger: OpenLedger) -> None:
    """Rows that are planned already are not read again."""
    first = ledger.ticket(loads=ledger.loads(owner=dead_owner("killed")))
    ledger.planned(first, new_batch(0))
    assert (first.phase, ledger.ticket().phase) == ("reading", "sending")


def test_one_run_plans_and_the_others_wait(ledger: OpenLedger) -> None:
    """While a live run plans, nobody else does."""
    load_id = ledger.loads().join_load(KEYS[0])
    assert ledger.loads().take_planning(load_id)
    assert not ledger.loads().take_planning(load_id)
    assert ledger.loads().plan(load_id) is None


def test_a_dead_planner_is_succeeded_at_once(ledger: OpenLedger) -> None:
    """The next run plans, without waiting for a lease."""
    load_id = ledger.loads().join_load(KEYS[0])
    assert ledger.loads(owner=dead_owner("killed")).take_planning(load_id)
    assert ledger.loads().take_planning(load_id)


def test_the_first_plan_stays(ledger: OpenLedger) -> None:
    """A slow planner cannot change the lanes of a load under way."""
    loads = ledger.loads()
    load_id = loads.join_load(KEYS[0])
    loads.keep_plan(load_id, PLAN)
    loads.keep_plan(load_id, replace(PLAN, lanes=LaneMap(99)))
    assert ledger.loads().plan(load_id) == PLAN
