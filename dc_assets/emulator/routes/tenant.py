"""The Data Cloud tenant: Query API V2 and the metadata of its objects."""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
from dataclasses import replace
from functools import partial
from random import Random

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.engines.dialect import V2_NAMES
from dc_assets.emulator.engines.tenant_answers import computed, missing
from dc_assets.emulator.errors import TenantError
from dc_assets.emulator.routes.http import JSON_TYPE, Call, Route, json_answer
from dc_assets.emulator.stores.duck import quoted
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.world import Cursor, World

TYPES = {
    "VARCHAR": ("VARCHAR", 12),
    "DATE": ("DATE", 91),
    "TIMESTAMP": ("TIMESTAMP", 93),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP WITH TIME ZONE", 2014),
    "BOOLEAN": ("BOOLEAN", 16),
    "DOUBLE": ("DOUBLE", 8),
    "FLOAT": ("DOUBLE", 8),
    "INTEGER": ("INTEGER", 4),
    "BIGINT": ("BIGINT", -5),
    "HUGEINT": ("BIGINT", -5),  # a sum, which Hyper gives as bigint
}
"""Names and java.sql.Types codes of the answer, by DuckDB type; DECIMAL comes with digits."""

FIELD_TYPES = {
    **dict.fromkeys(("DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "BIGINT", "HUGEINT"), "NUMBER"),
    "DATE": "DATE",
    "TIMESTAMP": "DATE_TIME",
    "BOOLEAN": "BOOLEAN",
}
"""Types of the metadata, by the first word of a DuckDB type; all others are STRING."""


def _json_text(column: str, kind: str, *, decimal_as_text: bool) -> str:
    name = quoted(column)
    if kind.startswith("TIMESTAMP"):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%g+00:00')"
    if kind.startswith("DECIMAL") and decimal_as_text:
        return f"{name}::VARCHAR"
    return name


def metadata(result: Result, query_id: str) -> dict[str, object]:
    """The columns in an order that is not theirs: clients must go by ``placeInOrder``."""
    entries: list[tuple[str, dict[str, object]]] = []
    for place, (name, kind) in enumerate(result.columns.items()):
        known = ("DECIMAL", 3) if kind.startswith("DECIMAL") else TYPES.get(kind, ("VARCHAR", 12))
        entries.append((name, {"type": known[0], "placeInOrder": place, "typeCode": known[1]}))
    shuffled = list(entries)
    Random(query_id).shuffle(shuffled)  # noqa: S311  no secret, only an order
    if shuffled == entries:
        shuffled.reverse()
    return dict(shuffled)


async def query(call: Call) -> Response:
    """POST /api/v2/query."""
    body = await call.json()
    sql = body.get("sql")
    if not isinstance(sql, str) or not sql.strip():
        raise TenantError(400, "The request has no sql")
    wants_arrow = call.request.headers.get("enable-arrow-stream", "").lower() == "true"
    arrow = wants_arrow and call.world.options.arrow
    started = _moment(call.world)
    work = partial(computed, call.world, sql, unnamed=V2_NAMES)
    result = await run_in_threadpool(work)
    query_id = f"{started[:10].replace('-', '')}_{secrets.token_hex(12)}"
    lacks = await run_in_threadpool(partial(missing, call.world, sql))
    cursor = Cursor(query_id, 0, arrow, started, lacks.rows_max, lacks.ends_empty)
    return await _answer(call.world, result, cursor)


async def next_batch(call: Call) -> Response:
    """GET /api/v2/query/{nextBatchId}: each id works once."""
    batch_id = call.parts["batch"]
    cursor = call.world.batches.pop(batch_id, None)
    result = call.world.tenant_results.get(cursor.query_id) if cursor else None
    if cursor is None or result is None:
        raise TenantError(
            400,
            f"The batch {batch_id} was fetched before, has expired or never was",
        )
    return await _answer(call.world, result, cursor)


async def _answer(world: World, result: Result, cursor: Cursor) -> Response:
    body = await run_in_threadpool(partial(_page, world, result, cursor))
    return Response(body, 200, media_type=JSON_TYPE)


def _moment(world: World) -> str:
    return f"{world.clock.now():%Y-%m-%dT%H:%M:%S.%f}Z"


def _page(world: World, result: Result, cursor: Cursor) -> bytes:
    """The body of one page; the rows are made into JSON by the engine, not one by one here."""
    total = result.row_count
    if cursor.rows_max is not None:
        total = min(total, cursor.rows_max)
    end = min(total, cursor.start + world.options.page_rows)
    is_tail = cursor.ends_empty and end == total and not cursor.is_tail
    done = end == total and not is_tail
    rows = end - cursor.start
    answer: dict[str, object] = {
        "startTime": cursor.started,
        "endTime": _moment(world),
        "rowCount": rows,
        "queryId": cursor.query_id,
        "done": done,
        "metadata": metadata(result, cursor.query_id),
    }
    if not done:
        answer["nextBatchId"] = _keep(world, result, replace(cursor, start=end, is_tail=is_tail))
    if cursor.arrow:
        answer["arrowStream"] = _arrow(result, cursor.start, rows) if rows else None
        data = ""
    else:
        data = f'"data":[{rows_as_text(world, result, cursor.start, rows)}],'
    if done:
        world.tenant_results.drop(cursor.query_id)
        result.close()
    head = json.dumps(answer, separators=(",", ":"))
    return ("{" + data + head[1:]).encode()


def _keep(world: World, result: Result, cursor: Cursor) -> str:
    world.tenant_results.put(cursor.query_id, result)
    batch_id = f"{cursor.query_id}_{cursor.start}_{secrets.token_hex(24)}"
    world.batches[batch_id] = cursor
    return batch_id


def rows_as_text(world: World, result: Result, start: int, rows: int) -> str:
    """Rows as JSON arrays with commas between them."""
    as_text = world.options.decimal_as_text
    cells = [_json_text(n, k, decimal_as_text=as_text) for n, k in result.columns.items()]
    return result.texts(f"json_array({', '.join(cells)})::VARCHAR", start, rows)


def _arrow(result: Result, start: int, rows: int) -> str:
    buffer = io.BytesIO()
    frame = result.frame(start, rows)
    frame.write_ipc_stream(buffer, compat_level=pl.CompatLevel.oldest())
    return base64.b64encode(buffer.getvalue()).decode()


async def describe(call: Call) -> Response:
    """GET /api/v1/metadata."""
    wanted = call.query("entityName")
    entries = await run_in_threadpool(partial(_entities, call.world, wanted))
    if wanted and not entries:
        raise TenantError(404, "DataModelEntity not found")
    return json_answer({"metadata": entries})


def _entities(world: World, wanted: str) -> list[dict[str, object]]:
    """The object that is wanted, or all; a key is looked for in the rows, as none was declared."""
    store = world.data_cloud
    return [
        {
            "name": name,
            "displayName": name.removesuffix("__dlm"),
            "category": "Profile",
            "fields": [_field_entry(column, kind) for column, kind in columns.items()],
            "primaryKeys": [
                {"name": column, "displayName": column.removesuffix("__c"), "indexOrder": "1"}
                for column in store.unique_columns(name, columns)[:1]
            ],
            "indexes": [],
            "relationships": [],
        }
        for name, columns in store.objects().items()
        if wanted in {"", name}
    ]


def _field_entry(column: str, kind: str) -> dict[str, str]:
    name = FIELD_TYPES.get(re.split(r"[( ]", kind)[0], "STRING")
    business = {"STRING": "TEXT"}.get(name, name)
    display = column.removesuffix("__c")
    return {"name": column, "displayName": display, "type": name, "businessType": business}


ROUTES = (
    Route("POST", "/api/v2/query", "data_cloud_query", query),
    Route("GET", "/api/v2/query/{batch}", "data_cloud_batch", next_batch),
    Route("GET", "/api/v1/metadata", "describe", describe),
)
