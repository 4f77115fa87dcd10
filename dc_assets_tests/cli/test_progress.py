"""The line that follows a load: numbers with commas, times as people say them, nothing unknown."""

from __future__ import annotations

import re
from dataclasses import replace

from dc_assets.cli.progress import line
from dc_assets.core.load_state import LoadState, PartitionState, RowCounts
from dc_assets.views.progress import Snapshot

ROWS = RowCounts(selected=200_000, landed=119_996, refused_by_code={"A": 4}, locked=312)


def load_with(rows: RowCounts, *, is_held: bool = True) -> LoadState:
    """Return a load of one partition."""
    partition = PartitionState("r1-01", "load", "full", "sending", rows, is_held=is_held)
    return LoadState(
        *("load", "things", "00D", "full", "open", 0.0),
        seen_at=1_800_000_000.0,
        partitions={"r1-01": partition},
    )


SEEN = Snapshot(
    load_with(ROWS),
    rows=200_000,
    lately_s=10.0,
    done_lately={"r1-01": 12_100},
    api_calls_left=93_114,
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
    plain = load_with(RowCounts(selected=300, landed=20))
    bare = replace(SEEN, load=plain, done_lately={}, api_calls_left=None)
    assert line(bare) == "20 of 200,000 rows done"


def test_a_longer_time_is_told_with_the_time_of_day() -> None:
    """In the clock of the host; the next day with its date."""
    hour = line(replace(SEEN, lately_s=10.0 * 4_320 * 1_210 / 80_000))
    assert re.search(r", about 72 min left, until \d\d:\d\d( on \w{3} \d\d \w{3})?;", hour)
    days = line(replace(SEEN, lately_s=10.0 * 180_000 * 1_210 / 80_000))
    assert re.search(r", about 50 h 00 min left, until \d\d:\d\d on \w{3} \d\d \w{3};", days)


def test_a_load_that_is_done_has_no_time_left() -> None:
    """The last partition is checked meanwhile."""
    done = load_with(replace(ROWS, landed=199_996))
    assert "left;" not in line(replace(SEEN, load=done))


def test_nothing_is_foretold_while_nobody_is_running_or_partitions_wait() -> None:
    """A load that was left may be resumed any time; a launch at a distance has its own schedule."""
    assert "left;" not in line(replace(SEEN, load=load_with(ROWS, is_held=False)))
    assert "left;" not in line(replace(SEEN, starts_later=True))


def test_a_pause_is_told_with_its_end_and_no_speed() -> None:
    """Rows a second that fall because nothing may be sent foretell nothing."""
    why = "limits.rows_a_day_max: 1,944 of 2,000 rows sent in 24 hours; resumes about 03:15"
    running = load_with(ROWS)
    paused = {key: replace(one, paused_why=why) for key, one in running.partitions.items()}
    text = line(replace(SEEN, load=replace(running, partitions=paused)))
    assert text.startswith("120,000 of 200,000 rows done, paused until 03:15; ")


def test_a_slow_load_is_told_in_parts_of_a_row() -> None:
    """Not as 0 rows a second."""
    assert "0.4 rows/s" in line(replace(SEEN, done_lately={"r1-01": 4}))


def test_while_checks_run_their_partitions_are_named_and_no_speed() -> None:
    """A speed that falls because nothing is left to send says nothing."""
    done = replace(SEEN, load=load_with(replace(ROWS, landed=199_996)), checking=["r1-03"])
    assert line(done).startswith("200,000 of 200,000 rows done, checking r1-03; ")
    many = replace(done, checking=[f"r1-{number:02}" for number in range(1, 13)])
    assert "rows done, checking r1-01 and 11 more; " in line(many)
