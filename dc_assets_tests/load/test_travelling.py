"""Batches of one lane that travel together, and the bytes that an upload takes."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest

from dc_assets.load.plan import make_plan
from dc_assets.load.ports import RangeRun
from dc_assets.load.regroup import fitting
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import EXTERNAL_ID, PARENT, text_frame
from dc_assets_tests.fakes.world import small_world

NAMES = [EXTERNAL_ID, "Title__c", "Price__c", PARENT]


@pytest.fixture
def run(tmp_path: Path) -> Generator[RangeRun]:
    """Begin the run of a partition."""
    with small_world(tmp_path, FakeSource(things(3, parents=1))) as world:
        ports = world.ports()
        ticket = ports.loads.take_range(ports.loads.join_load("r1-01"), "r1-01")
        yield RangeRun(world.spec, ticket, make_plan(world.spec, world.source), ports)


def kept(run: RangeRun, batch_id: str, *, rows: int, chars: int) -> pl.DataFrame:
    """Write a batch of equally long rows to the spool."""
    lines: list[dict[str, str | None]] = [
        {EXTERNAL_ID: f"{batch_id}-{n}", "Title__c": "x" * chars, "Price__c": None, PARENT: "p"}
        for n in range(rows)
    ]
    frame = text_frame(lines, NAMES)
    run.ports.spool.write_batch(run.ticket.load_id, batch_id, frame)
    return frame


def test_batches_that_fit_into_one_upload_travel_together(run: RangeRun) -> None:
    """Their rows are read once."""
    frames = {one: kept(run, one, rows=2, chars=9) for one in ("a", "b", "c")}
    found = fitting(run, list(frames))
    assert list(found) == ["a", "b", "c"]
    assert all(found[one].equals(frame) for one, frame in frames.items())


def test_long_rows_do_not_travel_beyond_the_bytes_of_an_upload(run: RangeRun) -> None:
    """Two batches of 60 MB would be refused as one; the first goes alone, whatever its size."""
    for batch_id in ("a", "b", "c"):
        kept(run, batch_id, rows=500, chars=120_000)
    assert list(fitting(run, ["a", "b", "c"])) == ["a"]
