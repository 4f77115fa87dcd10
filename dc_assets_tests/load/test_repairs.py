"""A repair that changes nothing is recognised: the org stores the values otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.spec import ColumnSpec
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.frames.agreement import agreeing_setting
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.load.archive import DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.partition import load_partition
from dc_assets.load.reconcile import Audit
from dc_assets.views.receipts import ReceiptExplanations
from dc_assets_tests.fakes.org import Cells, FakeJob, FakeOrg
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.world import World, small_world

KEY = "r1-01"


@dataclass(slots=True)
class RoundingOrg(FakeOrg):
    """An org whose price field has no decimals."""

    def _land(self, job: FakeJob, row: Cells) -> None:
        FakeOrg._land(self, job, {**row, "Price__c": "2"})


@dataclass(slots=True)
class TrimmingOrg(FakeOrg):
    """An org that drops the blanks around a text."""

    def _land(self, job: FakeJob, row: Cells) -> None:
        FakeOrg._land(self, job, {name: text.strip() for name, text in row.items()})


def audit_of(world: World) -> Audit:
    """Return the checks of the partition as the two sides are now."""
    ports, archive = world.ports(), DiskArchive(world.folder / "audit")
    sides = BothSides(world.spec, world.spec.ranges[KEY], ports, archive, archive.alone)
    return Audit(KEY, sides, ReceiptExplanations(world.views))


def compared(world: World) -> CheckOutcome:
    """Compare the values, and keep what was found as every command does."""
    found = audit_of(world).values()
    store = CheckResultStore(world.database, world.spec.name, world.org.org_id)
    store.keep(KEY, [found], run_id="run", needed=[found.check], asked_at=store.now_s())
    return found


def repair(world: World) -> None:
    """Send the rows that differ."""
    chosen = audit_of(world).keys_to_send("changed")
    load_partition(world.spec, KEY, world.ports(mode="changed"), lambda: chosen)


def test_a_repair_that_changed_nothing_is_told_the_second_time(tmp_path: Path) -> None:
    """The field, and the setting with which both sides would agree, stand in place of a repair."""
    with small_world(tmp_path, FakeSource(things(9, parents=2)), RoundingOrg()) as world:
        world.run()
        first = compared(world)
        repair(world)
        second, third = compared(world), compared(world)
        world.org.rows["id0003"]["Title__c"] = "meddled"
        fourth = compared(world)
    assert (first.severity, first.unexplained) == (Severity.ERROR, 9)
    assert "sent again" not in first.summary
    assert first.repair.endswith("--changed --partitions r1-01")
    told = "sent again, and the org stores it otherwise: Price__c 9 (scale: 0 in the spec would"
    for later in (second, third):
        assert told in later.summary
        assert (later.severity, later.repair) == (Severity.ERROR, "")
    assert told in fourth.summary
    assert "Title__c 1 (" not in fourth.summary
    assert fourth.repair == first.repair


def test_blanks_that_the_org_drops_ask_for_no_repair(tmp_path: Path) -> None:
    """The check passes, says how many values lost them, and nothing is sent again."""
    rows = [thing(f"id{n}", title=title) for n, title in enumerate([" a", "b ", "c", "  "])]
    with small_world(tmp_path, FakeSource(rows), TrimmingOrg()) as world:
        world.run()
        found = compared(world)
        chosen = audit_of(world).keys_to_send("changed")
    assert (found.severity, found.unexplained, found.repair) == (Severity.PASSED, 0, "")
    assert "not compared: blanks around a value that the target lacks (Title__c 3;" in found.summary
    assert chosen.to_list() == []


def test_a_value_that_differs_behind_its_blanks_is_told(tmp_path: Path) -> None:
    """Only the blanks are left out of the comparison."""
    with small_world(tmp_path, FakeSource([thing("id1", title=" a ")])) as world:
        world.run()
        world.org.rows["id1"]["Title__c"] = "b"
        found = compared(world)
    assert (found.severity, found.unexplained) == (Severity.ERROR, 1)


@pytest.mark.parametrize(
    ("column", "pairs", "setting"),
    [
        ({}, [(" a", "a"), ("b ", "b")], "blanks: strip"),
        ({"type": "number"}, [("1.239", "1.24"), ("7", "7")], "scale: 2"),
        ({"type": "currency"}, [("1.5", "2"), (None, None)], "scale: 0"),
        ({}, [("1", "true"), ("no", "false")], "type: boolean"),
        ({}, [("2026-01-01 00:00:00", "2026-01-01")], "type: date"),
        ({}, [("b;a", "a;b")], "type: multipicklist"),
        ({"type": "number"}, [("1.2", "1.2"), ("1", "7")], ""),
        ({}, [("long text", "long")], ""),
    ],
)
def test_the_setting_that_would_agree_is_found(
    column: dict[str, str], pairs: list[tuple[str | None, str | None]], setting: str
) -> None:
    """Every pair has to agree with it; none is guessed where none does."""
    spec = ColumnSpec.model_validate({"source": "v", "target": "V", **column})
    schema = {"source": pl.String, "target": pl.String}
    assert agreeing_setting(spec, pl.DataFrame(pairs, schema=schema, orient="row")) == setting
