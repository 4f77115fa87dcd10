"""Single records over REST: read, create, change, delete, and upsert by an external id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.engines.one_record import (
    RecordWrite,
    UnknownField,
    WrittenRecord,
    write_record,
)
from dc_assets.emulator.errors import APIError, WireError, not_found
from dc_assets.emulator.ids import case_suffix
from dc_assets.emulator.routes.describe import object_entry
from dc_assets.emulator.routes.http import Call, Route, json_answer
from dc_assets.emulator.routes.soql import run_soql
from dc_assets.emulator.schema import NULL_MARK, ObjectType
from dc_assets.emulator.stores.duck import quoted
from dc_assets.emulator.world import World

ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
SHORT_ID_SIGNS = 15
PARSER_PREFIX = "Failed to deserialize field at col"


class RecordError(WireError):
    """A record that was refused: the array of REST with the fields it is about."""

    def __init__(self, code: str, message: str, fields: list[str], status: int = 400) -> None:
        super().__init__(status, [{"message": message, "errorCode": code, "fields": fields}])


async def object_info(call: Call) -> Response:
    """GET /sobjects/X: what the list of all objects says of it."""
    item = _object(call)
    return json_answer({"objectDescribe": object_entry(item, call.base), "recentItems": []})


async def create(call: Call) -> Response:
    """POST /sobjects/X."""
    item = _object(call)
    written = await _write(
        call, RecordWrite(item, "insert", "", cells_of(await call.json(), {"id"}))
    )
    answer = success(written)
    del answer["created"]
    return json_answer(answer, 201)


async def read(call: Call) -> Response:
    """GET /sobjects/X/ID."""
    item = _object(call)
    record_id = await run_in_threadpool(partial(found_id, call.world, item, call.parts["id"]))
    return await _record(call, item, "Id", record_id)


async def change(call: Call) -> Response:
    """PATCH /sobjects/X/ID."""
    item = _object(call)
    cells = cells_of(await call.json(), {"id"})
    record_id = await run_in_threadpool(partial(found_id, call.world, item, call.parts["id"]))
    await _write(call, RecordWrite(item, "update", "Id", {"Id": record_id, **cells}))
    return Response(b"", 204)


async def delete(call: Call) -> Response:
    """DELETE /sobjects/X/ID."""
    item = _object(call)
    record_id = await run_in_threadpool(partial(found_id, call.world, item, call.parts["id"]))
    await _write(call, RecordWrite(item, "delete", "Id", {"Id": record_id}))
    return Response(b"", 204)


async def read_by_key(call: Call) -> Response:
    """GET /sobjects/X/FIELD/VALUE."""
    item = _object(call)
    return await _record(call, item, key_field(item, call.parts["field"]), call.parts["value"])


async def upsert(call: Call) -> Response:
    """PATCH /sobjects/X/FIELD/VALUE."""
    item = _object(call)
    key = key_field(item, call.parts["field"])
    cells = {key: call.parts["value"], **cells_of(await call.json(), {"id", key.lower()})}
    operation = "update" if key == "Id" else "upsert"
    written = await _write(call, RecordWrite(item, operation, key, cells))
    return json_answer(success(written), 201 if written.created else 200)


async def delete_by_key(call: Call) -> Response:
    """DELETE /sobjects/X/FIELD/VALUE."""
    item = _object(call)
    rows = await _rows(call, item, key_field(item, call.parts["field"]), call.parts["value"], "Id")
    await _write(call, RecordWrite(item, "delete", "Id", {"Id": str(rows[0]["Id"])}))
    return Response(b"", 204)


def success(written: WrittenRecord) -> dict[str, object]:
    """What REST says of a record that was written."""
    return {"id": written.id, "success": True, "errors": [], "created": written.created}


def _object(call: Call) -> ObjectType:
    item = call.world.schema.find(call.parts["object"])
    if item is None:
        raise not_found()
    return item


def key_field(item: ObjectType, name: str) -> str:
    """The name of a field by which records are found.

    Raises:
        APIError: it is none.
    """
    field = item.field(name)
    if field is None or not field.has_key:
        text = f"Provided external ID field does not exist or is not accessible: {name}"
        raise APIError(404, "NOT_FOUND", text)
    return field.name


def found_id(world: World, item: ObjectType, given: str) -> str:
    """The 18 characters of an id, if there is such a record.

    Raises:
        WireError: it has another form, or its record is not there or deleted.
    """
    if ID.fullmatch(given) is None or not given.startswith(item.key_prefix):
        text = f"{item.label} ID: id value of incorrect type: {given}"
        raise RecordError("MALFORMED_ID", text, ["Id"])
    body = given[:SHORT_ID_SIGNS]
    record_id = body + case_suffix(body)
    with world.core.database.session() as session:
        sql = f'SELECT "IsDeleted" FROM {quoted(item.name)} WHERE "Id" = ?'  # noqa: S608
        rows = session.rows(sql, record_id)
    if not rows:
        raise not_found()
    if rows[0][0]:
        raise RecordError("ENTITY_IS_DELETED", "entity is deleted", [], 404)
    return record_id


async def _record(call: Call, item: ObjectType, key: str, value: str) -> Response:
    wanted = call.query("fields") or ",".join(field.name for field in item.fields)
    return json_answer((await _rows(call, item, key, value, wanted))[0])


async def _rows(
    call: Call, item: ObjectType, key: str, value: str, fields: str
) -> list[dict[str, object]]:
    """The one record with this value.

    Raises:
        WireError: 404 when there is none, 300 when there are several.
    """
    soql = f"SELECT {fields} FROM {item.name} WHERE {key} = {_literal(item, key, value)}"  # noqa: S608  SOQL
    work = partial(run_soql, call.world, soql, call.base, 200, with_deleted=False)
    found = cast("list[dict[str, object]]", (await run_in_threadpool(work))["records"])
    if not found:
        raise not_found()
    if len(found) > 1:
        raise WireError(300, [_url(record) for record in found])
    return found


def _literal(item: ObjectType, key: str, value: str) -> str:
    """A value of the path as SOQL writes it: a number without quotes.

    Raises:
        WireError: the key is a number and the value is none.
    """
    field = item.field(key)
    if field is None or not field.is_number:
        text = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{text}'"
    try:
        return repr(float(value))
    except ValueError as error:
        raise not_found() from error


def _url(record: Mapping[str, object]) -> object:
    return cast("Mapping[str, object]", record["attributes"])["url"]


def cells_of(body: Mapping[str, object], refused: set[str]) -> dict[str, str]:
    """The body as the cells of an upload: null and the empty text empty a field."""
    cells: dict[str, str] = {}
    for name, value in body.items():
        if name.lower() in refused:
            text = f"The {name} field should not be specified in the sobject data."
            raise APIError(400, "INVALID_FIELD", text)
        cells |= {header: _cell(header, part) for header, part in _parts(name, value)}
    return cells


def _parts(name: str, value: object) -> list[tuple[str, object]]:
    """The columns a property stands for: a parent is named by its fields."""
    if name == "attributes":
        return []
    if not isinstance(value, dict):
        return [(name, value)]
    parent = cast("dict[str, object]", value)
    return [(f"{name}.{field}", part) for field, part in parent.items() if field != "attributes"]


def _cell(name: str, value: object) -> str:
    if value is None or value == "":
        return NULL_MARK
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    text = f"Cannot deserialize the value of {name} from a list or an object"
    raise APIError(400, "JSON_PARSER_ERROR", text)


async def _write(call: Call, wanted: RecordWrite) -> WrittenRecord:
    return await run_in_threadpool(partial(written_record, call.world, wanted))


def written_record(world: World, wanted: RecordWrite) -> WrittenRecord:
    """Write a record.

    Raises:
        WireError: it is refused.
    """
    try:
        written = write_record(world.core, world.jobs, wanted, world.clock.now())
    except UnknownField as error:
        text = f"No such column '{error}' on sobject of type {wanted.item.name}"
        raise APIError(400, "INVALID_FIELD", text) from error
    if written.error:
        raise refusal(written.error)
    return written


def refusal(error: str) -> RecordError:
    """The error of a result file as REST writes it.

    >>> refusal("STRING_TOO_LONG:Name: data value too large: x (max length=1):Name --").body
    [{'message': 'Name: data value too large: x (max length=1)', \
'errorCode': 'STRING_TOO_LONG', 'fields': ['Name']}]
    """
    code, _, rest = error.partition(":")
    message, _, fields = rest.rpartition(":")
    if message.startswith(PARSER_PREFIX):
        return RecordError("JSON_PARSER_ERROR", message, [])
    named = fields.strip().removesuffix("--").strip()
    return RecordError(code, message, named.split(",") if named else [])


BASE = "/services/data/v{version}/sobjects/{object}"
ROUTES = (
    Route("GET", BASE, "describe", object_info),
    Route("POST", BASE, "record", create),
    Route("GET", f"{BASE}/{{id}}", "record", read),
    Route("PATCH", f"{BASE}/{{id}}", "record", change),
    Route("DELETE", f"{BASE}/{{id}}", "record", delete),
    Route("GET", f"{BASE}/{{field}}/{{value}}", "record", read_by_key),
    Route("PATCH", f"{BASE}/{{field}}/{{value}}", "record", upsert),
    Route("DELETE", f"{BASE}/{{field}}/{{value}}", "record", delete_by_key),
)
