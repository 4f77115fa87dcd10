"""Canonical text of values."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.spec import ColumnSpec, ColumnType
from dc_assets.frames.canon import CANON, canonical, canonical_text
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, PARENT, small_spec, text_frame

TYPES: tuple[ColumnType, ...] = get_args(ColumnType)


def canon(value: str | None, kind: ColumnType) -> str | None:
    """Return the canonical text of one value."""
    column = ColumnSpec(source="a", target="a", type=kind)
    frame = pl.DataFrame({"a": [value]}, schema={"a": pl.String})
    return frame.select(canonical_text(pl.col("a"), column)).item()


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("0012.500", "number", "12.5"),
        ("+7", "number", "7"),
        ("-0.0", "number", "0"),
        ("100", "number", "100"),
        ("1.", "number", "1"),
        (" 5 ", "number", "5"),
        ("1e5", "number", "100000"),
        ("twelve", "number", "twelve"),
        ("T", "boolean", "true"),
        ("0", "boolean", "false"),
        ("perhaps", "boolean", "perhaps"),
        ("2026-03-31T00:00:00.000Z", "date", "2026-03-31"),
        ("2026-03-31 00:00:00", "date", "2026-03-31"),
        ("2026-03-31 05:00:00", "date", "2026-03-31 05:00:00"),
        ("6/15/19", "date", "6/15/19"),
        ("2026-03-31T10:00:00Z", "datetime", "2026-03-31T10:00:00.000Z"),
        ("2026-03-31 10:00:00.123456+02:00", "datetime", "2026-03-31T08:00:00.000Z"),
        ("1969-12-31 23:59:59.999999", "datetime", "1969-12-31T23:59:59.000Z"),
        ("2026-03-31 10:00:00+02", "datetime", "2026-03-31T08:00:00.000Z"),
        ("2026-03-31T10:00:00-0500", "datetime", "2026-03-31T15:00:00.000Z"),
        ("2026-03-31 10:00:00", "datetime", "2026-03-31T10:00:00.000Z"),
        ("soon", "datetime", "soon"),
        ("a\r\nb\rc\nd", "text", "a\nb\nc\nd"),
        ("  spaced  ", "text", "  spaced  "),
    ],
)
def test_a_value_has_one_canonical_text(value: str, kind: ColumnType, expected: str) -> None:
    """Equal values of a type get equal text; what is not of the type stays as it is."""
    assert canon(value, kind) == expected


@pytest.mark.parametrize("kind", ["text", "number", "date", "datetime", "reference"])
@pytest.mark.parametrize("value", ["", None])
def test_empty_text_is_null(value: str | None, kind: ColumnType) -> None:
    """The org knows no empty text beside null."""
    assert canon(value, kind) is None


@pytest.mark.parametrize("value", ["", None])
def test_a_checkbox_without_a_value_is_false(value: str | None) -> None:
    """The org knows no third state, so null would never compare equal."""
    assert canon(value, "boolean") == "false"


@given(number=st.decimals(-(10**12), 10**12, places=6))
def test_a_number_keeps_its_value(number: Decimal) -> None:
    """Nothing passes through a float: the canonical text is exactly the same number."""
    text = canon(f"{number:f}", "number")
    assert text is not None
    assert Decimal(text) == number


@given(value=st.text(), kind=st.sampled_from(["text", "number", "boolean", "date", "datetime"]))
def test_canon_of_canon_is_canon(value: str, kind: ColumnType) -> None:
    """The checks compare canonical text of both sides, so canon must be a fixed point."""
    once = canon(value, kind)
    assert once is None or canon(once, kind) == once


NUMBER_LIKE = st.from_regex(r"[+-]?0{0,2}[0-9]{0,4}(\.[0-9]{0,4})?(e[0-9])?", fullmatch=True)
DATE_LIKE = st.from_regex(
    r"[0-9]{4}-[0-3][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.000Z)?"
)
CHOICES = st.text(st.sampled_from("ab; \r\u00a0é"), max_size=5)
AWKWARD = st.one_of(st.none(), NUMBER_LIKE, DATE_LIKE, CHOICES, st.sampled_from(["true", "T", "0"]))


@given(values=st.lists(AWKWARD, min_size=1, max_size=8), kind=st.sampled_from(TYPES))
def test_plain_values_and_their_neighbours_get_what_the_rule_of_their_type_says(
    values: list[str | None], kind: ColumnType
) -> None:
    """Values that look canonical pass by; a column must come out as if none had."""
    column = ColumnSpec(source="a", target="a", type=kind)
    frame = pl.DataFrame({"a": values}, schema={"a": pl.String})
    by_rule = pl.when(pl.col("a") != "").then(pl.col("a"))
    ruled = pl.col("ruled")
    expected = frame.select(CANON[kind](by_rule).alias("ruled")).select(
        pl.when(ruled != "").then(ruled)
    )
    if kind == "boolean":
        expected = expected.fill_null("false")
    found = frame.select(canonical_text(pl.col("a"), column)).to_series()
    assert found.to_list() == expected.to_series().to_list()


def test_the_external_id_is_never_changed() -> None:
    """An id is compared byte by byte, so not even empty text becomes null."""
    names = [KEY, "Title__c", "Price__c", "ParentKey__c"]
    rows: list[dict[str, str | None]] = [
        {KEY: "", "Title__c": "", "Price__c": "01", "ParentKey__c": ""},
        {KEY: " 01 \r\n", "Title__c": "x", "Price__c": None, "ParentKey__c": "p"},
    ]
    frame = canonical(text_frame(rows, names), small_spec())
    assert frame.columns == [EXTERNAL_ID, "Title__c", "Price__c", PARENT]
    assert frame.rows() == [("", None, "1", None), (" 01 \r\n", "x", None, "p")]
