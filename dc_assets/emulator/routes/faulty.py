"""The way of a call while there are faults: what befalls it before, instead of and after its work.

Each fault is a name in one of three tables; a call goes through the tables in their order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.engines.result_faults import rerendered, shuffled
from dc_assets.emulator.errors import APIError, OAuthError, TenantError, WireError, invalid_session
from dc_assets.emulator.routes.broken import Dropped, Short, Torn
from dc_assets.emulator.routes.http import DATA_PREFIX, Call, bearer, error_answer, normalised
from dc_assets.emulator.stores.duck import DatabaseError, reason_of
from dc_assets.emulator.stores.fault_kinds import CALL_FAULTS, EVENT_FAULTS, JOB_FAULTS, LOGINS
from dc_assets.emulator.stores.faults import Hit
from dc_assets.emulator.stores.storm import one_of_storm

Work = Callable[[], Awaitable[Response]]
Event = Callable[[Hit, Call], Awaitable[None]]
Before = Callable[[Hit, Call], Awaitable[Response | None]]
After = Callable[[Hit, Call, Response], Awaitable[Response]]

BY_TEXT = frozenset({"empty_answer", "empty_count", "stale_answer"})
"""Faults that look at the SQL of a call: its handler asks for them."""

OF_CALLS = frozenset({*CALL_FAULTS, *EVENT_FAULTS, *JOB_FAULTS}) - BY_TEXT

CODES = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    429: ("REQUEST_LIMIT_EXCEEDED", "Too many requests"),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    503: ("SERVER_UNAVAILABLE", "The server is temporarily unavailable"),
}
"""Code and message of the JSON body of a status; others are unknown exceptions."""

PAGE = "<html><head><title>Error {status}</title></head><body><h1>We are down.</h1></body></html>"


async def answer(call: Call, work: Work) -> Response:
    """Answer a call as the active faults have it."""
    # Calls about query jobs are of one kind; only one of them is answered with rows.
    is_page = call.kind != "bulk_query" or call.request.url.path.rstrip("/").endswith("results")
    names = OF_CALLS if is_page else OF_CALLS - {"truncate"}
    hits = [one_of_storm(hit, call.kind) for hit in call.world.faults.due(call.kind, names)]
    await _events(hits, call)
    for hit in hits:
        before = BEFORE.get(hit.what)
        refused = await before(hit, call) if before else None
        if refused is not None:
            return refused
    try:
        response = await work()
    except WireError as error:
        response = error_answer(error, call.request.url.path, call.world.clock.now())
    for what, after in AFTER.items():
        for hit in hits:
            if hit.what == what:
                response = await after(hit, call, response)
    return response


async def _events(hits: list[Hit], call: Call) -> None:
    """Let happen what happens to the org; then the session of the call is checked again."""
    happened = [hit for hit in hits if hit.what in EVENTS]
    for hit in happened:
        await EVENTS[hit.what](hit, call)
    if happened:
        _check_session(call)


def _check_session(call: Call) -> None:
    path, tokens = normalised(call.request.url.path), call.world.tokens
    now_s = call.world.clock.now_s()
    if path.startswith(DATA_PREFIX) and not tokens.is_core(bearer(call.request), now_s):
        raise invalid_session()
    if path.startswith("/api/") and not tokens.is_tenant(bearer(call.request), now_s):
        raise TenantError(401, "Invalid or expired tenant token")


async def _expire_core(hit: Hit, call: Call) -> None:
    del hit
    call.world.tokens.expire_core()


async def _expire_tenant(hit: Hit, call: Call) -> None:
    del hit
    call.world.tokens.expire_tenant()


async def _lose_batch(hit: Hit, call: Call) -> None:
    del hit
    cursor = call.world.batches.pop(call.parts.get("batch", ""), None)
    query_id = call.parts.get("query", "") if cursor is None else cursor.query_id
    call.world.tenant_results.drop(query_id)


async def _change_rows(hit: Hit, call: Call) -> None:
    def run() -> None:
        with call.world.data_cloud.database.session() as session:
            session.run(hit.text("sql"))

    try:
        await run_in_threadpool(run)
    except DatabaseError as error:
        text = f"The fault rows_change failed: {reason_of(error)}"
        raise APIError(500, "EMULATOR", text) from error


async def _skew(hit: Hit, call: Call) -> None:
    seconds = hit.number_of("seconds")
    if call.world.clock.skew_s != seconds:
        call.world.clock.skew_s = seconds
        hit.fault.fired += 1


async def _strike(hit: Hit, call: Call) -> None:
    job = call.world.jobs.get(call.parts.get("id", ""))
    if job is not None:
        call.world.runner.faults.strike(job.id, hit)


async def _drain(call: Call) -> None:
    """Read the whole request: a client that is still sending would see the reset too early."""
    async for _ in call.request.stream():
        pass


async def _status_before(hit: Hit, call: Call) -> Response | None:
    if hit.is_set("acted"):
        return None
    await _drain(call)
    return _refusal(hit, call)


async def _status_after(hit: Hit, call: Call, response: Response) -> Response:
    return _refusal(hit, call) if hit.is_set("acted") else response


def _refusal(hit: Hit, call: Call) -> Response:
    status, body = int(hit.number_of("status")), hit.text("body")
    if body == "json":
        response = error_answer(_error(status, call), call.request.url.path, call.world.clock.now())
    else:
        text = PAGE.format(status=status) if body == "html" else ""
        response = Response(text, status, media_type="text/html" if text else None)
    if hit.parameters["retry_after"] is not None:
        response.headers["Retry-After"] = f"{hit.number_of('retry_after'):g}"
    return response


def _error(status: int, call: Call) -> WireError:
    code, message = CODES.get(status, CODES[500])
    if call.kind in LOGINS:
        return OAuthError(code.lower(), message, status)
    if call.request.url.path.startswith("/api/"):
        return TenantError(status, message)
    return APIError(status, code, message)


async def _reset_before(hit: Hit, call: Call) -> Response | None:
    if hit.text("when") == "before":
        await _drain(call)
        return Dropped()
    if hit.text("when") == "during" and call.kind == "upload":
        await anext(call.request.stream(), b"")
        return Dropped()
    return None


async def _reset_after(hit: Hit, call: Call, response: Response) -> Response:
    """Reset in the midst of the answer; one without a body has no midst and is not sent at all."""
    if hit.text("when") == "during" and len(response.body) > 1:
        return Torn(response, _cut(hit, response), call.world.clock)
    return Dropped()


async def _slow_before(hit: Hit, call: Call) -> Response | None:
    if not hit.is_set("acted"):
        await call.world.clock.pause(hit.number_of("seconds"))
    return None


async def _slow_after(hit: Hit, call: Call, response: Response) -> Response:
    if hit.is_set("acted"):
        await call.world.clock.pause(hit.number_of("seconds"))
    return response


def _cut(hit: Hit, response: Response) -> int:
    return hit.dice().randrange(1, len(response.body))


async def _truncate(hit: Hit, call: Call, response: Response) -> Response:
    del call
    if response.status_code >= HTTP_ERRORS or len(response.body) <= 1:
        return response
    end = _cut(hit, response)
    if hit.is_set("honest"):
        return Short(response, end)
    headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
    return Response(bytes(response.body)[:end], response.status_code, headers)


async def _shuffle(hit: Hit, call: Call, response: Response) -> Response:
    job = call.world.jobs.get(call.parts["id"])
    if job is None or response.status_code >= HTTP_ERRORS:
        return response
    body = bytes(response.body)
    return _with_body(response, await run_in_threadpool(partial(shuffled, body, job, hit.dice())))


async def _rerender(hit: Hit, call: Call, response: Response) -> Response:
    del hit
    job = call.world.jobs.get(call.parts["id"])
    item = call.world.schema.find(job.object) if job else None
    if job is None or item is None or response.status_code >= HTTP_ERRORS:
        return response
    body = bytes(response.body)
    return _with_body(response, await run_in_threadpool(partial(rerendered, body, job, item)))


def _with_body(response: Response, body: bytes) -> Response:
    """The same answer with another body: it still knows who wants to hear that it was read."""
    response.body = body
    response.headers["content-length"] = str(len(body))
    return response


HTTP_ERRORS = 400

EVENTS: dict[str, Event] = {
    "clock_skew": _skew,
    "rows_change": _change_rows,
    "expire_core_token": _expire_core,
    "expire_tenant_token": _expire_tenant,
    "lose_batch": _lose_batch,
    **dict.fromkeys(JOB_FAULTS, _strike),
}

BEFORE: dict[str, Before] = {
    "slow": _slow_before,
    "status": _status_before,
    "reset": _reset_before,
}

AFTER: dict[str, After] = {
    "rerender": _rerender,
    "shuffle": _shuffle,
    "truncate": _truncate,
    "slow": _slow_after,
    "status": _status_after,
    "reset": _reset_after,
}
