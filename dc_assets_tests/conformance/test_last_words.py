"""Which rows count as landed for a canary, and how its stages give each other up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.old_state import mark_cleaned
from dc_assets.ledger.owners import current_owner
from dc_assets.load.store import Mode
from dc_assets.views.latest_outcomes import LatestOutcomes
from dc_assets_tests.fakes.ledgers import KEYS, SPEC, OpenLedger, letter, new_batch, settlement
from dc_assets_tests.fakes.specs import small_spec

OTHER = small_spec(name=SPEC.name, partitions={"scheme": 2, "upper_bounds": ["g", "p"]})


def loads_of(ledger: OpenLedger, mode: Mode, spec: LoadSpec = SPEC) -> SqlLoadStore:
    """Return the load book of a run in a mode."""
    owner = current_owner(f"run-{next(ledger.runs)}")
    return SqlLoadStore(ledger.database, spec, org_id=ledger.org_id, owner=owner, mode=mode)


def land(
    ledger: OpenLedger,
    folder: Path,
    keys: Sequence[str],
    *,
    mode: Mode = "canary",
    spec: LoadSpec = SPEC,
    refused: Sequence[str] = (),
) -> str:
    """Settle one batch of a partition in a load of a mode, and finish it; return the batch id."""
    loads = loads_of(ledger, mode, spec)
    loads.give_up_loads()
    ticket = loads.take_range(loads.join_load(KEYS[0]), KEYS[0])
    [batch_id] = ledger.planned(ticket, new_batch(0, rows=len(keys) + len(refused)))
    ledger.uploaded(ticket, batch_id)
    path = folder / f"{batch_id}.parquet"
    outcomes = ["landed"] * len(keys) + ["refused"] * len(refused)
    rows = {"external_id": [*keys, *refused], "outcome": outcomes}
    pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String)).write_parquet(path)
    dead_letters = [letter(key) for key in refused]
    end = replace(settlement(batch_id, len(keys), dead_letters), receipt_path=path)
    ledger.batches().settled(ticket, end)
    loads.finish_range(ticket)
    return batch_id


def landed(ledger: OpenLedger, spec: LoadSpec = SPEC, key: str = KEYS[0]) -> list[str]:
    """Return the ids that count as landed."""
    return sorted(LatestOutcomes(ledger.database, spec, ledger.org_id).landed(key))


def test_what_receipts_say_landed_counts_for_its_partition(
    ledger: OpenLedger, tmp_path: Path
) -> None:
    """Rows of every partial mode count, refused ones and other partitions do not."""
    land(ledger, tmp_path, ["a", "b"], refused=["c"])
    land(ledger, tmp_path, ["d"], mode="replay")
    assert landed(ledger) == ["a", "b", "d"]
    assert landed(ledger, key=KEYS[1]) == []
    words = LatestOutcomes(ledger.database, SPEC, ledger.org_id)
    assert [one.external_id for one in words.refused(KEYS[0])] == ["c"]


def test_another_spec_or_org_has_its_own_landings(ledger: OpenLedger, tmp_path: Path) -> None:
    """The same name does not make it the same rows."""
    land(ledger, tmp_path, ["a"])
    assert landed(ledger, OTHER) == []
    assert LatestOutcomes(ledger.database, SPEC, "00Dother").landed(KEYS[0]).to_list() == []


def test_records_that_were_cleaned_up_did_not_land(ledger: OpenLedger, tmp_path: Path) -> None:
    """Nor did rows whose receipt is gone: nobody can say which they were."""
    batch_id = land(ledger, tmp_path, ["a"])
    lost = land(ledger, tmp_path, ["b"])
    land(ledger, tmp_path, ["c"])
    mark_cleaned(ledger.database, [batch_id])
    (tmp_path / f"{lost}.parquet").unlink()
    assert landed(ledger) == ["c"]


def test_a_full_load_counts_until_it_ends(ledger: OpenLedger, tmp_path: Path) -> None:
    """Then its rows, and all before, are sent anew; what a canary lands after it counts."""
    land(ledger, tmp_path, ["a"])
    land(ledger, tmp_path, ["b"], mode="full")
    assert landed(ledger) == ["a", "b"]
    loads_of(ledger, "full").give_up_loads()
    assert landed(ledger) == []
    land(ledger, tmp_path, ["c"])
    assert landed(ledger) == ["c"]


def test_a_canary_of_a_changed_spec_begins_at_once(ledger: OpenLedger) -> None:
    """Its unfinished stage is given up without a word; a full load is not."""
    for mode in ("canary", "full"):
        old = loads_of(ledger, mode)
        ticket = old.take_range(old.join_load(KEYS[0]), KEYS[0])
        with old.heartbeat(ticket):
            pass  # the run ends and releases the partition
    assert loads_of(ledger, "canary", OTHER).join_load("r2-01") is not None
    with pytest.raises(ConfigError, match="changed since its unfinished load"):
        loads_of(ledger, "full", OTHER).join_load("r2-01")
