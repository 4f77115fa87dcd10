"""Up to 200 records in one call: ``composite/sobjects``, each record for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.engines.one_record import RecordWrite
from dc_assets.emulator.errors import APIError, WireError, not_found
from dc_assets.emulator.routes.http import Call, Route, json_answer
from dc_assets.emulator.routes.records import (
    cells_of,
    found_id,
    key_field,
    success,
    written_record,
)
from dc_assets.emulator.routes.soql import run_soql
from dc_assets.emulator.schema import ObjectType
from dc_assets.emulator.world import World

RECORDS_MAX = 200
Record = Mapping[str, object]
Plan = Callable[[World, Record], RecordWrite]


async def create(call: Call) -> Response:
    """POST records, each with its type."""
    return await _each(call, await _records(call), _insert)


async def change(call: Call) -> Response:
    """PATCH records, each with its type and id."""
    return await _each(call, await _records(call), _update)


async def upsert(call: Call) -> Response:
    """PATCH records by an external id."""
    item = _object(call.world, call.parts["object"])
    key = key_field(item, call.parts["field"])
    return await _each(call, await _records(call), partial(_upsert, item, key))


async def delete(call: Call) -> Response:
    """DELETE the records of a list of ids, whatever their objects."""
    ids = [part for part in call.query("ids").split(",") if part]
    _check(len(ids), all_or_none=call.query("allOrNone") == "true")
    return await _each(call, [{"id": one} for one in ids], _delete)


async def read_posted(call: Call) -> Response:
    """POST ids and fields of one object."""
    body = await call.json()
    ids, fields = (cast("list[str]", body.get(name) or []) for name in ("ids", "fields"))
    return await run_in_threadpool(partial(_read, call, ids, fields))


async def read(call: Call) -> Response:
    """GET the fields of records of one object."""
    ids, fields = (call.query(name).split(",") for name in ("ids", "fields"))
    return await run_in_threadpool(partial(_read, call, ids, fields))


def _read(call: Call, ids: list[str], fields: list[str]) -> Response:
    """The records in the order of the ids; null for one that is not there."""
    item = _object(call.world, call.parts["object"])
    _check(len(ids), all_or_none=False)
    wanted = ", ".join(dict.fromkeys(["Id", *fields]))
    answers: list[object] = []
    for one in ids:
        try:
            record_id = found_id(call.world, item, one)
        except WireError:
            answers.append(None)
            continue
        soql = f"SELECT {wanted} FROM {item.name} WHERE Id = '{record_id}'"  # noqa: S608  SOQL
        found = run_soql(call.world, soql, call.base, RECORDS_MAX, with_deleted=False)
        answers += cast("list[object]", found["records"])
    return json_answer(answers)


async def _records(call: Call) -> list[Record]:
    body = await call.json()
    records = cast("list[Record]", body.get("records") or [])
    _check(len(records), all_or_none=body.get("allOrNone") is True)
    return records


def _check(count: int, *, all_or_none: bool) -> None:
    if count > RECORDS_MAX:
        text = f"record limit reached. cannot submit more than {RECORDS_MAX} records in this call"
        raise APIError(400, "EXCEEDED_ID_LIMIT", text)
    if all_or_none:
        raise APIError(400, "EMULATOR", "allOrNone is not emulated: leave it out or false.")


async def _each(call: Call, records: list[Record], plan: Plan) -> Response:
    work = partial(_results, call.world, records, plan)
    return json_answer(list(await run_in_threadpool(work)))


def _results(world: World, records: list[Record], plan: Plan) -> list[dict[str, object]]:
    return [_result(world, record, plan) for record in records]


def _result(world: World, record: Record, plan: Plan) -> dict[str, object]:
    try:
        wanted = plan(world, record)
        answer = success(written_record(world, wanted))
    except WireError as error:
        return {"success": False, "errors": list(_errors(error))}
    if wanted.operation != "upsert":
        del answer["created"]
    return answer


def _errors(error: WireError) -> Iterator[dict[str, object]]:
    for one in cast("list[Record]", error.body):
        fields = one.get("fields", [])
        yield {"statusCode": one["errorCode"], "message": one["message"], "fields": fields}


def _insert(world: World, record: Record) -> RecordWrite:
    return RecordWrite(_typed(world, record), "insert", "", cells_of(record, {"id"}))


def _update(world: World, record: Record) -> RecordWrite:
    item = _typed(world, record)
    record_id = found_id(world, item, _id_of(record))
    rest = {name: value for name, value in record.items() if name.lower() != "id"}
    return RecordWrite(item, "update", "Id", {"Id": record_id, **cells_of(rest, set())})


def _upsert(item: ObjectType, key: str, _: World, record: Record) -> RecordWrite:
    cells = cells_of(record, set() if key == "Id" else {"id"})
    return RecordWrite(item, "update" if key == "Id" else "upsert", key, cells)


def _delete(world: World, record: Record) -> RecordWrite:
    given = _id_of(record)
    item = next((one for one in world.schema.objects if given.startswith(one.key_prefix)), None)
    if item is None:
        raise APIError(400, "MALFORMED_ID", f"malformed id {given}")
    return RecordWrite(item, "delete", "Id", {"Id": found_id(world, item, given)})


def _id_of(record: Record) -> str:
    return next((str(value) for name, value in record.items() if name.lower() == "id"), "")


def _typed(world: World, record: Record) -> ObjectType:
    attributes = cast("Record", record.get("attributes") or {})
    return _object(world, str(attributes.get("type", "")))


def _object(world: World, name: str) -> ObjectType:
    item = world.schema.find(name)
    if item is None:
        raise not_found()
    return item


BASE = "/services/data/v{version}/composite/sobjects"
ROUTES = (
    Route("POST", BASE, "record", create),
    Route("PATCH", BASE, "record", change),
    Route("DELETE", BASE, "record", delete),
    Route("POST", f"{BASE}/{{object}}", "record", read_posted),
    Route("GET", f"{BASE}/{{object}}", "record", read),
    Route("PATCH", f"{BASE}/{{object}}/{{field}}", "record", upsert),
)
