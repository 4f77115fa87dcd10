"""What one cell of an upload means for a field, as SQL over the cell's text.

An empty cell says "leave as it is", ``#N/A`` says null; every other text must be a value.
"""

from __future__ import annotations

from collections.abc import Callable

from dc_assets.emulator.engines.binding import Column
from dc_assets.emulator.schema import Field
from dc_assets.emulator.stores.duck import literal, quoted

NULL_MARK = "#N/A"
FIELD_CHARACTERS_MAX = 131_072
NUMBER_PATTERN = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
DATE_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
DATETIME_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
XSD_TYPES = {
    "date": "date",
    "datetime": "dateTime",
    "int": "int",
    "currency": "double",
    "double": "double",
    "percent": "double",
    "boolean": "boolean",
}


def _number(field: Field, cell: str) -> str:
    return f"TRY_CAST({cell} AS {field.sql_type()})"


def _datetime(_: Field, cell: str) -> str:
    # The offset +0000 becomes +00:00, the only form the cast reads.
    offset = f"regexp_replace({cell}, '([+-][0-9][0-9])([0-9][0-9])$', '\\1:\\2')"
    return f"TRY_CAST(TRY_CAST({offset} AS TIMESTAMPTZ) AS TIMESTAMP)"


def _boolean(_: Field, cell: str) -> str:
    return f"(lower({cell}) IN ('true', '1'))"


VALUES: dict[str, Callable[[Field, str], str]] = {
    "currency": _number,
    "percent": _number,
    "double": _number,
    "int": _number,
    "date": lambda _, cell: f"TRY_CAST({cell} AS DATE)",
    "datetime": _datetime,
    "boolean": _boolean,
}

PATTERNS = {
    "currency": NUMBER_PATTERN,
    "percent": NUMBER_PATTERN,
    "double": NUMBER_PATTERN,
    "int": "[+-]?[0-9]+",
    "date": DATE_PATTERN,
    "datetime": DATETIME_PATTERN,
    "boolean": "(?i)true|false|1|0",
}


def value_sql(field: Field, cell: str) -> str:
    """The cell as a value of the field; the cell is neither empty nor the null mark."""
    make = VALUES.get(field.type)
    return make(field, cell) if make else cell


def is_given(cell: str) -> str:
    """Whether the cell holds a value."""
    return f"({cell} <> '' AND {cell} <> '{NULL_MARK}')"


def created_value(column: Column, source: str) -> str:
    """What a new record gets from the column; `source` is the value when one is given."""
    null = "false" if column.field.type == "boolean" else "NULL"
    return f"CASE WHEN {is_given(column.cell)} THEN {source} ELSE {null} END"


def updated_value(column: Column, source: str, old: str) -> str:
    """What a record that exists gets from the column."""
    null = "false" if column.field.type == "boolean" else "NULL"
    cell = f"r.{column.cell}"
    return f"CASE {cell} WHEN '' THEN {old} WHEN '{NULL_MARK}' THEN {null} ELSE {source} END"


def cell_error(column: Column) -> str:
    """SQL of the row error the cell gives by itself, else null."""
    field, cell = column.field, column.cell
    tests = [
        f"WHEN length({cell}) > {FIELD_CHARACTERS_MAX} THEN "
        f"{_too_long(field, cell, FIELD_CHARACTERS_MAX)}"
    ]
    if not field.writable and field.type != "id":
        tests.append(f"WHEN {is_given(cell)} THEN {literal(_not_writable(field))}")
    elif field.type in PATTERNS:
        tests += _pattern_tests(column)
    elif field.is_text and field.length and column.parent is None:
        tests.append(f"WHEN length({cell}) > {field.length} THEN {_too_long(field, cell)}")
        tests += _picklist_tests(field, cell)
    return f"CASE {' '.join(tests)} END"


def _pattern_tests(column: Column) -> list[str]:
    field, cell = column.field, column.cell
    bad = (
        f"'INVALID_FIELD:Failed to deserialize field at col {column.number}. Due to, ''' || "
        f"{cell} || ''' is not a valid value for the type xsd:{XSD_TYPES[field.type]}:"
        f"{field.name} --'"
    )
    value = value_sql(field, cell)
    pattern = literal(PATTERNS[field.type])
    tests = [f"WHEN {is_given(cell)} AND NOT regexp_full_match({cell}, {pattern}) THEN {bad}"]
    if field.is_number:
        range_text = literal(
            f"NUMBER_OUTSIDE_VALID_RANGE:{field.label}: value outside of valid range on numeric "
            f"field:{field.name} --"
        )
        tests.append(f"WHEN {is_given(cell)} AND {value} IS NULL THEN {range_text}")
    else:
        tests.append(f"WHEN {is_given(cell)} AND {value} IS NULL THEN {bad}")
    return tests


def _picklist_tests(field: Field, cell: str) -> list[str]:
    if not (field.restricted and field.values):
        return []
    allowed = ", ".join(literal(value) for value in field.values)
    text = (
        f"'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:bad value for restricted picklist field: ' || "
        f"{cell} || ':{field.name} --'"
    )
    return [f"WHEN {is_given(cell)} AND {cell} NOT IN ({allowed}) THEN {text}"]


def _too_long(field: Field, cell: str, limit: int = 0) -> str:
    head = literal(f"STRING_TOO_LONG:{field.label}: data value too large: ")
    tail = literal(f" (max length={limit or field.length}):{field.name} --")
    return f"{head} || substr({cell}, 1, 255) || {tail}"


def _not_writable(field: Field) -> str:
    return (
        f"INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: {field.name}. Please "
        f"check the security settings of this field and verify that it is read/write for your "
        f"profile or permission set.:{field.name} --"
    )


def echoed(column: Column) -> str:
    """The cell as a result file shows it: numbers are rendered anew, as a Java double is."""
    cell = column.cell
    if column.field.type not in {"currency", "double", "percent"}:
        return f"{cell} AS {quoted('echo' + str(column.number))}"
    number = f"TRY_CAST({cell} AS DOUBLE)"
    digits = f"split_part({number}::VARCHAR, '.', 1)"
    fraction = f"split_part({number}::VARCHAR, '.', 2)"
    sign = f"CASE WHEN {number} < 0 THEN '-' ELSE '' END"
    bare = f"ltrim({digits}, '-')"
    rest = f"rtrim(substr({bare}, 2) || {fraction}, '0')"
    scientific = (
        f"{sign} || substr({bare}, 1, 1) || '.' || "
        f"CASE WHEN {rest} = '' THEN '0' ELSE {rest} END || 'E' || (length({bare}) - 1)"
    )
    return (
        f"CASE WHEN {number} IS NULL THEN {cell} WHEN abs({number}) < 1e7 THEN {number}::VARCHAR "
        f"WHEN abs({number}) < 1e15 THEN {scientific} "
        f"ELSE upper(replace({number}::VARCHAR, 'e+', 'E')) END "
        f"AS {quoted('echo' + str(column.number))}"
    )
