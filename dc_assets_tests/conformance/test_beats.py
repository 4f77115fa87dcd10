"""Leases of runs, on every kind of ledger."""

from __future__ import annotations

import uuid
from threading import Event

from dc_assets.ledger.heartbeats import LastHeartbeat, RunHeartbeats, beating
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets_tests.fakes.ledgers import OpenLedger
from dc_assets_tests.fakes.world import dead_owner

ALIVE = LastHeartbeat(is_silent=False, is_gone=False)
SILENT = LastHeartbeat(is_silent=True, is_gone=False)
GONE = LastHeartbeat(is_silent=False, is_gone=True)


def a_run() -> Owner:
    """Return this process running for a run of its own."""
    return current_owner(uuid.uuid4().hex)


def test_a_run_that_beat_lives_for_a_lease(ledger: OpenLedger) -> None:
    """A run that never beat is not spoken of."""
    heartbeats, live, silent = RunHeartbeats(ledger.database), a_run(), a_run()
    heartbeats.heartbeat(live, lease_s=60)
    heartbeats.heartbeat(silent, lease_s=-1)
    last = heartbeats.last([live.run_id, silent.run_id, "never"])
    assert last == {live.run_id: ALIVE, silent.run_id: SILENT}


def test_a_beat_begins_the_lease_anew(ledger: OpenLedger) -> None:
    """A run that was late once is alive again."""
    heartbeats, run = RunHeartbeats(ledger.database), a_run()
    heartbeats.heartbeat(run, lease_s=-1)
    heartbeats.heartbeat(run, lease_s=60)
    assert heartbeats.last([run.run_id]) == {run.run_id: ALIVE}


def test_a_run_whose_process_is_gone_is_dead_at_once(ledger: OpenLedger) -> None:
    """Nobody waits for the lease of a process that cannot come back."""
    heartbeats, gone = RunHeartbeats(ledger.database), dead_owner(uuid.uuid4().hex)
    heartbeats.heartbeat(gone, lease_s=60)
    assert heartbeats.last([gone.run_id]) == {gone.run_id: GONE}


def test_it_beats_while_the_block_runs(ledger: OpenLedger) -> None:
    """However long a step takes, the lease is renewed from a thread of its own."""
    heartbeats, run, beaten = RunHeartbeats(ledger.database), a_run(), Event()

    def heartbeat() -> None:
        heartbeats.heartbeat(run, lease_s=60)
        beaten.set()

    with beating(heartbeat, every_s=0.01):
        assert beaten.wait(5)
    assert heartbeats.last([run.run_id]) == {run.run_id: ALIVE}


def test_the_ledgers_clock_is_the_one_of_the_leases(ledger: OpenLedger) -> None:
    """It counts seconds since 1970 and resumes."""
    heartbeats = RunHeartbeats(ledger.database)
    before = heartbeats.now_s()
    assert 1.7e9 < before <= heartbeats.now_s()
