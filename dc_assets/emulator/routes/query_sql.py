"""Data Cloud behind the org's own host: ``ssot/query-sql``, with the session of the org.

A query is computed at once; its rows can be read any number of times until it is cancelled.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.engines.dialect import HYPER_NAMES, answer
from dc_assets.emulator.errors import APIError, TenantError, not_found
from dc_assets.emulator.routes.http import JSON_TYPE, Call, Route, json_answer
from dc_assets.emulator.routes.tenant import rows_as_text
from dc_assets.emulator.stores.duck import literal
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.world import World

FIRST_ROWS, CHUNK_ROWS = 2_000, 10_000
"""Rows of the first answer, and of one that asks for more; an org cuts at about 2 MB."""

KEPT = timedelta(hours=24)
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
PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|::|:(?P<name>[A-Za-z_]\w*)""")
"""A parameter of a query, or what may hold a colon and is none."""

PARAMETER_TYPES = frozenset(
    {"varchar", "numeric", "integer", "bigint", "double", "boolean", "date", "timestamp"}
)


SQL_NAMES = {"double": "double precision"}
"""Types that SQL calls otherwise than a parameter does."""


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
    query_id = f"OjA_{secrets.token_hex(16)}"
    result.label = api_datetime(world.clock.now() + KEPT)
    world.tenant_results.put(query_id, result)
    return _piece(world, result, (0, rows), {"status": _status(query_id, result)})


async def status(call: Call) -> Response:
    """GET how far a query is; here it has always ended."""
    query_id = call.parts["query"]
    return json_answer({"status": _status(query_id, _result(call))})


async def rows(call: Call) -> Response:
    """GET rows from an offset on."""
    result = _result(call)
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
    _result(call)
    call.world.tenant_results.drop(call.parts["query"])
    return Response(b"", 204)


def _result(call: Call) -> Result:
    result = call.world.tenant_results.get(call.parts["query"])
    if result is None:
        raise not_found()
    return result


def _status(query_id: str, result: Result) -> dict[str, object]:
    return {
        "queryId": query_id,
        "completionStatus": "Finished",
        "progress": 1.0,
        "rowCount": result.row_count,
        "chunkCount": -(-result.row_count // CHUNK_ROWS),
        "expirationTime": result.label,
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
        body["metadata"] = [_column(name, kind) for name, kind in result.columns.items()]
    data = rows_as_text(world, result, start, count)
    text = f'{{"data":[{data}],{json.dumps(body, separators=(",", ":"))[1:]}'
    return Response(text.encode(), 200, media_type=JSON_TYPE)


def _column(name: str, kind: str) -> dict[str, object]:
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
        value = literal(str(one.get("value")))
        values[str(one.get("name"))] = f"CAST({value} AS {SQL_NAMES.get(kind, kind)})"

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match.group()
        if name not in values:
            raise APIError(400, "INVALID_QUERY", f"The parameter {name} has no value")
        return values[name]

    return PARAMETER.sub(written, sql)


BASE = "/services/data/v{version}/ssot/query-sql"
ROUTES = (
    Route("POST", BASE, "data_cloud_query", submit),
    Route("GET", f"{BASE}/{{query}}", "data_cloud_batch", status),
    Route("GET", f"{BASE}/{{query}}/rows", "data_cloud_batch", rows),
    Route("DELETE", f"{BASE}/{{query}}", "data_cloud_batch", cancel),
)
