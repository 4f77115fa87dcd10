"""Leases of runs, on every kind of ledger."""

from __future__ import annotations

import uuid
from threading import Event

from dc_assets.ledger.owners import Owner, RunBeats, beating, current_owner
from dc_assets_tests.fakes.ledgers import OpenLedger
from dc_assets_tests.fakes.world import dead_owner


def a_run() -> Owner:
    """Return this process at work for a run of its own."""
    return current_owner(uuid.uuid4().hex)


def test_a_run_that_beat_lives_for_a_lease(ledger: OpenLedger) -> None:
    """A run that never beat is not spoken of."""
    beats, live, silent = RunBeats(ledger.database), a_run(), a_run()
    beats.beat(live, lease_s=60)
    beats.beat(silent, lease_s=-1)
    verdicts = beats.dead([live.run_id, silent.run_id, "never"])
    assert verdicts == {live.run_id: False, silent.run_id: True}


def test_a_beat_begins_the_lease_anew(ledger: OpenLedger) -> None:
    """A run that was late once is alive again."""
    beats, run = RunBeats(ledger.database), a_run()
    beats.beat(run, lease_s=-1)
    beats.beat(run, lease_s=60)
    assert beats.dead([run.run_id]) == {run.run_id: False}


def test_a_run_whose_process_is_gone_is_dead_at_once(ledger: OpenLedger) -> None:
    """Nobody waits for the lease of a process that cannot come back."""
    beats, gone = RunBeats(ledger.database), dead_owner(uuid.uuid4().hex)
    beats.beat(gone, lease_s=60)
    assert beats.dead([gone.run_id]) == {gone.run_id: True}


def test_it_beats_while_the_block_runs(ledger: OpenLedger) -> None:
    """However long a step takes, the lease is renewed from a thread of its own."""
    beats, run, beaten = RunBeats(ledger.database), a_run(), Event()

    def beat() -> None:
        beats.beat(run, lease_s=60)
        beaten.set()

    with beating(beat, every_s=0.01):
        assert beaten.wait(5)
    assert beats.dead([run.run_id]) == {run.run_id: False}


def test_the_ledgers_clock_is_the_one_of_the_leases(ledger: OpenLedger) -> None:
    """It counts seconds since 1970 and goes on."""
    beats = RunBeats(ledger.database)
    before = beats.now_s()
    assert 1.7e9 < before <= beats.now_s()
