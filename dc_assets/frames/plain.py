"""Tells which values are canonical as they stand. Most are, and to see that costs little.

Nothing here decides what is canonical: `canon.CANON` does, and leaves a plain value as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from dc_assets.core.spec import NUMBERS, ColumnSpec, ColumnType, LoadSpec

OF_FEW_VALUES: frozenset[ColumnType] = frozenset({"boolean", "date"})
"""Types whose rows have few distinct values, which tell of all."""

Values = TypeVar("Values", pl.Expr, pl.Series)

_NUMBER = r"^(-?[1-9][0-9]*|0)(\.[0-9]*[1-9])?$"
_PATTERNS: Mapping[ColumnType, str] = {
    "multipicklist": r"^[!-:<-~]([ -:<-~]*[!-:<-~])?$",
    "number": _NUMBER,
    "currency": _NUMBER,
    "percent": _NUMBER,
    "boolean": r"^(true|false)$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "datetime": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.000Z$",
}


def is_plain(values: Values, kind: ColumnType) -> Values:
    """Tell which values the rule of their type leaves as they are; of "" it says nothing."""
    if kind in _PATTERNS:
        return values.str.contains(_PATTERNS[kind])
    return ~values.str.contains("\r", literal=True)


@dataclass(frozen=True, slots=True)
class Look:
    """What the columns of a frame hold, by target field, the external id aside.

    Attributes:
        odd: they have a value that may not be canonical, or one that `rewritten_values` counts.
        empty: they have an empty text, which is null.
    """

    odd: frozenset[str]
    empty: frozenset[str]


def look(frame: pl.DataFrame, names: Mapping[str, str], spec: LoadSpec) -> Look:
    """Look at all values of a frame once; ``names`` has the column of each target field."""
    columns = [c for c in spec.columns if c.target != spec.target.external_id]
    values = {c.target: pl.col(names[c.target]) for c in columns}
    odd = frame.select(_is_odd(values[c.target], c).alias(c.target) for c in columns)
    empty = frame.select((value == "").any().alias(name) for name, value in values.items())
    return Look(_told(odd), _told(empty))


def _told(flags: pl.DataFrame) -> frozenset[str]:
    return frozenset(name for name in flags.columns if flags.item(0, name))


def _is_odd(value: pl.Expr, column: ColumnSpec) -> pl.Expr:
    """Tell whether a column is odd; one of numbers is, for most have some needless decimals."""
    if column.type in NUMBERS:
        return pl.lit(value=True)
    if column.type not in _PATTERNS:  # such a rule leaves "" as it is too
        odd = (~is_plain(value, column.type)).any()
    elif column.type in OF_FEW_VALUES:  # named once: each `unique` has an order of its own
        odd = (~is_plain(value.filter(value != "").unique(), column.type)).any()
    else:
        odd = (~is_plain(value, column.type) & (value != "")).any()
    if column.blanks == "strip":
        odd |= has_outer_blanks(value).any()
    if column.type == "boolean" and column.when_null == "null":
        odd |= (value.fill_null("") == "").any()
    return odd


def has_outer_blanks(text: pl.Expr) -> pl.Expr:
    """Tell which texts have blanks around them."""
    return text.str.strip_chars().str.len_bytes() != text.str.len_bytes()
