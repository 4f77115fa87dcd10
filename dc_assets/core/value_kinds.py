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


def kind_in_sql(type_name: str) -> ValueKind:
    """Return the kind of a type in SQL, unknown for one that is none of the plain ones.

    >>> kind_in_sql("TIMESTAMP WITH TIME ZONE"), kind_in_sql("Decimal(18, 2)"), kind_in_sql("JSON")
    ('datetime', 'number', 'unknown')
    """
    word = type_name.lower().replace("(", " ").split(maxsplit=1)[:1]
    return _SQL.get(word[0], "unknown") if word else "unknown"


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
