"""What a query would show, without its rows: ``columns=true`` of GET /query."""

from __future__ import annotations

from starlette.responses import Response

from dc_assets.emulator.engines.soql.compiler import compile_soql
from dc_assets.emulator.engines.soql.parser import parse
from dc_assets.emulator.engines.soql.tree import Aggregate, SelectItem
from dc_assets.emulator.routes.http import Call, json_answer
from dc_assets.emulator.schema import NUMBER_TYPES, Field, ObjectType, Schema

APEX_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "date": "Date",
    "datetime": "Datetime",
    "int": "Integer",
    **dict.fromkeys(NUMBER_TYPES - {"int"}, "Double"),
}
"""Types by type of field; all others are texts."""


async def columns(call: Call) -> Response:
    """Answer the columns of a query that is right."""
    soql, schema = call.query("q"), call.world.schema
    query = parse(soql)
    item = compile_soql(soql, query, schema, with_deleted=False).item
    entries: list[dict[str, object]] = []
    unnamed = 0
    for entry in query.items:
        if isinstance(entry.expression, Aggregate):
            entries.append(_aggregate(entry, entry.expression, unnamed))
            unnamed += not entry.alias
        else:
            own = frozenset({query.object_name.lower(), query.alias.lower()})
            entries.append(_column(schema, item, entry.expression.path, own))
    names = [entry["columnName"] for entry in entries]
    return json_answer(
        {
            "columnMetadata": entries,
            "entityName": item.name,
            "groupBy": bool(query.group_by),
            "idSelected": "Id" in names,
            "keyPrefix": item.key_prefix,
        }
    )


def _column(
    schema: Schema, item: ObjectType, path: tuple[str, ...], own: frozenset[str]
) -> dict[str, object]:
    """The column of a field; its path may begin with the name of the object itself or its alias."""
    names = [name for n, name in enumerate(path) if n or name.lower() not in own]
    first, *rest = names or path
    reference = item.relation(first)
    if not rest or reference is None:
        field = item.field(first)
        return _entry(first if field is None else field.name, field)
    entry = _entry(reference.relationship, None)
    entry["foreignKeyName"] = reference.name
    entry["joinColumns"] = [_column(schema, schema.parent_of(reference), tuple(rest), frozenset())]
    return entry


def _aggregate(entry: SelectItem, what: Aggregate, number: int) -> dict[str, object]:
    shown = _entry(entry.alias or f"expr{number}", None)
    shown["displayName"] = f"{what.function.lower()}({'.'.join(what.field.path)})"
    return shown | {"aggregate": True, "numberType": True, "apexType": "Double"}


def _entry(name: str, field: Field | None) -> dict[str, object]:
    kind = "string" if field is None else field.type
    is_number = kind in NUMBER_TYPES
    is_own = field is not None and field.writable
    return {
        "aggregate": False,
        "apexType": APEX_TYPES.get(kind, "String"),
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": name.endswith("__c"),
        "displayName": name,
        "foreignKeyName": None,
        "insertable": is_own,
        "joinColumns": [],
        "numberType": is_number,
        "textType": field is not None and kind not in APEX_TYPES,
        "updatable": is_own,
    }
