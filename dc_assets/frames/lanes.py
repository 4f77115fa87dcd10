"""Sort rows into lanes, and cut a lane into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from dc_assets.core.lanes import LaneMap
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.canon import LANE
from dc_assets.frames.csv_codec import PAYLOAD_BYTES_MAX, payload_bytes


def with_lane(rows: pl.DataFrame, spec: LoadSpec, lanes: LaneMap) -> pl.DataFrame:
    """Add the lane of each row and sort by it.

    A row without a parent locks nobody's parent, so its own id spreads it over the lanes. Rows of
    one lane stay in their order.
    """
    key = pl.col(spec.target.external_id)
    owner = key if spec.parent_target is None else pl.coalesce(pl.col(spec.parent_target), key)
    owners = rows.select(owner.alias("owner")).to_series()
    numbers = lanes.lanes_of_joined(owners.str.join("\0", ignore_nulls=False).item())
    if len(numbers) != rows.height:  # no row, or a NUL within an owner
        numbers = lanes.lanes_of(owners.to_list())
    placed = pl.DataFrame({LANE: numbers}, {LANE: pl.UInt16}).with_row_index("row")
    order = placed.group_by(LANE).agg("row").sort(LANE).explode("row")
    return rows[order.get_column("row")].with_columns(order.get_column(LANE))


def in_sending_order(
    rows: pl.DataFrame, spec: LoadSpec, within: Sequence[str] = ()
) -> pl.DataFrame:
    """Sort by parent, then external id: children of one parent share as few chunks as they can.

    ``within`` are columns that come before them, such as the lane.
    """
    parent = [] if spec.parent_target is None else [spec.parent_target]
    return rows.sort([*within, *parent, spec.target.external_id], nulls_last=True)


def cut(
    rows: pl.DataFrame, batch_rows_max: int, bytes_max: int = PAYLOAD_BYTES_MAX
) -> Iterator[pl.DataFrame]:
    """Cut a lane into batches of nearly equal size, none above ``batch_rows_max`` rows.

    None is above ``bytes_max`` bytes of payload either, but for one of a single row.
    """
    count = max(-(-rows.height // batch_rows_max), -(-payload_bytes(rows) // bytes_max))
    for number in range(count):
        start = rows.height * number // count
        part = rows.slice(start, rows.height * (number + 1) // count - start)
        yield from _halved(part, bytes_max)


def _halved(rows: pl.DataFrame, bytes_max: int) -> Iterator[pl.DataFrame]:
    """Halve a batch until its parts fit: long rows may stand beside each other."""
    if rows.height > 1 and payload_bytes(rows) > bytes_max:
        middle = rows.height // 2
        yield from _halved(rows.head(middle), bytes_max)
        yield from _halved(rows.slice(middle), bytes_max)
    elif not rows.is_empty():
        yield rows
