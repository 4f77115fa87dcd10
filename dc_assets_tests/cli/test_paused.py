"""What `status` shows of a partition that pauses."""

from __future__ import annotations

import io

from dc_assets.cli.console import Console
from dc_assets.cli.progress import partitions_table
from dc_assets.views.partitions import RangeStatus

WHY = "limits.hours: rows are sent 22:00-06:00 Europe/Vienna; resumes about 22:00"


def shown(why: str | None) -> str:
    """Return the line of a partition of which 30 rows are not sent yet."""
    until = 1.0 if why else None
    status = RangeStatus("r1-01", "l", "full", "writing", 50, 20, 0, 0, True, 9.0, until, why)
    sink = io.StringIO()
    Console(file=sink, width=120).print(partitions_table(["r1-01"], {"r1-01": status}))
    return sink.getvalue()


def test_a_partition_that_pauses_says_until_when() -> None:
    """In the zone of the spec, as its hours are written."""
    assert "paused until 22:00" in shown(WHY)
    assert "writing" in shown(None)
