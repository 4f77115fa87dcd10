"""The canonical text of a value: what the org is sent and what the checks compare.

The source hands every value over as text (`docs/adr/0003-the-reader-asks-for-text.md`), so nothing
passes through a float. A text that is not of its column's type is left as it is: the org then
refuses the row by name, which is better than a value that silently became null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from dc_assets.core.spec import NUMBERS, ColumnSpec, ColumnType, LoadSpec
from dc_assets.frames.plain import Look, has_outer_blanks, is_plain, look

LANE = "__lane"
"""Column that carries the lane number beside the target columns."""

TEXTS: frozenset[ColumnType] = frozenset({"text", "picklist", "reference"})
"""Types whose values are sent with the blanks around them."""

DOUBLE_DIGITS = 15
"""Digits of any decimal number that survive a double."""


def canonical(frame: pl.DataFrame, spec: LoadSpec, seen: Look | None = None) -> pl.DataFrame:
    """Rename source columns to target fields and bring every value into canonical text.

    The frame has one text column per source name; the result has one per target field, in the
    order of the spec. The external id is never changed, not even from "" to null. ``seen`` is what
    `look_at_source` saw of the frame, where it was asked before.
    """
    return _brought(frame, _names(spec), spec, seen or look_at_source(frame, spec))


def look_at_source(frame: pl.DataFrame, spec: LoadSpec) -> Look:
    """Look at the values of source columns."""
    return look(frame, _names(spec), spec)


def canonical_target(frame: pl.DataFrame, spec: LoadSpec) -> pl.DataFrame:
    """Bring records of the org into the same form; column names are matched without case."""
    by_case = {name.lower(): name for name in frame.columns}
    names = {c.target: by_case[c.target.lower()] for c in spec.columns}
    return _brought(frame, names, spec, look(frame, names, spec))


def _names(spec: LoadSpec) -> Mapping[str, str]:
    return {c.target: c.source for c in spec.columns}


def _brought(
    frame: pl.DataFrame, names: Mapping[str, str], spec: LoadSpec, seen: Look
) -> pl.DataFrame:
    return frame.select(
        canonical_text(pl.col(names[c.target]), c).alias(c.target)
        if c.target in seen.odd
        else _nulled(pl.col(names[c.target])).alias(c.target)
        if c.target in seen.empty
        else pl.col(names[c.target]).alias(c.target)
        for c in spec.columns
    )


def _nulled(value: pl.Expr) -> pl.Expr:
    return pl.when(value != "").then(value)


def as_replayed(
    frame: pl.DataFrame, spec: LoadSpec, blanks: Mapping[str, int] | None = None
) -> pl.DataFrame:
    """Bring canonical rows to what an org can answer of them, for comparison.

    An org keeps 18 digits and answers an `xsd:double` (sObject Describe, soapType): of a number
    with more than 15 digits the nearest double is all that both sides can be compared with. It may
    drop the blanks around a text, which is then compared without them; ``blanks`` is what
    `outer_blanks` counted, where it was asked before.
    """
    blanks = outer_blanks(frame, spec) if blanks is None else blanks
    numbers = [c.target for c in spec.columns if c.type in NUMBERS]
    return frame.with_columns(
        *(_nulled(pl.col(name).str.strip_chars()).alias(name) for name in blanks),
        *(pl.col(name).map_batches(_nearest_doubles, return_dtype=pl.String) for name in numbers),
    )


def comparable_text(value: pl.Expr, column: ColumnSpec) -> pl.Expr:
    """Return the canonical text of one column without blanks that an org may drop."""
    text = canonical_text(value, column)
    if column.blanks == "exact":
        return text
    return text.map_batches(_without_outer_blanks, return_dtype=pl.String)


def outer_blanks(frame: pl.DataFrame, spec: LoadSpec) -> Mapping[str, int]:
    """Count the values of canonical rows that have blanks around them, by field.

    Only those count whose blanks are sent and not compared.
    """
    texts = [c.target for c in spec.columns if _may_lose_blanks(c, spec)]
    counts = frame.select(has_outer_blanks(pl.col(name)).sum() for name in texts)
    return {name: int(counts.item(0, name)) for name in texts if counts.item(0, name)}


def _may_lose_blanks(column: ColumnSpec, spec: LoadSpec) -> bool:
    is_key = column.target == spec.target.external_id
    return column.type in TEXTS and column.blanks == "keep" and not is_key


def _without_outer_blanks(texts: pl.Series) -> pl.Series:
    stripped = texts.str.strip_chars()
    if stripped.str.len_bytes().sum() == texts.str.len_bytes().sum():
        return texts
    return _nulls_for_empty(stripped)


def _nulls_for_empty(texts: pl.Series) -> pl.Series:
    is_empty = texts == ""
    return texts.set(is_empty, None) if is_empty.any() else texts


def _nearest_doubles(texts: pl.Series) -> pl.Series:
    if not (texts.str.len_bytes() > DOUBLE_DIGITS).any():  # so it is of most columns
        return texts
    number = texts.str.contains(r"^-?\d+(\.\d+)?$")
    long = (number & (texts.str.count_matches(r"\d") > DOUBLE_DIGITS)).fill_null(value=False)
    if not long.any():
        return texts
    found = texts.filter(long).unique().to_list()
    return texts.replace(found, [_bare(f"{Decimal(repr(float(text))):f}") for text in found])


def canonical_text(value: pl.Expr, column: ColumnSpec) -> pl.Expr:
    """Return the canonical text of one column; "" is null in every type."""
    return value.map_batches(lambda texts: _canonical(texts, column), return_dtype=pl.String)


def _canonical(texts: pl.Series, column: ColumnSpec) -> pl.Series:
    """Work on the values that may not be canonical."""
    kept = _nulls_for_empty(texts.str.strip_chars() if column.blanks == "strip" else texts)
    odd = (~is_plain(kept, column.type)).arg_true()
    text = kept.clone().scatter(odd, _ruled(kept.gather(odd), column.type)) if len(odd) else kept
    if column.type == "boolean" and column.when_null == "null":
        text = text.fill_null("false")  # a checkbox of an org has no third state
    return text if column.scale is None else _rounded(text, column.scale)


def _ruled(texts: pl.Series, kind: ColumnType) -> pl.Series:
    """Return the canonical text of values by the rule of their type."""
    bare = _trimmed(texts) if kind in NUMBERS else texts
    found = bare.filter(~is_plain(bare, kind)).unique()
    if found.is_empty():
        return bare
    typed = found.to_frame("found").select(CANON[kind](pl.col("found"))).to_series()
    return bare.replace(found, _nulls_for_empty(typed))  # blanks alone are no number and no date


def _trimmed(texts: pl.Series) -> pl.Series:
    """Drop the needless decimals of numbers that nothing else is wrong with."""
    text = pl.col("text")
    bare = text.str.strip_chars_end("0").str.strip_suffix(".")
    has_decimals = text.str.contains(r"^(-?[1-9][0-9]*|0)\.[0-9]+$")
    return (
        texts.to_frame("text").select(pl.when(has_decimals).then(bare).otherwise(text)).to_series()
    )


def _rounded(texts: pl.Series, scale: int) -> pl.Series:
    """Round numbers with more decimals than the field has, half away from zero, as an org does."""
    long = texts.str.contains(rf"^-?\d+\.\d{{{scale + 1},}}$").fill_null(value=False)
    if not long.any():
        return texts
    unit = Decimal(1).scaleb(-scale)
    found = texts.filter(long).unique().to_list()
    rounded = [Decimal(text).quantize(unit, rounding=ROUND_HALF_UP) for text in found]
    return texts.replace(found, [_bare(f"{number:f}") for number in rounded])


def _bare(number: str) -> str:
    """Drop needless decimals and the sign of zero."""
    bare = number.rstrip("0").rstrip(".") if "." in number else number
    return "0" if bare == "-0" else bare


def _text(value: pl.Expr) -> pl.Expr:
    """Line ends become LF: an ingest job refuses a file that mixes them (ClientInputError)."""
    return value.str.replace_all("\r\n", "\n", literal=True).str.replace_all(
        "\r", "\n", literal=True
    )


def _number(value: pl.Expr) -> pl.Expr:
    """Drop a plus sign, needless zeros and a bare point: 0012.500 is 12.5, -0.0 is 0.

    A number with an exponent is written out by exact decimal arithmetic, never by a float.
    """
    plain = value.str.strip_chars().map_batches(_without_exponents, return_dtype=pl.String)
    digits = (
        plain.str.replace(r"^\+", "")
        .str.replace(r"^(-?)\.", "${1}0.")
        .str.replace(r"^(-?)0+(\d)", "${1}${2}")
        .str.replace(r"(\.\d*?)0+$", "${1}")
        .str.replace(r"\.$", "")
        .str.replace(r"^-0$", "0")
    )
    return pl.when(plain.str.contains(r"^[+-]?(\d+(\.\d*)?|\.\d+)$")).then(digits).otherwise(plain)


def _without_exponents(texts: pl.Series) -> pl.Series:
    """Write out the few numbers that carry an exponent: 9.12E3 is 9120."""
    pattern = r"^[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}$"
    scientific = texts.str.contains(pattern).fill_null(value=False)
    if not scientific.any():
        return texts
    found = texts.filter(scientific).unique().to_list()
    return texts.replace(found, [f"{Decimal(text):f}" for text in found])


def _multipicklist(value: pl.Expr) -> pl.Expr:
    """Sort the values: an org keeps a set and answers it in an order of its own."""
    values = value.str.split(";").list.eval(pl.element().str.strip_chars())
    return values.list.unique().list.sort().list.join(";")


def _boolean(value: pl.Expr) -> pl.Expr:
    lower = value.str.strip_chars().str.to_lowercase()
    return (
        pl.when(lower.is_in(["true", "t", "1", "yes"]))
        .then(pl.lit("true"))
        .when(lower.is_in(["false", "f", "0", "no"]))
        .then(pl.lit("false"))
        .otherwise(value)
    )


def _date(value: pl.Expr) -> pl.Expr:
    """Keep yyyy-MM-dd of a date or of a timestamp at midnight; anything else stays."""
    plain = value.str.strip_chars()
    midnight = plain.str.contains(r"^\d{4}-\d{2}-\d{2}([ T]00:00(:00(\.0+)?)?(Z|[+-]00(:?00)?)?)?$")
    return pl.when(midnight).then(plain.str.slice(0, 10)).otherwise(plain)


def _datetime(value: pl.Expr) -> pl.Expr:
    """Bring a timestamp to UTC and whole seconds; one without a zone is taken as UTC.

    An org drops the fraction of a second, and does not round it.
    """
    plain = value.str.strip_chars().str.replace(r"[zZ]$", "+00:00").str.replace("T", " ")
    zoned = (
        pl.when(plain.str.contains(r"[+-]\d{2}(:?\d{2})?$") & plain.str.contains(":"))
        .then(plain.str.replace(r"([+-]\d{2})$", "${1}:00"))
        .otherwise(plain + "+00:00")
    )
    parsed = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", strict=False)
    return pl.coalesce(parsed.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"), value)


CANON: dict[ColumnType, Callable[[pl.Expr], pl.Expr]] = {
    "text": _text,
    "picklist": _text,
    "multipicklist": _multipicklist,
    "number": _number,
    "currency": _number,
    "percent": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "reference": _text,
}
