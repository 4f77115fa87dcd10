"""The state of a range of files changes when its rows do, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.files import FileSource
from dc_assets_tests.fakes.specs import KEY, small_spec

LOW, HIGH = IdRange(after=None, upto="b"), IdRange(after="b", upto=None)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def source_of(folder: Path, *, csv: bool = False, **refresh: object) -> FileSource:
    """Return the source of a folder's files."""
    name = "rows.csv" if csv else "rows.parquet"
    place = {"files": str(folder / name), "key": KEY, "parent": "ParentKey__c"}
    return FileSource(small_spec(source=place, refresh=refresh))


def write(folder: Path, titles: dict[str, str], changed: dict[str, datetime]) -> None:
    """Write rows by key, as Parquet and as CSV."""
    rows = pl.DataFrame(
        [
            {
                KEY: key,
                "Title__c": title,
                "Price__c": "1.5",
                "ParentKey__c": None,
                "Changed__c": changed.get(key, NOON - timedelta(days=9)),
            }
            for key, title in titles.items()
        ],
        schema_overrides={"ParentKey__c": pl.String},
    )
    rows.write_parquet(folder / "rows.parquet")
    rows.write_csv(folder / "rows.csv")


@pytest.mark.parametrize("csv", [False, True], ids=["parquet", "csv"])
def test_a_fingerprint_tells_a_changed_row_of_its_range(tmp_path: Path, *, csv: bool) -> None:
    """In whatever order the rows stand; the other range keeps its state."""
    write(tmp_path, {"a": "x", "b": "y", "c": "z"}, {})
    source = source_of(tmp_path, csv=csv)
    low, high = source.state(LOW), source.state(HIGH)
    write(tmp_path, {"c": "z", "b": "y", "a": "x"}, {})
    assert (source.state(LOW), source.state(HIGH)) == (low, high)
    write(tmp_path, {"a": "y", "b": "x", "c": "z"}, {})
    assert source.state(LOW) != low
    assert source.state(HIGH) == high


@pytest.mark.parametrize("csv", [False, True], ids=["parquet", "csv"])
def test_a_cursor_tells_newer_and_late_changes(tmp_path: Path, *, csv: bool) -> None:
    """A late one, behind the newest time, within the overlap."""
    titles = {"a": "x", "b": "y", "c": "z"}
    source = source_of(tmp_path, csv=csv, modified="Changed__c", overlap_s=3_600)
    ranges = {"low": LOW, "high": HIGH}
    write(tmp_path, titles, {"a": NOON})
    known = {key: source.state(one) for key, one in ranges.items()}
    assert source.look(ranges, known).states == known
    write(tmp_path, titles, {"a": NOON, "b": NOON - timedelta(minutes=59)})
    late = source.look(ranges, known).states
    assert late["low"] != known["low"]
    assert late["high"] == known["high"]
    write(tmp_path, titles, {"a": NOON, "c": NOON + timedelta(seconds=1)})
    assert source.look(ranges, known).states["high"] != known["high"]


def test_a_modification_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the setting to correct."""
    write(tmp_path, {"a": "x"}, {})
    with pytest.raises(ConfigError, match=r"has no column Nothing__c: correct refresh.modified"):
        source_of(tmp_path, modified="Nothing__c").state(LOW)
