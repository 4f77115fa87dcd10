"""Query API V3 of the Data Cloud tenant: a result is read by chunks, any number of times.

A query is computed at once and is one snapshot; its rows are kept for a day, or until it is
deleted. The answer of an ASYNC query has no rows and says that it is running; one with rows says
that all are there.
"""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from functools import partial
from typing import Self

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import exact_datetime
from dc_assets.emulator.engines.dialect import HYPER_NAMES
from dc_assets.emulator.engines.tenant_answers import Held, computed, held, hold, missing
from dc_assets.emulator.errors import TenantError
from dc_assets.emulator.routes.http import JSON_TYPE, Call, Route, json_answer
from dc_assets.emulator.routes.query_body import Asked, read_body
from dc_assets.emulator.routes.query_sql import FIRST_ROWS, column
from dc_assets.emulator.routes.tenant import rows_as_text
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.world import World

ARROW_TYPE = "application/vnd.apache.arrow.stream"
STATUS_HEADER = "x-hyperdb-status"
WAIT_MS_MAX = 10_000
BYTES_MAX = 20_971_520
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
RUNNING, PRODUCED, FINISHED = "RUNNING_OR_UNSPECIFIED", "RESULTS_PRODUCED", "FINISHED"
"""A query runs until it has all rows, and is finished some time after."""

OUT_OF_RANGE = "22023"


@dataclass(frozen=True, slots=True)
class Form:
    """How rows are written: as Arrow or as JSON, with their columns or without."""

    is_arrow: bool
    has_schema: bool = True

    @classmethod
    def of(cls, call: Call) -> Self:
        """The form that a call accepts.

        Raises:
            TenantError: 406, it accepts neither.
        """
        accepted = call.request.headers.get("accept", "*/*").lower()
        has_schema = call.query("omitSchema").lower() != "true"
        if ARROW_TYPE in accepted:
            return cls(is_arrow=True, has_schema=has_schema)
        if "application/json" in accepted or "*/*" in accepted:
            return cls(is_arrow=False, has_schema=has_schema)
        raise TenantError(406, f"The answer is application/json or {ARROW_TYPE}")


async def submit(call: Call) -> Response:
    """POST a query; its status stands in a header, its first rows in the body."""
    form, asked = Form.of(call), read_body(await call.request.body())
    return await run_in_threadpool(partial(_submitted, call.world, asked, form))


def _submitted(world: World, asked: Asked, form: Form) -> Response:
    result = computed(world, asked.sql, unnamed=HYPER_NAMES)
    bounds = (result.row_count, missing(world, asked.sql).rows_max, asked.rows_max)
    row_count = min(rows for rows in bounds if rows is not None)
    query_id = hold(world, result, row_count)
    told = _status(world, query_id, _of(world, query_id))
    if asked.is_async:
        told |= {"completionStatus": RUNNING, "chunkCount": 0, "rowCount": 0, "progress": 0.0}
        first_rows = 0
    else:
        told |= {"completionStatus": PRODUCED}
        first_rows = min(row_count, FIRST_ROWS, asked.first_rows_max or FIRST_ROWS)
    answer = _rows(world, result, (0, first_rows), form)
    answer.headers[STATUS_HEADER] = _json(told)
    return answer


async def status(call: Call) -> Response:
    """GET how far a query is: in the header and in the body."""
    wait = call.query("waitTimeMs", str(WAIT_MS_MAX))
    if not wait.isdecimal() or int(wait) > WAIT_MS_MAX:
        raise TenantError(400, f"waitTimeMs is 0 to {WAIT_MS_MAX}")
    found = _status(call.world, call.parts["query"], _asked_of(call))
    return json_answer(found, headers={STATUS_HEADER: _json(found)})


async def chunk(call: Call) -> Response:
    """GET one chunk of the rows."""
    of, number, form = _asked_of(call), call.parts["chunk"], Form.of(call)
    rows = call.world.options.page_rows
    if not number.isdecimal() or int(number) >= _chunks(call.world, of):
        text = f"the requested chunk ID '{number}' is out of range"
        raise TenantError(400, text, sqlstate=OUT_OF_RANGE)
    start = int(number) * rows
    span = (start, min(rows, of.row_count - start))
    return await run_in_threadpool(partial(_rows, call.world, of.result, span, form))


