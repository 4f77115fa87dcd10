"""Canonical text of values."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import get_args

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dc_assets.core.spec import NUMBERS, BlankPolicy, ColumnSpec, ColumnType, LoadSpec, NullPolicy
from dc_assets.frames.canon import (
    CANON,
    TEXTS,
    as_replayed,
    canonical,
    canonical_target,
    canonical_text,
    comparable_text,
    outer_blanks,
)
from dc_assets.frames.plain import Look
from dc_assets.frames.rewritten import rewritten_values
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


def columns_of(kind: ColumnType) -> LoadSpec:
    """Return a spec with a column of one type under each policy."""
    scales = [None, 2] if kind in NUMBERS else [None]
    policies = product(get_args(BlankPolicy), get_args(NullPolicy), scales)
    columns = [
        {"source": f"v{number}", "target": f"V{number}", "type": kind, "scale": scale}
        | {"blanks": blanks, "when_null": when_null}
        for number, (blanks, when_null, scale) in enumerate(policies)
    ]
    source = {"object": "Things__dlm", "key": KEY}
    return small_spec(source=source, columns=[{"source": KEY, "target": EXTERNAL_ID}, *columns])


def page_of(values: list[str | None], spec: LoadSpec) -> pl.DataFrame:
    """Return a page that has the same values in each column."""
    return pl.DataFrame({c.source: pl.Series(values, dtype=pl.String) for c in spec.columns})


VALUES = st.lists(AWKWARD, max_size=4)


@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=10)
@given(values=VALUES)
@example(values=[None])
@example(values=["", "true"])
@example(values=["1.234"])
@example(values=[None, " x"])
def test_to_look_at_a_column_first_changes_nothing_but_the_way(
    values: list[str | None], kind: ColumnType
) -> None:
    """What is taken as it is comes out as by the way of odd values, and as many are rewritten."""
    spec = columns_of(kind)
    page = page_of(values, spec)
    odd = Look(odd=frozenset(spec.targets) - {EXTERNAL_ID}, empty=frozenset())
    rows = canonical(page, spec)
    assert rows.equals(canonical(page, spec, odd))
    assert rewritten_values(page, spec) == rewritten_values(page, spec, odd)
    named = page.select(pl.col(c.source).alias(c.target.upper()) for c in spec.columns)
    assert canonical_target(named, spec).equals(rows)


@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=10)
@given(values=VALUES)
def test_blanks_are_counted_where_they_are_not_compared(
    values: list[str | None], kind: ColumnType
) -> None:
    """A text is compared without the blanks around it, and each that has some counts."""
    spec = columns_of(kind)
    rows = canonical(page_of(values, spec), spec)
    compared, counted = as_replayed(rows, spec), outer_blanks(rows, spec)
    for column in spec.columns[1:] if kind in TEXTS else ():
        name = column.target
        expected = rows.select(comparable_text(pl.col(name), column)).to_series()
        assert compared.get_column(name).equals(expected)
        assert counted.get(name, 0) == rows.get_column(name).ne_missing(expected).sum()
    assert kind in TEXTS or not counted


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
