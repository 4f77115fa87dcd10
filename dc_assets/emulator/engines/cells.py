"""What the cells of an upload say for themselves: their errors, and how they are echoed.

An empty cell says "leave as it is", ``#N/A`` says null; every other text must be a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from dc_assets.emulator.engines.binding import BoundColumn, QueryPlan
from dc_assets.emulator.engines.id_rules import Error, both_parents, given, id_errors
from dc_assets.emulator.schema import Field

FIELD_CHARACTERS_MAX = 131_072
RECORD_CHARACTERS_MAX = 400_000
"""Both from the limits of Bulk API 2.0, v67."""
TEXT_CHARACTERS_MAX = {"textarea": 32_000, "string": 255, "email": 80, "phone": 40, "url": 255}
"""Of a text field that names no length: what an org gives its type."""
INT_MAX = 2**31 - 1
DATES = (date(1700, 1, 1), date(4000, 12, 31))
"""The first and the last day of an org's date fields."""
NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
DATETIME = r"^[0-9-]{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])$"

XSD_TYPES = {
    "date": "date",
    "datetime": "dateTime",
    "int": "int",
    "currency": "double",
    "double": "double",
    "percent": "double",
    "boolean": "boolean",
}
RENDERED = frozenset({"currency", "double", "percent"})
"""Types whose cells come back in result files as a Java double is written."""

PLAIN_MIN, PLAIN_MAX = 1e-3, 1e7
"""Numbers of this range are written without an exponent."""


def cell_errors(frame: pl.DataFrame, plan: QueryPlan) -> pl.DataFrame:
    """The frame with the first error of each row from the left in ``error``, if it had none."""
    cells = [column.cell for column in plan.columns]
    # No text has more characters than bytes, which are counted faster.
    sizes = frame.select(pl.col(cells).str.len_bytes().max().fill_null(0)).row(0)
    errors = [*_record_errors(plan.columns, sum(sizes)), *both_parents(plan)]
    for column, bytes_max in zip(plan.columns, sizes, strict=True):
        errors += [*id_errors(plan, column), *_errors(column, bytes_max)]
    return with_first_error(frame, errors)


def with_first_error(frame: pl.DataFrame, errors: Sequence[Error]) -> pl.DataFrame:
    """The frame whose column ``error`` has, where it was null, the first of these a row has."""
    if not errors:
        return frame
    met = frame.select(mask.any().alias(f"e{n}") for n, (mask, _) in enumerate(errors)).row(0)
    texts = [
        pl.when(mask).then(text)
        for (mask, text), any_row in zip(errors, met, strict=True)
        if any_row
    ]
    return frame.with_columns(error=pl.coalesce("error", *texts)) if texts else frame


def _record_errors(columns: tuple[BoundColumn, ...], bytes_max: int) -> Iterator[Error]:
    if bytes_max <= RECORD_CHARACTERS_MAX:
        return
    length = pl.sum_horizontal(pl.col(column.cell).str.len_chars() for column in columns)
    text = f"STRING_TOO_LONG:Record: data value too large: (max length={RECORD_CHARACTERS_MAX}):--"
    yield length > RECORD_CHARACTERS_MAX, pl.lit(text)


def _errors(column: BoundColumn, bytes_max: int) -> Iterator[Error]:
    field, cell = column.field, pl.col(column.cell)
    if bytes_max > FIELD_CHARACTERS_MAX:
        limit = FIELD_CHARACTERS_MAX
        yield cell.str.len_chars() > limit, _too_long(field, cell, limit)
    if not field.writable and field.type != "id":
        yield given(cell), pl.lit(not_writable(field))
    elif field.type in XSD_TYPES:
        yield from _typed_errors(column)
    elif field.is_text and not column.parents:
        limit = field.length or TEXT_CHARACTERS_MAX.get(field.type, 255)
        if bytes_max > limit:
            yield cell.str.len_chars() > limit, _too_long(field, cell, limit)
        if field.restricted and field.values:
            head = (
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:bad value for restricted picklist field: "
            )
            text = pl.concat_str(pl.lit(head), cell, pl.lit(f":{field.name} --"))
            yield given(cell) & ~cell.is_in(list(field.values)), text


