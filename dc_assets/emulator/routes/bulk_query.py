"""Bulk API 2.0 query on the wire: the answer of a job is one snapshot, read page by page."""

from __future__ import annotations

import csv
import io
import secrets
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.engines.cells import java_double
from dc_assets.emulator.engines.lifecycle import CREATE_VALUES
from dc_assets.emulator.engines.soql.compiler import Compiled, compile_soql
from dc_assets.emulator.engines.soql.parser import parse
from dc_assets.emulator.errors import APIError
from dc_assets.emulator.routes.http import CSV_TYPE, Call, Route, json_answer
from dc_assets.emulator.routes.ingest import job_summary
from dc_assets.emulator.routes.soql import json_value
from dc_assets.emulator.stores.duck import DatabaseError, reason_of
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.stores.jobs import DELIMITERS, LINE_ENDINGS, StoredJob
from dc_assets.emulator.world import World

PAGE_ROWS = 50_000
PROPERTIES = frozenset({"operation", "query", "contentType", "columnDelimiter", "lineEnding"})


def query_info(job: StoredJob) -> dict[str, object]:
    """What create and poll answer."""
    return job_summary(job) | {
        "lineEnding": job.line_ending,
        "columnDelimiter": job.column_delimiter,
    }


async def create(call: Call) -> Response:
    """POST /jobs/query."""
    body = await call.json()
    _check(body)
    world, soql = call.world, str(body["query"])
    compiled = _compiled(world, soql, str(body["operation"]))
    now = api_datetime(world.clock.now())
    job = StoredJob(
        id=world.jobs.next_id(),
        kind="query",
        operation=str(body["operation"]),
        object=compiled.item.name,
        created_date=now,
        system_modstamp=now,
        state="UploadComplete",
        api_version=call.version,
        query=soql,
        line_ending=str(body.get("lineEnding") or "LF"),
        column_delimiter=str(body.get("columnDelimiter") or "COMMA"),
    )
    world.jobs.add(job)
    try:
        result = await run_in_threadpool(partial(_result, world, job))
    except DatabaseError as error:
        world.jobs.delete(job.id)
        raise APIError(400, "MALFORMED_QUERY", reason_of(error)) from error
    world.jobs.change(job.id, state="JobComplete", rows_processed=result.row_count)
    return json_answer(query_info(job))


def _check(body: dict[str, object]) -> None:
    for name in body:
        if name not in PROPERTIES:
            raise APIError(400, "API_ERROR", f"Property currently unsupported: '{name}'")
    allowed = CREATE_VALUES | {"operation": ("query", "queryAll")}
    for name in ("operation", "query"):
        if not body.get(name):
            raise APIError(400, "API_ERROR", f"Missing required property: '{name}'")
    for name, values in allowed.items():
        if body.get(name) is not None and body[name] not in values:
            text = f"Invalid value: '{body[name]}' supplied for property: '{name}'"
            raise APIError(400, "API_ERROR", text)


def _compiled(world: World, soql: str, operation: str) -> Compiled:
    query = parse(soql)
    if query.counts_rows or query.is_aggregate:
        text = "Aggregate Relationships not supported in Bulk Query"
        raise APIError(400, "FEATURENOTENABLED", text)
    if query.offset:
        raise APIError(400, "API_ERROR", "OFFSET is not supported in Bulk Query")
    return compile_soql(soql, query, world.schema, with_deleted=operation == "queryAll")


def _result(world: World, job: StoredJob) -> Result:
    """The rows of the job; after a restart, or when they were freed, they are read again."""
    result = world.org_results.get(job.id)
    if result is None:
        compiled = _compiled(world, job.query, job.operation)
        result = world.org_results.compute(compiled.sql, compiled.values)
        result.label = compiled
        world.org_results.put(job.id, result)
    return result


async def info(call: Call) -> Response:
    """GET one job."""
    job = call.world.service.find(call.parts["id"], "query")
    counts = {
        "jobType": "V2Query",
        "numberRecordsProcessed": job.rows_processed,
        "retries": 0,
        "totalProcessingTime": job.processing_ms,
        "isPkChunkingSupported": True,
    }
    return json_answer(query_info(job) | counts)


async def abort(call: Call) -> Response:
    """PATCH to Aborted."""
    state = (await call.json()).get("state")
    if state != "Aborted":
        text = f"Invalid value: '{state}' supplied for property: 'state'"
        raise APIError(400, "API_ERROR", text)
    return json_answer(query_info(call.world.service.abort(call.parts["id"], "query")))


async def delete(call: Call) -> Response:
    """DELETE one job and its rows."""
    call.world.service.delete(call.parts["id"], "query")
    call.world.org_results.drop(call.parts["id"])
    return Response(b"", 204)


async def results(call: Call) -> Response:
    """GET one page of the rows as CSV."""
    job = call.world.service.finished(call.parts["id"], "query")
    if job.api_version != call.version:
        text = "The API version of this call is not that of the job"
        raise APIError(409, "API_ERROR", text)
    start = _start(call.query("locator"), job)
    max_rows = call.query("maxRecords", str(PAGE_ROWS))
    if not max_rows.isdigit() or int(max_rows) < 1:
        raise APIError(400, "API_ERROR", f"Invalid value: '{max_rows}' for 'maxRecords'")
    page = partial(_page, call.world, job, start, int(max_rows))
    body, rows, total = await run_in_threadpool(page)
    end = start + rows
    headers = {
        "Sforce-NumberOfRecords": str(rows),
        "Sforce-Locator": "null" if end >= total else _locator(job, end),
    }
    return Response(body, 200, headers, CSV_TYPE)


def _locator(job: StoredJob, start: int) -> str:
    return f"{secrets.token_hex(4)}{job.id[8:15]}{start:x}"


def _start(locator: str, job: StoredJob) -> int:
    if not locator:
        return 0
    mark, position = locator[8:15], locator[15:]
    if mark != job.id[8:15] or not position:
        raise APIError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    try:
        return int(position, 16)
    except ValueError as error:
        raise APIError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from error


def _page(world: World, job: StoredJob, start: int, max_rows: int) -> tuple[bytes, int, int]:
    result = _result(world, job)
    compiled = result.label
    assert isinstance(compiled, Compiled)  # noqa: S101  set where the result is made
    shown = [n for n, out in enumerate(compiled.outputs) if not out.hidden]
    rows = result.rows(start, max_rows)
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=DELIMITERS[job.column_delimiter],
        lineterminator=LINE_ENDINGS[job.line_ending],
        quoting=csv.QUOTE_ALL,
    )
    writer.writerow([".".join(compiled.outputs[n].path) for n in shown])
    writer.writerows([[_cell(row[n]) for n in shown] for row in rows])
    return text.getvalue().encode(), len(rows), result.row_count


def _cell(value: object) -> str:
    if value is None:
        return ""
    shown = json_value(value)
    if isinstance(shown, float):
        return java_double(shown)
    return str(shown).lower() if isinstance(shown, bool) else str(shown)


BASE = "/services/data/v{version}/jobs/query"
ROUTES = (
    Route("POST", BASE, "bulk_query", create),
    Route("GET", f"{BASE}/{{id}}", "bulk_query", info),
    Route("PATCH", f"{BASE}/{{id}}", "bulk_query", abort),
    Route("DELETE", f"{BASE}/{{id}}", "delete", delete),
    Route("GET", f"{BASE}/{{id}}/results", "bulk_query", results),
)
