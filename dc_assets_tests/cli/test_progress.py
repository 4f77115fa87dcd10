"""The line that follows a load: numbers with commas, times as people say them, nothing unknown."""

from __future__ import annotations

import re
from dataclasses import replace

from dc_assets.cli.progress import line
from dc_assets.core.eta import TimeLeft
from dc_assets.views.progress import PartitionProgress, Snapshot

PART = PartitionProgress(
    selected=200_000, landed=119_996, refused=4, locked=312, done_lately=12_100
)
SEEN = Snapshot(
    load_id="load",
    is_open=True,
    at=1_800_000_000.0,
    lately_s=10.0,
    partitions={"r1-01": PART},
    rows=200_000,
    api_calls_left=93_114,
    time_left=TimeLeft(66.4, {}),
)


def test_everything_that_is_known_is_told() -> None:
    """Rows, speed, time left; locks and refusals; calls left."""
    assert line(SEEN) == (
        "120,000 of 200,000 rows done, 1,210 rows/s, about 66 s left; "
        "312 met locks, 4 refused; 93,114 API calls left"
    )


def test_what_is_not_known_or_did_not_happen_is_left_out() -> None:
    """Before the first row, and with nothing but rows."""
    assert line(Snapshot()) == "0 rows done"
    plain = PartitionProgress(selected=300, landed=20)
    bare = replace(SEEN, partitions={"r1-01": plain}, api_calls_left=None, time_left=None)
    assert line(bare) == "20 of 200,000 rows done"


def test_a_longer_time_is_told_with_the_time_of_day() -> None:
    """In the clock of the host; the next day with its date."""
    hour = line(replace(SEEN, time_left=TimeLeft(4_320.0, {})))
    assert re.search(r", about 72 min left, until \d\d:\d\d( on \w{3} \d\d \w{3})?;", hour)
    days = line(replace(SEEN, time_left=TimeLeft(180_000.0, {})))
    assert re.search(r", about 50 h 00 min left, until \d\d:\d\d on \w{3} \d\d \w{3};", days)


def test_a_load_that_is_done_has_no_time_left() -> None:
    """The last partition is checked meanwhile."""
    done = replace(PART, landed=199_996)
    assert "left;" not in line(replace(SEEN, partitions={"r1-01": done}))


def test_a_slow_load_is_told_in_parts_of_a_row() -> None:
    """Not as 0 rows a second."""
    assert "0.4 rows/s" in line(replace(SEEN, partitions={"r1-01": replace(PART, done_lately=4)}))


def test_while_checks_run_their_partitions_are_told_and_no_speed() -> None:
    """A speed that falls because nothing is left to send says nothing."""
    done = replace(SEEN, partitions={"r1-03": replace(PART, landed=199_996)}, checking=["r1-03"])
    assert line(done).startswith("200,000 of 200,000 rows done, checking r1-03; ")
    many = replace(done, checking=[f"r1-{number:02}" for number in range(1, 13)])
    assert "rows done, checking r1-01 and 11 more; " in line(many)
