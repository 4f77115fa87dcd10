"""Counts the values whose content the canonical form changes; mere notation does not count.

That 0012.50 is sent as 12.5 changes nothing. That a line end, a blank or a null becomes another one
does, and whoever proves a load has to know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.frames.canon import canonical_text, look_at_source
from dc_assets.frames.plain import Look


@dataclass(frozen=True, slots=True)
class Rewriting:
    """One way in which a value changes: the columns it may befall, and the values it befalls.

    Attributes:
        is_changed: tells it of all values, or of those that come into question.
    """

    name: str
    befalls: Callable[[ColumnSpec], bool]
    is_changed: Callable[[pl.Expr, ColumnSpec], pl.Expr]


def _kept(raw: pl.Expr, column: ColumnSpec) -> pl.Expr:
    return raw.str.strip_chars() if column.blanks == "strip" else raw


def _is_rounded(raw: pl.Expr, column: ColumnSpec) -> pl.Expr:
    """Look at the few values alone that have more decimals than the field, or an exponent."""
    long = raw.filter(raw.str.contains(rf"\.\d{{{(column.scale or 0) + 1}}}|[eE]"))
    unrounded = canonical_text(long, column.model_copy(update={"scale": None}))
    return unrounded.ne_missing(canonical_text(long, column))


REWRITINGS = (
    Rewriting(
        "line ends to LF",
        lambda column: column.type in {"text", "picklist", "reference"},
        lambda raw, _: raw.str.contains("\r", literal=True),
    ),
    Rewriting(
        "null to false",
        lambda column: column.type == "boolean" and column.when_null == "null",
        lambda raw, column: _kept(raw, column).fill_null("") == "",
    ),
    Rewriting(
        "blanks dropped",
        lambda column: column.blanks == "strip",
        lambda raw, _: raw != raw.str.strip_chars(),
    ),
    Rewriting(
        "rounded",
        lambda column: column.scale is not None,
        _is_rounded,
    ),
    Rewriting(
        "choices sorted",
        lambda column: column.type == "multipicklist",
        lambda raw, column: (raw != "") & raw.ne_missing(canonical_text(raw, column)),
    ),
    Rewriting(
        "cut to seconds",
        lambda column: column.type == "datetime",
        lambda raw, _: raw.str.contains(r"\.\d*[1-9]"),
    ),
)


def rewritten_values(
    page: pl.DataFrame, spec: LoadSpec, seen: Look | None = None
) -> Mapping[str, int]:
    """Return how many values of a page of source columns change, by field and way.

    The external id is never changed, nor is a column that is not odd. ``seen`` is what
    `look_at_source` saw of the page, where it was asked before.
    """
    odd = (seen or look_at_source(page, spec)).odd
    counts = [
        one.is_changed(pl.col(column.source), column)
        .fill_null(value=False)
        .sum()
        .alias(f"{column.target}: {one.name}")
        for column in spec.columns
        for one in REWRITINGS
        if column.target in odd and one.befalls(column)
    ]
    found = page.select(counts).row(0, named=True) if counts and page.height else {}
    return {what: int(values) for what, values in found.items() if values}
