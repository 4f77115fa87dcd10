"""Every source finds the key of the n-th row of a range."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import pytest

from dc_assets.core.ranges import IdRange
from dc_assets.files import FileSource
from dc_assets.load.ports import Source
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets_tests.fakes.source import COLUMNS, FakeSource, thing
from dc_assets_tests.fakes.specs import content, small_spec, text_frame

ROWS = [thing(key) for key in ("c", "Z", "é", "a", "b", "b", "d'")]
FRAME = text_frame(ROWS, COLUMNS)


def data_cloud(folder: Path) -> Source:
    """Return a source whose queries a database of ours answers."""
    FRAME.write_parquet(folder / "things.parquet")

    def answer(request: httpx.Request) -> httpx.Response:
        with duckdb.connect() as database:
            database.from_parquet(str(folder / "things.parquet")).create("Things__dlm")
            rows = database.sql(json.loads(request.content)["sql"]).fetchall()
        metadata = {"key": {"type": "VARCHAR", "placeInOrder": 0}}
        return httpx.Response(200, json={"metadata": metadata, "done": True, "data": rows})

    client = httpx.Client(base_url="https://t.example", transport=httpx.MockTransport(answer))
    return DataCloudSource(Host(client, lambda _: None), small_spec())


def files(folder: Path) -> Source:
    """Return a source of one Parquet file."""
    FRAME.write_parquet(folder / "things.parquet")
    where = {**content()["source"], "object": None, "files": str(folder / "things.parquet")}
    return FileSource(small_spec(source=where))


def memory(_: Path) -> Source:
    """Return the fake of the other tests."""
    return FakeSource(ROWS)


@pytest.mark.parametrize("opened", [data_cloud, files, memory])
def test_the_key_of_the_nth_row(opened: Callable[[Path], Source], tmp_path: Path) -> None:
    """By the order of bytes, doubles counted; beyond the last row there is none."""
    source = opened(tmp_path)
    everything, part = IdRange(None, None), IdRange("a", "d'")
    found = [source.key_at(everything, n) for n in range(1, 9)]
    assert found == ["Z", "a", "b", "b", "c", "d'", "é", None]
    assert [source.key_at(part, n) for n in (1, 3, 4, 5)] == ["b", "c", "d'", None]
