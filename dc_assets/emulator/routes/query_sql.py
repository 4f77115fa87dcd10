"""Data Cloud behind the org's own host: ``ssot/query-sql``, with the session of the org.

A query is computed at once; its rows can be read any number of times until it is cancelled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.engines.dialect import HYPER_NAMES, answer
from dc_assets.emulator.engines.parameters import typed, with_values
from dc_assets.emulator.engines.tenant_answers import Held, held, hold
from dc_assets.emulator.errors import APIError, TenantError, not_found
from dc_assets.emulator.routes.http import JSON_TYPE, Call, Route, json_answer
from dc_assets.emulator.routes.tenant import rows_as_text
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.world import World

FIRST_ROWS, CHUNK_ROWS = 2_000, 10_000
"""Rows of the first answer, and of one that asks for more; an org cuts at about 2 MB."""

TYPES = {
    "VARCHAR": "Varchar",
    "DATE": "Date",
    "TIMESTAMP": "Timestamp",
    "TIMESTAMP WITH TIME ZONE": "TimestampTZ",
    "BOOLEAN": "Boolean",
    "DOUBLE": "Double",
    "FLOAT": "Double",
    "INTEGER": "Integer",
    "BIGINT": "BigInt",
    "HUGEINT": "BigInt",
}
"""Names of types by type of DuckDB; a decimal says its digits besides."""

DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
PARAMETER_TYPES = frozenset(
    {"varchar", "numeric", "integer", "bigint", "double", "boolean", "date", "timestamp"}
)


async def submit(call: Call) -> Response:
    """POST a query; the answer has its first rows."""
    body = await call.json()
    sql = body.get("sql")
    if not isinstance(sql, str) or not sql.strip():
        raise APIError(400, "JSON_PARSER_ERROR", "The request has no sql")
    text = _with_values(sql, body.get("sqlParameters") or [])
    limit = body.get("rowLimit", FIRST_ROWS)
    rows = min(limit, FIRST_ROWS) if isinstance(limit, int) and limit > 0 else FIRST_ROWS
    return await run_in_threadpool(partial(_submitted, call.world, text, rows))


def _submitted(world: World, sql: str, rows: int) -> Response:
    try:
        result = answer(sql, world.data_cloud, world.tenant_results, unnamed=HYPER_NAMES)
    except TenantError as error:
        raise APIError(400, "INVALID_QUERY", error.message) from error
    query_id = hold(world, result, result.row_count)
    return _piece(world, result, (0, rows), {"status": _status(query_id, _of(world, query_id))})


async def status(call: Call) -> Response:
    """GET how far a query is; here it has always ended."""
    query_id = call.parts["query"]
    return json_answer({"status": _status(query_id, _of(call.world, query_id))})


async def rows(call: Call) -> Response:
    """GET rows from an offset on."""
    result = _of(call.world, call.parts["query"]).result
    start, limit = call.query("offset", "0"), call.query("rowLimit", str(CHUNK_ROWS))
    if not (start.isdigit() and limit.isdigit()) or int(limit) < 1:
        raise APIError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", "offset and rowLimit are numbers")
    if int(start) and int(start) >= result.row_count:
        raise APIError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", "Request out of range")
    span = (int(start), min(int(limit), CHUNK_ROWS))
    has_schema = call.query("omitSchema").lower() != "true"
    work = partial(_piece, call.world, result, span, {}, has_schema=has_schema)
    return await run_in_threadpool(work)


async def cancel(call: Call) -> Response:
    """DELETE a query and its rows."""
    _of(call.world, call.parts["query"])
    call.world.tenant_results.drop(call.parts["query"])
    return Response(b"", 204)


def _of(world: World, query_id: str) -> Held:
    found = held(world, query_id)
    if found is None:
        raise not_found()
    return found


def _status(query_id: str, of: Held) -> dict[str, object]:
    return {
        "queryId": query_id,
        "completionStatus": "Finished",
        "progress": 1.0,
        "rowCount": of.row_count,
        "chunkCount": -(-of.row_count // CHUNK_ROWS),
        "expirationTime": api_datetime(of.until),
    }


def _piece(
    world: World,
    result: Result,
    span: tuple[int, int],
    more: Mapping[str, object],
    *,
    has_schema: bool = True,
) -> Response:
    """Some rows with what else the answer says."""
    start, count = span[0], min(span[1], max(0, result.row_count - span[0]))
    body: dict[str, object] = {"returnedRows": count, **more}
    if has_schema:
        body["metadata"] = [column(name, kind) for name, kind in result.columns.items()]
    data = rows_as_text(world, result, start, count)
    text = f'{{"data":[{data}],{json.dumps(body, separators=(",", ":"))[1:]}'
    return Response(text.encode(), 200, media_type=JSON_TYPE)


def column(name: str, kind: str) -> dict[str, object]:
    """One entry of the metadata: a name, a type of DuckDB in the words of the service."""
    digits = DECIMAL.fullmatch(kind)
    entry: dict[str, object] = {"name": name, "nullable": True}
    if digits is None:
        return entry | {"type": TYPES.get(kind, "Numeric"), "precision": None, "scale": None}
    precision, scale = map(int, digits.groups())
    return entry | {"type": "Numeric", "precision": precision, "scale": scale}


def _with_values(sql: str, parameters: object) -> str:
    """The query with its named parameters written as literals."""
    values: dict[str, str] = {}
    for one in cast("list[Mapping[str, object]]", parameters):
        kind = str(one.get("type", "")).lower()
        if kind not in PARAMETER_TYPES:
            raise APIError(400, "INVALID_QUERY", f"The type {one.get('type')} is no SQL type")
        values[str(one.get("name"))] = typed(one.get("value"), kind)

    def absent(name: str) -> APIError:
        return APIError(400, "INVALID_QUERY", f"The parameter {name} has no value")

    return with_values(sql, "NAMED", values, absent)


BASE = "/services/data/v{version}/ssot/query-sql"
ROUTES = (
    Route("POST", BASE, "data_cloud_query", submit),
    Route("GET", f"{BASE}/{{query}}", "data_cloud_batch", status),
    Route("GET", f"{BASE}/{{query}}/rows", "data_cloud_batch", rows),
    Route("DELETE", f"{BASE}/{{query}}", "data_cloud_batch", cancel),
)
