"""Kinds of values, as the types of the source, of describe and of a spec name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from dc_assets.core.spec import ColumnType

ValueKind = Literal["text", "number", "boolean", "date", "datetime", "unknown"]

_SQL: Mapping[str, ValueKind] = {
    "varchar": "text",
    "text": "text",
    "string": "text",
    "char": "text",
    "character": "text",
    "decimal": "number",
    "numeric": "number",
    "double": "number",
    "real": "number",
    "float": "number",
    "float4": "number",
    "float8": "number",
    "tinyint": "number",
    "smallint": "number",
    "integer": "number",
    "int": "number",
    "bigint": "number",
    "boolean": "boolean",
    "bool": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "timestamptz": "datetime",
}
"""By the first word of a type in SQL."""

_METADATA: Mapping[str, ValueKind] = {
    **dict.fromkeys(("string", "text", "email", "phone", "url"), "text"),
    **dict.fromkeys(("number", "currency", "percent", "integer", "decimal"), "number"),
    "boolean": "boolean",
    "date": "date",
    **dict.fromkeys(("datetime", "date_time"), "datetime"),
}
"""By a type of Data Cloud's metadata, which spells it `DATE_TIME` here and `DateTime` there."""

OF_TARGET: Mapping[str, ValueKind] = {
    **dict.fromkeys(("string", "textarea", "email", "phone", "url", "encryptedstring"), "text"),
    **dict.fromkeys(("picklist", "combobox", "multipicklist", "reference", "id"), "text"),
    **dict.fromkeys(("double", "currency", "percent", "int", "long"), "number"),
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}
"""By the type that describe gives a field."""

OF_SPEC: Mapping[ColumnType, ValueKind] = {
    **dict.fromkeys(("text", "picklist", "multipicklist", "reference"), "text"),
    **dict.fromkeys(("number", "currency", "percent"), "number"),
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}


CONVERTIBLE = frozenset[tuple[ValueKind, ValueKind]](
    {("date", "datetime"), ("datetime", "date"), ("number", "boolean")}
)
"""Midnight is a day, and 0 and 1 are a checkbox; whether all values are is measured."""


def is_typed(kind: ValueKind) -> bool:
    """Tell whether values of a kind have one form; text may hold any."""
    return kind not in {"text", "unknown"}


def is_possible(given: ValueKind, wanted: ValueKind) -> bool:
    """Tell whether a value of one kind may be one of another.

    >>> is_possible("text", "date"), is_possible("number", "date")
    (True, False)
    """
    both_typed = is_typed(given) and is_typed(wanted)
    return not both_typed or given == wanted or (given, wanted) in CONVERTIBLE


def kind_in_sql(type_name: str) -> ValueKind:
    """Return the kind of a type in SQL, unknown for one that is none of the plain ones.

    >>> kind_in_sql("TIMESTAMP WITH TIME ZONE"), kind_in_sql("Decimal(18, 2)"), kind_in_sql("JSON")
    ('datetime', 'number', 'unknown')
    """
    word = type_name.lower().replace("(", " ").split(maxsplit=1)[:1]
    return _SQL.get(word[0], "unknown") if word else "unknown"


def kind_in_metadata(type_name: str) -> ValueKind:
    """Return the kind of a type in the metadata of Data Cloud.

    >>> kind_in_metadata("DATE_TIME"), kind_in_metadata("DateTime"), kind_in_metadata("")
    ('datetime', 'datetime', 'unknown')
    """
    return _METADATA.get(type_name.casefold(), "unknown")


def right_type(target_type: str) -> ColumnType | None:
    """Return the type that a column should have in the spec for a type of describe.

    >>> right_type("currency"), right_type("email"), right_type("location")
    ('currency', 'text', None)
    """
    same: Mapping[str, ColumnType] = {
        "picklist": "picklist",
        "combobox": "picklist",
        "multipicklist": "multipicklist",
        "reference": "reference",
        "currency": "currency",
        "percent": "percent",
    }
    by_kind: Mapping[ValueKind, ColumnType] = {
        "text": "text",
        "number": "number",
        "boolean": "boolean",
        "date": "date",
        "datetime": "datetime",
    }
    return same.get(target_type) or by_kind.get(OF_TARGET.get(target_type, "unknown"))
