"""Values that are sent in another form than the source has are told by the check that reads it."""

from __future__ import annotations

from pathlib import Path

from dc_assets.core.checks import COVERAGE
from dc_assets.core.verdicts import Severity
from dc_assets.load.archive import DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.reconcile import Audit
from dc_assets.views.receipts import ReceiptExplanations
from dc_assets_tests.fakes.source import FakeSource, thing
from dc_assets_tests.fakes.world import small_world


def test_line_ends_that_became_lf_are_counted_over_all_pages(tmp_path: Path) -> None:
    """Both sides agree, because the same form is compared; the proof says how many there are."""
    rows = [thing(f"id{n:04}", title="two\r\nlines" if n % 2 else "one") for n in range(10)]
    with small_world(tmp_path, FakeSource(rows)) as world:
        world.run()
        archive, ports = DiskArchive(tmp_path), world.ports()
        sides = BothSides(world.spec, world.spec.ranges["r1-01"], ports, archive, archive.alone)
        audit = Audit("r1-01", sides, ReceiptExplanations(world.views))
        (coverage,) = audit.outcomes([COVERAGE])
    assert coverage.severity is Severity.PASSED
    assert coverage.rewritten == {"Title__c: line ends to LF": 5}
