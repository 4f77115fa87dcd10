"""Rows in lanes, and lanes in batches."""

from __future__ import annotations

from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.lanes import LaneMap
from dc_assets.frames.canon import LANE
from dc_assets.frames.csv_codec import encode
from dc_assets.frames.lanes import cut, in_sending_order, with_lane
from dc_assets_tests.fakes.specs import EXTERNAL_ID, PARENT, small_spec, text_frame

NAMES = [EXTERNAL_ID, "Title__c", "Price__c", PARENT]


def things(parents: list[str | None]) -> pl.DataFrame:
    """Return one canonical row for each parent, with ids in order."""
    return text_frame(
        [
            {EXTERNAL_ID: f"id{n:05}", "Title__c": None, "Price__c": None, PARENT: parent}
            for n, parent in enumerate(parents)
        ],
        NAMES,
    )


@given(
    parents=st.lists(st.none() | st.text("abAB\0", max_size=3), max_size=60),
    shared=st.integers(1, 8),
)
def test_rows_of_one_parent_are_in_one_lane(parents: list[str | None], shared: int) -> None:
    """No parent, however its case is written, has rows in two lanes, and no row is lost."""
    placed = with_lane(things(parents), small_spec(), LaneMap(shared, named=(("a",),)))
    lanes: dict[str, set[int]] = defaultdict(set)
    for parent, lane in placed.select(PARENT, LANE).iter_rows():
        if parent is not None:
            lanes[parent.lower()].add(lane)
    assert all(len(found) == 1 for found in lanes.values())
    assert sorted(placed.get_column(EXTERNAL_ID)) == things(parents)[EXTERNAL_ID].to_list()


def test_rows_without_a_parent_are_spread() -> None:
    """They lock nobody, so they fill all lanes and not one."""
    placed = with_lane(things([None] * 400), small_spec(), LaneMap(shared=8))
    rows = placed.group_by(LANE).len().get_column("len")
    assert len(rows) == 8
    assert max(rows) < 100


def test_an_object_without_a_parent_is_spread_by_id() -> None:
    """Without a parent column the id itself decides the lane."""
    source = {"object": "Things__dlm", "key": "Key__c"}
    placed = with_lane(things(["p"] * 400), small_spec(source=source), LaneMap(shared=8))
    assert placed.get_column(LANE).n_unique() == 8


def test_lanes_come_in_order() -> None:
    """A page is sorted by lane, so that a lane is read back without the others."""
    placed = with_lane(things([f"p{n}" for n in range(50)]), small_spec(), LaneMap(shared=8))
    assert placed.get_column(LANE).is_sorted()


def test_children_of_a_parent_are_sent_beside_each_other() -> None:
    """The order is parent, then external id; rows without a parent come last."""
    sent = in_sending_order(things(["b", None, "a", "b", "a"]), small_spec())
    assert sent.select(PARENT, EXTERNAL_ID).rows() == [
        ("a", "id00002"),
        ("a", "id00004"),
        ("b", "id00000"),
        ("b", "id00003"),
        (None, "id00001"),
    ]


@given(rows=st.integers(0, 500), rows_max=st.integers(1, 120))
def test_batches_are_nearly_equal_and_lose_nothing(rows: int, rows_max: int) -> None:
    """No batch is above the limit, two differ by one row at most, and no fewer would do."""
    lane = things(["p"] * rows)
    parts = list(cut(lane, rows_max))
    sizes = [part.height for part in parts]
    assert [i for part in parts for i in part[EXTERNAL_ID]] == lane[EXTERNAL_ID].to_list()
    assert len(sizes) == -(-rows // rows_max)
    assert all(0 < size <= rows_max for size in sizes)
    assert not sizes or max(sizes) - min(sizes) <= 1


@given(
    lengths=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    rows_max=st.integers(1, 30),
    quote=st.sampled_from(["x", '"', "é"]),
)
def test_no_batch_is_above_the_bytes_of_an_upload(
    lengths: list[int], rows_max: int, quote: str
) -> None:
    """Long rows are cut further, nothing is lost, and a row that is too long by itself is alone."""
    lane = things(["p"] * len(lengths)).with_columns(
        pl.Series("Title__c", [quote * length for length in lengths])
    )
    parts = list(cut(lane, rows_max, bytes_max=2_000))
    assert [i for part in parts for i in part[EXTERNAL_ID]] == lane[EXTERNAL_ID].to_list()
    assert all(0 < part.height <= rows_max for part in parts)
    spec = small_spec()
    header = len(encode(lane.clear(), spec))
    assert all(part.height == 1 or len(encode(part, spec)) - header <= 2_000 for part in parts)
