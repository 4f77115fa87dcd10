"""Who upgrades finds each version of the ledger, and what it asks of them."""

from __future__ import annotations

import re
from pathlib import Path

from dc_assets.ledger.tables import SCHEMA_VERSION

DOCUMENT = Path(__file__).parents[1] / "docs" / "upgrade.md"


def test_every_version_of_the_ledger_is_documented() -> None:
    """Its table has a line for each, in their order."""
    ledger = (
        DOCUMENT.read_text(encoding="utf-8").partition("## The ledger")[2].partition("\n## ")[0]
    )
    listed = [int(number) for number in re.findall(r"^\| (\d+) \|", ledger, re.MULTILINE)]
    assert listed == list(range(1, SCHEMA_VERSION + 1))
