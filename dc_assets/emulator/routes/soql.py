"""SOQL over REST: query, queryAll, and the pages of a long answer."""
# ruff: noqa: S608  the text that is wrapped was compiled from a parsed query

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.engines.soql.compiler import GROUPS_MAX, Compiled, compile_soql
from dc_assets.emulator.engines.soql.parser import parse
from dc_assets.emulator.errors import APIError
from dc_assets.emulator.routes.http import Call, Route, json_answer
from dc_assets.emulator.routes.query_columns import columns
from dc_assets.emulator.stores.duck import DatabaseError, reason_of
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.world import World

PAGE_ROWS_MIN, PAGE_ROWS_MAX = 200, 2000

Attributes = Callable[[str], dict[str, object]]
"""From the id of a record to what an answer says of it first."""


def json_value(value: object) -> object:
    """A value of the store as the REST API writes it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return api_datetime(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


async def query(call: Call) -> Response:
    """GET /query."""
    return await _query(call, with_deleted=False)


async def query_all(call: Call) -> Response:
    """GET /queryAll: deleted records too."""
    return await _query(call, with_deleted=True)


async def _query(call: Call, *, with_deleted: bool) -> Response:
    soql = call.query("q")
    if not soql.strip():
        raise APIError(400, "MALFORMED_QUERY", "unexpected token: '<EOF>'")
    if call.query("columns") == "true":
        return await columns(call)
    work = partial(run_soql, call.world, soql, call.base, _batch_size(call))
    try:
        return json_answer(await run_in_threadpool(work, with_deleted=with_deleted))
    except DatabaseError as error:
        # A value that no column can have, such as half a character.
        raise APIError(400, "MALFORMED_QUERY", reason_of(error)) from error


def _batch_size(call: Call) -> int:
    options = call.request.headers.get("sforce-query-options", "")
    match = re.search(r"batchSize\s*=\s*(\d+)", options, re.IGNORECASE)
    wanted = int(match.group(1)) if match else PAGE_ROWS_MAX
    return max(PAGE_ROWS_MIN, min(wanted, PAGE_ROWS_MAX))


def run_soql(
    world: World, soql: str, base: str, page_rows: int, *, with_deleted: bool
) -> dict[str, object]:
    """The answer of a query: its first page."""
    compiled = compile_soql(soql, parse(soql), world.schema, with_deleted=with_deleted)
    if compiled.counts_rows:
        with world.core.database.session() as session:
            sql = f"SELECT count(*) FROM ({compiled.sql})"
            total = int(session.one(sql, *compiled.values)[0])
        return {"totalSize": total, "done": True, "records": []}
    if compiled.is_aggregate:
        return _aggregate(world, compiled)
    result = world.org_results.compute(compiled.sql, compiled.values)
    return _first_page(world, compiled, result, base, page_rows)


def _aggregate(world: World, compiled: Compiled) -> dict[str, object]:
    with world.core.database.session() as session:
        sql = f"SELECT * FROM ({compiled.sql}) LIMIT {GROUPS_MAX + 1}"
        rows = session.rows(sql, *compiled.values)
    if len(rows) > GROUPS_MAX:
        text = (
            "Aggregate query does not support queryMore(), use LIMIT to restrict the results "
            "to a single batch"
        )
        raise APIError(400, "EXCEEDED_ID_LIMIT", text)
    records = [
        {"attributes": {"type": "AggregateResult"}}
        | {out.path[0]: json_value(v) for out, v in zip(compiled.outputs, row, strict=True)}
        for row in rows
    ]
    return {"totalSize": len(records), "done": True, "records": records}


def _first_page(
    world: World, compiled: Compiled, result: Result, base: str, page_rows: int
) -> dict[str, object]:
    result.label = compiled
    locator = f"01g{secrets.token_hex(6)}AAA"
    answer = _page(world, result, base, f"{locator}-0-{page_rows}")
    if answer["done"]:
        result.close()
    else:
        world.org_results.put(locator, result)
    return answer


def _page(world: World, result: Result, base: str, position: str) -> dict[str, object]:
    """One page: a position is locator, first row, rows of a page."""
    locator, start, page_rows = position.split("-")
    end = int(start) + int(page_rows)
    compiled = result.label
    if not isinstance(compiled, Compiled):
        raise _bad_locator()
    rows, of_id = result.rows(int(start), int(page_rows)), _attributes(world, base)
    answer: dict[str, object] = {
        "totalSize": result.row_count,
        "done": end >= result.row_count,
    }
    if not answer["done"]:
        answer["nextRecordsUrl"] = f"{base}/query/{locator}-{end}-{page_rows}"
    answer["records"] = [_record(compiled, row, of_id) for row in rows]
    return answer


def _record(compiled: Compiled, row: Sequence[object], of_id: Attributes) -> dict[str, object]:
    """One record with its parents in it; a parent that is not there is null."""
    cells = list(zip(compiled.outputs, row, strict=True))
    records = {out.path: of_id(str(v)) if v else None for out, v in cells if out.hidden}
    for out, value in cells:
        if out.hidden:
            continue
        inner = records[()]
        for length, name in enumerate(out.path[:-1], start=1):
            if inner is not None:
                inner[name] = inner = records[out.path[:length]]
        if inner is not None:
            inner[out.path[-1]] = json_value(value)
    return records[()] or {}


def _attributes(world: World, base: str) -> Attributes:
    """What begins a record of an id: its object and its address."""
    names = {item.key_prefix: item.name for item in world.schema.stored}

    def of_id(record_id: str) -> dict[str, object]:
        name = names.get(record_id[:3], "Name")
        return {"attributes": {"type": name, "url": f"{base}/sobjects/{name}/{record_id}"}}

    return of_id


def _bad_locator() -> APIError:
    return APIError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


async def next_page(call: Call) -> Response:
    """GET the page a nextRecordsUrl names."""
    position = call.parts["locator"]
    if re.fullmatch(r"\w+-\d+-\d+", position) is None:
        raise _bad_locator()
    result = call.world.org_results.get(position.partition("-")[0])
    if result is None:
        raise _bad_locator()
    return json_answer(
        await run_in_threadpool(partial(_page, call.world, result, call.base, position))
    )


BASE = "/services/data/v{version}"
ROUTES = (
    Route("GET", f"{BASE}/query", "soql", query),
    Route("GET", f"{BASE}/queryAll", "soql", query_all),
    Route("GET", f"{BASE}/query/{{locator}}", "soql", next_page),
    Route("GET", f"{BASE}/queryAll/{{locator}}", "soql", next_page),
)
