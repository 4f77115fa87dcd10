"""Which records changed or were deleted in a span of time: what clients that replicate ask."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.errors import APIError, not_found
from dc_assets.emulator.routes.http import Call, Route, json_answer
from dc_assets.emulator.stores.duck import quoted

Found = list[tuple[str, datetime]]


async def updated(call: Call) -> Response:
    """GET /sobjects/X/updated."""
    start, end = _span(call)
    found = await run_in_threadpool(partial(_found, call, start, end, is_deleted=False))
    ids = [record_id for record_id, _ in found]
    return json_answer({"ids": ids, "latestDateCovered": api_datetime(end)})


async def deleted(call: Call) -> Response:
    """GET /sobjects/X/deleted."""
    start, end = _span(call)
    found = await run_in_threadpool(partial(_found, call, start, end, is_deleted=True))
    records = [{"id": one, "deletedDate": api_datetime(at)} for one, at in found]
    return json_answer(
        {
            "deletedRecords": records,
            "earliestDateAvailable": api_datetime(start),
            "latestDateCovered": api_datetime(end),
        }
    )


def _span(call: Call) -> tuple[datetime, datetime]:
    start, end = (_moment(call, name) for name in ("start", "end"))
    if start >= end:
        raise APIError(400, "INVALID_REPLICATION_DATE", "startDate must be before endDate")
    return start, end


def _moment(call: Call, name: str) -> datetime:
    text = call.query(name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise APIError(400, "MALFORMED_QUERY", f"{name} is no moment: '{text}'") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _found(call: Call, start: datetime, end: datetime, *, is_deleted: bool) -> Found:
    """Ids and moments of the records, in the order in which they changed."""
    item = call.world.schema.find(call.parts["object"])
    if item is None:
        raise not_found()
    moment = '"SystemModstamp"'
    sql = (
        f'SELECT "Id", {moment} FROM {quoted(item.name)} WHERE "IsDeleted" = ? '  # noqa: S608
        f"AND {moment} >= ? AND {moment} < ? ORDER BY {moment}, rowid"
    )
    with call.world.core.database.session() as session:
        rows = session.rows(sql, is_deleted, start.replace(tzinfo=None), end.replace(tzinfo=None))
    return [(str(row[0]), row[1]) for row in rows]


BASE = "/services/data/v{version}/sobjects/{object}"
ROUTES = (
    Route("GET", f"{BASE}/updated", "record", updated),
    Route("GET", f"{BASE}/deleted", "record", deleted),
)
