"""Both sides joined by external id."""

from __future__ import annotations

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from dc_assets.frames.differences import (
    ALIKE,
    DIGEST,
    IN_SOURCE,
    IN_TARGET,
    at_source,
    at_target,
    key_by_key,
    side_by_side,
)
from dc_assets_tests.fakes.specs import EXTERNAL_ID, small_spec

ROWS = st.lists(st.tuples(st.sampled_from("aAbcdé"), st.integers(0, 2)), max_size=6)


@given(
    source=ROWS,
    target=ROWS,
    is_sorted=st.booleans(),
    is_same=st.booleans(),
    rows_at_once=st.integers(1, 4),
)
@example(source=[("b", 0), ("a", 0)], target=[], is_sorted=False, is_same=True, rows_at_once=9)
@example(
    source=[("a", 0), ("a", 0)],
    target=[("a", 0), ("b", 0)],
    is_sorted=True,
    is_same=False,
    rows_at_once=9,
)
@example(
    source=[("a", 0), ("c", 0)],
    target=[("a", 0), ("b", 0)],
    is_sorted=True,
    is_same=False,
    rows_at_once=9,
)
def test_keys_of_both_sides_are_joined_as_by_a_full_join(
    source: list[tuple[str, int]],
    target: list[tuple[str, int]],
    is_sorted: bool,  # noqa: FBT001 - drawn
    is_same: bool,  # noqa: FBT001 - drawn
    rows_at_once: int,
) -> None:
    """Sides of the same keys take a shorter way; doubled, missing and extra keys must not.

    Wherever the sides are cut, each key is joined with all of its rows.
    """
    spec = small_spec()
    left = _side(sorted(source) if is_sorted else source)
    right = _side(list(dict(source).items()) if is_same else target)
    full = side_by_side(left, right, spec)
    alike = full.get_column(at_source(DIGEST)).eq_missing(full.get_column(at_target(DIGEST)))
    expected = full.select(EXTERNAL_ID, IN_SOURCE, IN_TARGET, alike.alias(ALIKE))
    found = key_by_key(left, right, spec, rows_at_once)
    assert found.columns == expected.columns
    assert sorted(found.rows()) == sorted(expected.rows())
    assert found.get_column(EXTERNAL_ID).is_sorted()


def _side(rows: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={EXTERNAL_ID: pl.String, DIGEST: pl.UInt64}, orient="row")
