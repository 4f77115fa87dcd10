"""Files of the user as objects of Data Cloud: what types they get, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.source_file import SourceError


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCloudStore]:
    """A store without objects."""
    opened = DataCloudStore(tmp_path_factory.mktemp("store"))
    yield opened
    opened.close()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_gets_the_types_of_all_its_rows(
    store: DataCloudStore, tmp_path: Path, separator: str
) -> None:
    """Whatever parts its fields; a value far down still counts."""
    lines = ["Key__c,Amount__c,Day__c,At__c,Text__c", "a,1,2026-01-31,2026-01-31T10:00:00,1"]
    text = "\n".join([*lines, *lines[1:] * 2000, "b,1.5,,,x"]) + "\n"
    (tmp_path / "x.csv").write_text(text.replace(",", separator))
    assert store.add_file(tmp_path / "x.csv", "X__dlm") == 2002
    kinds = ["VARCHAR", "DOUBLE", "DATE", "TIMESTAMP", "VARCHAR"]
    assert list(store.objects()["X__dlm"].values()) == kinds


def test_parquet_keeps_its_types(store: DataCloudStore, tmp_path: Path) -> None:
    """But for those Data Cloud has not: categories are text, moments have microseconds."""
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "n": pl.Series([Decimal("1.50")], dtype=pl.Decimal(18, 2)),
            "c": pl.Series(["x"], dtype=pl.Categorical),
            "ms": pl.Series([moment.replace(tzinfo=None)], dtype=pl.Datetime("ms")),
            "z": pl.Series([moment], dtype=pl.Datetime("ns", "UTC")),
        }
    )
    frame.write_parquet(tmp_path / "x.parquet")
    frame.clear().write_parquet(tmp_path / "none.parquet")
    kinds = ["DECIMAL(18,2)", "VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"]
    for name, rows in (("x", 1), ("none", 0)):
        assert store.add_file(tmp_path / f"{name}.parquet", "X__dlm") == rows
        assert list(store.objects()["X__dlm"].values()) == kinds


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.parquet", b"PAR1 is not all PAR1"),
        ("x.parquet", b""),
        ("x.csv", b""),
        ("x.csv", b"a,b\n1,2\n1,2,3\n"),
        ("x.csv", b"a\n\xff\xfe\n"),
    ],
)
def test_a_damaged_file_is_said_in_one_sentence(
    store: DataCloudStore, tmp_path: Path, name: str, content: bytes
) -> None:
    """And the object of that name stays as it was."""
    (tmp_path / "good.csv").write_text("a\n1\n")
    store.add_file(tmp_path / "good.csv", "X__dlm")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name) as caught:
        store.add_file(tmp_path / name, "X__dlm")
    assert "\n" not in str(caught.value)
    assert store.count("X__dlm") == 1
