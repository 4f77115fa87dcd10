"""What `status` shows of a partition that pauses."""

from __future__ import annotations

import io

from dc_assets.cli.console import Console
from dc_assets.cli.progress import partitions_table
from dc_assets.core.load_state import PartitionState, RowCounts

WHY = "limits.hours: rows are sent 22:00-06:00 Europe/Vienna; resumes about 22:00"


def shown(why: str | None) -> str:
    """Return the line of a partition of which 30 rows are not sent yet."""
    until = 1.0 if why else None
    rows = RowCounts(selected=50, landed=20)
    status = PartitionState(
        *("r1-01", "load", "full", "sending", rows),
        is_held=True,
        paused_until=until,
        paused_why=why,
    )
    shown_on = io.StringIO()
    console = Console(file=shown_on, width=120)
    console.print(partitions_table(["r1-01"], {"r1-01": status}))
    return shown_on.getvalue()


def test_a_partition_that_pauses_says_until_when() -> None:
    """In the zone of the spec, as its hours are written."""
    assert "paused until 22:00" in shown(WHY)
    assert "sending" in shown(None)