async def rows(call: Call) -> Response:
    """GET rows from an offset on, as many as fit."""
    of, form = _asked_of(call), Form.of(call)
    offset = _number(call, "offset", None)
    limit = _number(call, "limit", of.row_count)
    bytes_max = _number(call, "byteLimit", BYTES_MAX)
    if not 1 <= bytes_max <= BYTES_MAX:
        raise TenantError(400, f"byteLimit is 1 to {BYTES_MAX}", sqlstate=OUT_OF_RANGE)
    if offset and offset >= of.row_count:
        raise TenantError(400, "request out of range", sqlstate=OUT_OF_RANGE)
    span = (offset, min(limit, of.row_count - offset))
    work = partial(_rows, call.world, of.result, span, form, bytes_max=bytes_max)
    return await run_in_threadpool(work)


async def metadata(call: Call) -> Response:
    """GET the columns."""
    return json_answer({"metadata": {"columns": _columns(_asked_of(call).result)}})


async def cancel(call: Call) -> Response:
    """DELETE a query and its rows."""
    _asked_of(call)
    call.world.tenant_results.drop(call.parts["query"])
    return Response(b"", 204)


def _asked_of(call: Call) -> Held:
    return _of(call.world, call.parts["query"])


def _of(world: World, query_id: str) -> Held:
    found = held(world, query_id)
    if found is None:
        raise TenantError(404, "the requested query ID is unknown", sqlstate="02000")
    return found


def _number(call: Call, name: str, default: int | None) -> int:
    text = call.query(name, "" if default is None else str(default))
    if not text.isdecimal():
        raise TenantError(400, f"{name} is a whole number", sqlstate=OUT_OF_RANGE)
    return int(text)


def _chunks(world: World, of: Held) -> int:
    return -(-of.row_count // world.options.page_rows)


def _status(world: World, query_id: str, of: Held) -> dict[str, object]:
    return {
        "queryId": query_id,
        "completionStatus": FINISHED,
        "chunkCount": _chunks(world, of),
        "rowCount": of.row_count,
        "progress": 1.0,
        "expirationTime": exact_datetime(of.until),
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _rows(
    world: World, result: Result, span: tuple[int, int], form: Form, *, bytes_max: int = BYTES_MAX
) -> Response:
    """Rows from one place on; the bytes are counted as columns have them."""
    frame = result.frame(*span)
    size = int(frame.estimated_size())
    if size > bytes_max:
        frame = frame.head(max(1, frame.height * bytes_max // size))
    if form.is_arrow:
        return Response(_stream(frame, has_schema=form.has_schema), 200, media_type=ARROW_TYPE)
    body: dict[str, object] = {"returnedRows": frame.height}
    if form.has_schema:
        body = {"metadata": {"columns": _columns(result)}, **body}
    data = rows_as_text(world, result, span[0], frame.height)
    text = f'{{"data":[{data}],{_json(body)[1:]}'
    return Response(text.encode(), 200, media_type=JSON_TYPE)


def _stream(frame: pl.DataFrame, *, has_schema: bool) -> bytes:
    """The rows as a stream of Arrow that ends without a mark, as the engine's do.

    So one with its schema and others without make one stream together.
    """
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer, compat_level=pl.CompatLevel.oldest())
    content = buffer.getvalue().removesuffix(END_OF_STREAM)
    if has_schema:
        return content
    (head_bytes,) = struct.unpack_from("<i", content, 4)
    return content[8 + head_bytes :]


def _columns(result: Result) -> list[dict[str, object]]:
    """The columns as Query Connect API has them, but for the case of the types."""
    entries = [column(name, kind) for name, kind in result.columns.items()]
    for entry in entries:
        word = str(entry["type"]).lower()
        entry["type"] = "float8" if word == "double" else word
    return entries


BASE = "/api/v3/query"
ROUTES = (
    Route("POST", BASE, "data_cloud_query", submit),
    Route("GET", f"{BASE}/{{query}}", "data_cloud_batch", status),
    Route("DELETE", f"{BASE}/{{query}}", "data_cloud_batch", cancel),
    Route("GET", f"{BASE}/{{query}}/rows", "data_cloud_batch", rows),
    Route("GET", f"{BASE}/{{query}}/chunks/{{chunk}}", "data_cloud_batch", chunk),
    Route("GET", f"{BASE}/{{query}}/metadata", "data_cloud_batch", metadata),
)