def _typed_errors(column: BoundColumn) -> Iterator[Error]:
    field, cell = column.field, pl.col(column.cell)
    text = pl.concat_str(
        pl.lit(f"INVALID_FIELD:Failed to deserialize field at col {column.number}. Due to, '"),
        cell,
        pl.lit(f"' is not a valid value for the type xsd:{XSD_TYPES[field.type]}:{field.name} --"),
    )
    yield given(cell) & ~_is_valid(field, cell).fill_null(value=False), text
    if field.type in {"date", "datetime"}:
        head, tail = f"FIELD_INTEGRITY_EXCEPTION:{field.label}: invalid date: ", f":{field.name} --"
        in_range = _day(cell).is_between(*DATES)
        yield given(cell) & ~in_range, pl.concat_str(pl.lit(head), cell, pl.lit(tail))
    if field.is_number:
        range_text = (
            f"NUMBER_OUTSIDE_VALID_RANGE:{field.label}: value outside of valid range on numeric "
            f"field:{field.name} --"
        )
        limit = 10.0 ** (field.precision - field.scale)
        too_big = cell.cast(pl.Float64, strict=False).abs() >= limit
        yield given(cell) & too_big.fill_null(value=False), pl.lit(range_text)


def _is_valid(field: Field, cell: pl.Expr) -> pl.Expr:
    match field.type:
        case "date":
            return _day(cell).is_not_null() & (cell.str.len_bytes() == len("2026-01-31"))
        case "datetime":
            moment = cell.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False)
            return cell.str.contains(DATETIME) & moment.is_not_null()
        case "boolean":
            return cell.str.to_lowercase().is_in(["true", "false", "1", "0"])
        case "int":
            number = cell.cast(pl.Int64, strict=False)
            fits = number.is_between(-INT_MAX - 1, INT_MAX)
            return cell.str.contains("^[+-]?[0-9]+$") & fits
        case _:
            return cell.str.contains(NUMBER)


def _day(cell: pl.Expr) -> pl.Expr:
    return cell.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _too_long(field: Field, cell: pl.Expr, limit: int) -> pl.Expr:
    return pl.concat_str(
        pl.lit(f"STRING_TOO_LONG:{field.label}: data value too large: "),
        cell.str.slice(0, 255),
        pl.lit(f" (max length={limit}):{field.name} --"),
    )


def not_writable(field: Field) -> str:
    """What a row is told that sets a field it may not set."""
    return (
        f"INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: {field.name}. Please "
        "check the security settings of this field and verify that it is read/write for your "
        f"profile or permission set.:{field.name} --"
    )


def echoed(column: BoundColumn) -> pl.Expr:
    """The cell as a result file shows it: numbers are written anew, what is none stays."""
    cell = pl.col(column.cell)
    if column.field.type not in RENDERED:
        return cell
    read = cell.cast(pl.Float64, strict=False)
    number = pl.when(read.is_finite()).then(read)
    return pl.coalesce(number.map_batches(_java_texts, return_dtype=pl.String), cell)


def _java_texts(numbers: pl.Series) -> pl.Series:
    """The texts Java gives doubles: most are written plainly, by the column."""
    size, plain = numbers.abs(), numbers.cast(pl.String)
    if size.is_between(PLAIN_MIN, PLAIN_MAX, closed="left").all():
        return plain
    is_plain = (((size >= PLAIN_MIN) & (size < PLAIN_MAX)) | (size == 0)).fill_null(value=True)
    if is_plain.all():
        return plain
    other = numbers.filter(~is_plain).map_elements(java_double, return_dtype=pl.String)
    return plain.scatter((~is_plain).arg_true(), other)


def java_double(number: float) -> str:
    """The text Java gives a double.

    >>> java_double(912260031.0), java_double(1200.5), java_double(-0.00012)
    ('9.12260031E8', '1200.5', '-1.2E-4')
    """
    if number == 0 or PLAIN_MIN <= abs(number) < PLAIN_MAX:
        return repr(number)
    mantissa, _, exponent = f"{number:e}".partition("e")
    for digits in range(1, 17):
        mantissa, _, exponent = f"{number:.{digits}e}".partition("e")
        if float(f"{mantissa}e{exponent}") == number:
            break
    return f"{mantissa}E{int(exponent)}"
