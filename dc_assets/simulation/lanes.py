"""The product's own way of writing, in virtual time: every row of a load, in lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from dc_assets.core.lanes import LaneMap, LoadSize
from dc_assets.core.write_policy import ALLOWANCE_EVERY_S
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.partition_run import (
    Book,
    LanesFigures,
    PartitionRun,
    SimulatedBatch,
    Way,
    cut_evenly,
)

LIMIT_S = 10 * 86_400.0


def run_lanes(org: SimulatedOrg, way: Way, book: Book | None = None) -> LanesFigures:
    """Write all rows of an org's parents in lanes; return what came of it.

    All rows are read before the first job is created.
    """
    book = book or Book(org, way.window)
    for batches in planned(org.parents, way):
        book.runs.append(PartitionRun(org, way, book, batches))
    for run in book.runs:
        org.call_at(0.0, run.act)
    org.run_until_idle(LIMIT_S)
    allowance_calls = sum(1 + int(run.ended_s / ALLOWANCE_EVERY_S) for run in book.runs)
    book.figures.requests += allowance_calls
    book.figures.ended_s = max((run.ended_s for run in book.runs), default=0.0)
    return book.figures


def lane_map(rows_of: Mapping[str, int], rows: int, way: Way) -> LaneMap:
    """Return the lanes of a load from the rows of each parent; the rule of the plan."""
    size = LoadSize(rows, partitions=len(way.ends(rows)), window=way.window)
    least = size.named_above
    big = ((parent, n) for parent, n in rows_of.items() if n > least)
    return size.lane_map(sorted(big, key=lambda one: (-one[1], one[0])))


def planned(parents: Sequence[int], way: Way) -> Iterator[list[SimulatedBatch]]:
    """Yield the first batches of each partition: lanes of it, sorted by parent, cut evenly.

    A row without a parent is spread by its own number.
    """
    rows, ends = len(parents), way.ends(len(parents))
    owner = pl.Series("owner", parents, dtype=pl.Int64)
    table = pl.DataFrame({"row": pl.int_range(rows, eager=True), "owner": owner}).with_columns(
        key=pl.when(pl.col("owner") < 0)
        .then(pl.concat_str(pl.lit("row"), pl.col("row")))
        .otherwise(pl.col("owner").cast(pl.String)),
        part=pl.Series(ends).search_sorted(pl.int_range(rows, eager=True), side="right"),
    )
    counts = table.filter(pl.col("owner") >= 0).get_column("key").value_counts()
    lanes = lane_map(dict(counts.iter_rows()), rows, way)
    keys = table.get_column("key").unique()
    lane_of = pl.DataFrame({"key": keys, "lane": lanes.lanes_of(keys.to_list())})
    ordered = table.join(lane_of, on="key").sort("part", "lane", "owner", "row")
    rows_max = way.speed.rows_max(way.batch_rows_max)
    parts = ordered.partition_by("part", as_dict=True, maintain_order=True)
    for part in range(len(ends)):
        frame = parts.get((part,), ordered.clear())
        yield [
            SimulatedBatch(int(lane.item(0, "lane")), 1, rows)
            for lane in frame.partition_by("lane", maintain_order=True)
            for rows in cut_evenly(lane.get_column("row").to_list(), rows_max)
        ]
