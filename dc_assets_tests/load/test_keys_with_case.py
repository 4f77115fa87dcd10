"""External ids that differ in case only: one record in most orgs, two where the field says so."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.checks import COVERAGE, DUPLICATES, VALUES
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets.core.verdicts import Severity
from dc_assets.load.archive import DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.plan import make_plan
from dc_assets.load.reconcile import Audit
from dc_assets.views.receipts import ReceiptExplanations
from dc_assets_tests.fakes.source import FakeSource, thing
from dc_assets_tests.fakes.specs import EXTERNAL_ID
from dc_assets_tests.fakes.world import World, small_world

FIELD = TargetField(EXTERNAL_ID, "string", external_id=True, case_sensitive=True)
WITH_CASE = TargetDescription(TargetObject("Thing__c", {EXTERNAL_ID: FIELD}))
ROWS = [thing("001Aa"), thing("001aA"), thing("001aB", parent="p2"), thing("001aB")]


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world with two ids that differ in case, and one that stands twice."""
    with small_world(tmp_path, FakeSource(list(ROWS), page_rows=10)) as opened:
        yield opened


def checked(world: World) -> dict[str, Severity]:
    """Evaluate the checks of keys and values."""
    archive = DiskArchive(world.folder / "audit")
    sides = BothSides(world.spec, world.spec.ranges["r1-01"], world.ports(), archive, archive.alone)
    audit = Audit("r1-01", sides, ReceiptExplanations(world.views))
    found = audit.outcomes([COVERAGE, DUPLICATES, VALUES])
    return {outcome.check: outcome.severity for outcome in found}


def test_ids_that_differ_in_case_are_two_records_where_the_field_has_case(world: World) -> None:
    """Both land and are compared; an id that stands twice is refused, in whichever lanes it is."""
    world.described = WITH_CASE
    world.run()
    assert sorted(world.org.rows) == ["001Aa", "001aA"]
    assert world.codes() == {"001aB": "AMBIGUOUS_ID"}
    assert checked(world) == {
        COVERAGE: Severity.WARN,
        DUPLICATES: Severity.WARN,
        VALUES: Severity.PASSED,
    }
    assert make_plan(world.spec, world.source, WITH_CASE).ambiguous_keys == {"001aB"}


def test_ids_that_differ_in_case_are_one_record_elsewhere(world: World) -> None:
    """Nobody can say which of them is meant, so none is sent."""
    world.run()
    assert world.org.rows == {}
    assert set(world.codes()) == {"001Aa", "001aA", "001aB"}
    assert checked(world)[DUPLICATES] is Severity.WARN


def test_two_records_of_an_org_with_case_are_no_duplicates(world: World) -> None:
    """Without case the same two records of the target are an error."""
    world.described = WITH_CASE
    world.run()
    world.source.rows[:] = ROWS[:2]
    assert checked(world)[DUPLICATES] is Severity.PASSED
    world.described = TargetDescription(TargetObject("Thing__c"))
    assert checked(world)[DUPLICATES] is Severity.ERROR
