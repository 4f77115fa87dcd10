"""Which rows count as landed for a canary, and how its stages give each other up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.old_state import mark_cleaned
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.tables import receipt
from dc_assets.load.store import Mode
from dc_assets.views.latest_outcomes import LatestOutcomes
from dc_assets_tests.fakes.ledgers import (
    KEYS,
    SPEC,
    OpenLedger,
    letter,
    new_batch,
    receipt_of,
    settlement,
)
from dc_assets_tests.fakes.specs import small_spec

OTHER = small_spec(name=SPEC.name, partitions={"scheme": 2, "upper_bounds": ["g", "p"]})


def loads_of(ledger: OpenLedger, mode: Mode, spec: LoadSpec = SPEC) -> SqlLoadStore:
    """Return the load book of a run in a mode."""
    owner = current_owner(f"run-{next(ledger.runs)}")
    return SqlLoadStore(ledger.database, spec, org_id=ledger.org_id, owner=owner, mode=mode)


def land(
    ledger: OpenLedger,
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
    dead_letters = [letter(key) for key in refused]
    rows = receipt_of(keys, refused)
    ledger.batches().settled(ticket, settlement(batch_id, len(keys), dead_letters, receipt=rows))
    loads.finish_range(ticket)
    return batch_id


def landed(ledger: OpenLedger, spec: LoadSpec = SPEC, key: str = KEYS[0]) -> list[str]:
    """Return the ids that count as landed."""
    return sorted(LatestOutcomes(ledger.database, spec, ledger.org_id).landed(key))


def test_what_receipts_say_landed_counts_for_its_partition(ledger: OpenLedger) -> None:
    """Rows of every partial mode count, refused ones and other partitions do not."""
    land(ledger, ["a", "b"], refused=["c"])
    land(ledger, ["d"], mode="replay")
    assert landed(ledger) == ["a", "b", "d"]
    assert landed(ledger, key=KEYS[1]) == []
    words = LatestOutcomes(ledger.database, SPEC, ledger.org_id)
    assert [one.external_id for one in words.refused(KEYS[0])] == ["c"]


def test_another_spec_or_org_has_its_own_landings(ledger: OpenLedger) -> None:
    """The same name does not make it the same rows."""
    land(ledger, ["a"])
    assert landed(ledger, OTHER) == []
    assert LatestOutcomes(ledger.database, SPEC, "00Dother").landed(KEYS[0]).to_list() == []


def test_records_that_were_cleaned_up_did_not_land(ledger: OpenLedger) -> None:
    """Nor did rows whose receipt is gone: nobody can say which they were."""
    batch_id = land(ledger, ["a"])
    lost = land(ledger, ["b"])
    land(ledger, ["c"])
    mark_cleaned(ledger.database, [batch_id])
    with ledger.database.begin() as connection:
        connection.execute(receipt.delete().where(receipt.c.batch_id == lost))
    assert landed(ledger) == ["c"]


def test_a_full_load_counts_until_it_ends(ledger: OpenLedger) -> None:
    """Then its rows, and all before, are sent anew; what a canary lands after it counts."""
    land(ledger, ["a"])
    land(ledger, ["b"], mode="full")
    assert landed(ledger) == ["a", "b"]
    loads_of(ledger, "full").give_up_loads()
    assert landed(ledger) == []
    land(ledger, ["c"])
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
