"""What the ledger keeps of snapshots, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest

from dc_assets.core.errors import ConfigError, LedgerConflict
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.old_state import OldState
from dc_assets.ledger.snapshots import SnapshotRecords
from dc_assets.load.snapshot import SnapshotFile
from dc_assets.load.store import LoadRequest, RangeTicket
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger, check_range, new_batch, settlement

SAVED = LoadRequest(snapshot=True)


def file(name: str, rows: int = 3) -> SnapshotFile:
    """Return a file of some rows."""
    return SnapshotFile(Path(name), rows, "0" * 64, SPEC.model_dump_json())


def records(ledger: OpenLedger) -> SnapshotRecords:
    """Return the snapshots of the spec in the ledger's org."""
    return SnapshotRecords(ledger.database, SPEC.name, ledger.org_id)


def ticket(ledger: OpenLedger, request: LoadRequest = SAVED, key: str = KEYS[0]) -> RangeTicket:
    """Take a partition of a load that begins with a request, or goes on."""
    loads = ledger.loads()
    return loads.take_range(loads.join_load(key, request), key)


def land(ledger: OpenLedger, loads: SqlLoadStore, own: RangeTicket) -> None:
    """Plan one batch of a partition, settle it, and end the run."""
    [batch_id] = ledger.planned(own, new_batch(0))
    ledger.uploaded(own, batch_id)
    ledger.batches().settled(own, settlement(batch_id, landed=10))
    loads.finish_range(own)


def test_runs_that_go_on_with_a_snapshot_take_it_unasked(ledger: OpenLedger) -> None:
    """It is the load's, not the command's."""
    assert ticket(ledger).with_snapshot
    assert ticket(ledger, LoadRequest(), KEYS[1]).with_snapshot


def test_a_load_that_began_without_a_snapshot_gets_none(ledger: OpenLedger) -> None:
    """In no partition: it may have overwritten records already."""
    assert not ticket(ledger, LoadRequest()).with_snapshot
    for key in KEYS:
        with pytest.raises(ConfigError, match="began without a snapshot"):
            ledger.loads().join_load(key, SAVED)


def test_a_snapshot_is_replaced_only_while_nothing_can_have_been_sent(ledger: OpenLedger) -> None:
    """Neither by a run that lost the partition nor when batches are planned."""
    first = ticket(ledger)
    records(ledger).keep(first, file("first"))
    second = RangeTicket(first.load_id, first.partition_key, first.fence - 1, first.phase)
    with pytest.raises(LedgerConflict):
        records(ledger).keep(second, file("of a run that lost it"))
    records(ledger).keep(first, file("again", rows=4))
    ledger.batches().plan_batches(first, selected=10, batches=[new_batch(0)], dead_letters=[])
    with pytest.raises(LedgerConflict):
        records(ledger).keep(first, file("half new"))
    [kept] = records(ledger).all()
    assert (kept.file, kept.mode, kept.restored_at) == (file("again", rows=4), "full", None)
    records(ledger).restored(kept)
    assert records(ledger).all()[0].restored_at is not None


def test_a_snapshot_is_due_again_after_a_load_wrote(ledger: OpenLedger) -> None:
    """What that load overwrote is what was restored; a restore itself makes none due."""
    loads, restoring = ledger.loads(), ledger.loads(mode="restore")
    own = ledger.ticket(KEYS[0], loads, SAVED)
    records(ledger).keep(own, file("first"))
    land(ledger, loads, own)
    records(ledger).restored(records(ledger).all()[0])
    land(ledger, restoring, ledger.ticket(KEYS[0], restoring))
    assert records(ledger).all()[0].restored_at is not None
    land(ledger, loads, ledger.ticket(KEYS[1], loads))
    assert records(ledger).all()[0].restored_at is None


def test_a_restored_partition_agrees_with_no_source(ledger: OpenLedger) -> None:
    """A refresh leaves it alone until somebody loads it."""
    loads = ledger.loads()
    own = loads.take_range(loads.join_load(KEYS[0]), KEYS[0])
    loads.saw_source(own, "a state")
    ledger.batches().plan_batches(own, selected=0, batches=[], dead_letters=[])
    loads.finish_range(own)
    check_range(ledger.database, SPEC.name, ledger.org_id, KEYS[0])
    assert ledger.views().states.proved_states() == {KEYS[0]: "a state"}
    records(ledger).forget_proofs(KEYS[0])
    restoring = ledger.loads(mode="restore")
    back = restoring.take_range(restoring.join_load(KEYS[0]), KEYS[0])
    restoring.saw_source(back, "a snapshot")
    ledger.batches().plan_batches(back, selected=0, batches=[], dead_letters=[])
    restoring.finish_range(back)
    check_range(ledger.database, SPEC.name, ledger.org_id, KEYS[0])
    assert ledger.views().states.proved_states() == {}


def test_a_restore_gives_up_the_loads_that_it_takes_back(ledger: OpenLedger) -> None:
    """No run goes on with them; the restore itself stays."""
    full, restoring = ledger.loads(), ledger.loads(mode="restore")
    bad, good = full.join_load(KEYS[0], SAVED), restoring.join_load(KEYS[0])
    assert restoring.give_up_others() == [bad]
    assert restoring.join_load(KEYS[0]) == good
    assert full.join_load(KEYS[0]) != bad


def test_old_snapshots_go_with_their_load(ledger: OpenLedger, tmp_path: Path) -> None:
    """The ledger's lines and the files."""
    own = ticket(ledger)
    folder = tmp_path / "snapshots" / SPEC.name / own.load_id
    folder.mkdir(parents=True)
    records(ledger).keep(own, file(str(folder / "r1-01-1.parquet")))
    OldState(ledger.database, SPEC.name, tmp_path).remove([own.load_id], [])
    assert not folder.exists()
    assert list(records(ledger).all()) == []
