"""Sort rows into lanes, and cut a lane into batches."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from dc_assets.core.lanes import LaneMap
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.canon import LANE


def with_lane(rows: pl.DataFrame, spec: LoadSpec, lanes: LaneMap) -> pl.DataFrame:
    """Add the lane of each row and sort by it.

    A row without a parent locks nobody's parent, so its own id spreads it over the lanes. The hash
    is computed once per distinct parent, not per row.
    """
    key = pl.col(spec.target.external_id)
    owner = key if spec.parent_target is None else pl.coalesce(pl.col(spec.parent_target), key)
    owned = rows.with_columns(owner.alias("__owner"))
    distinct = owned.get_column("__owner").unique()
    numbers = pl.Series(LANE, lanes.lanes_of(distinct.to_list()), dtype=pl.UInt16)
    table = pl.DataFrame({"__owner": distinct, LANE: numbers})
    return owned.join(table, on="__owner", how="left").drop("__owner").sort(LANE)


def in_sending_order(rows: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Sort by parent, then external id: children of one parent share as few chunks as they can."""
    order = [spec.target.external_id]
    if spec.parent_target is not None:
        order.insert(0, spec.parent_target)
    return rows.sort(order, nulls_last=True)


def cut(rows: pl.DataFrame, batch_rows_max: int) -> Iterator[pl.DataFrame]:
    """Cut a lane into batches of nearly equal size, none above ``batch_rows_max`` rows."""
    count = -(-rows.height // batch_rows_max)
    for number in range(count):
        start = rows.height * number // count
        yield rows.slice(start, rows.height * (number + 1) // count - start)
