"""The side door for tests under ``/__emulator__/``, for whoever can read the ready file."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import exact_datetime
from dc_assets.emulator.errors import APIError
from dc_assets.emulator.routes.http import Call, Handler, Route, json_answer
from dc_assets.emulator.routes.soql import json_value
from dc_assets.emulator.seed import SeedError, SeedPlan, seed
from dc_assets.emulator.stores import journal as keyed
from dc_assets.emulator.stores.data_cloud import SourceError
from dc_assets.emulator.stores.duck import DatabaseError, Row, StatementError, reason_of
from dc_assets.emulator.stores.jobs import StoredJob
from dc_assets.emulator.stores.options import OptionError
from dc_assets.emulator.world import World

KIND = "admin"
"""The kind of these calls: they are neither counted nor held."""


def refused(error: Exception) -> APIError:
    """400 with the one sentence of the error."""
    return APIError(400, "EMULATOR", reason_of(error))


async def reset(call: Call) -> Response:
    """Forget all records, objects, jobs, tokens, counts, holds and options."""
    await run_in_threadpool(call.world.reset)
    call.world.gate.release(None)
    return json_answer(_state(call.world))


async def seed_stores(call: Call) -> Response:
    """Reset, then seed by the options of the command line."""
    body = await call.json()
    try:
        plan = SeedPlan.from_options(body)
        await run_in_threadpool(call.world.reset)
        await run_in_threadpool(partial(seed, call.world.core, call.world.data_cloud, plan))
    except SeedError as error:
        raise refused(error) from error
    return json_answer(_state(call.world))


async def add_source(call: Call) -> Response:
    """Make a Data Cloud object of a file, which this process reads with its user's rights."""
    body = await call.json()
    path = Path(str(body.get("path", "")))
    name = str(body.get("object") or f"{path.stem}__dlm")
    try:
        rows = await run_in_threadpool(partial(call.world.data_cloud.add_file, path, name))
    except SourceError as error:
        raise refused(error) from error
    return json_answer({"object": name, "rows": rows})


async def sql(call: Call) -> Response:
    """Run SQL on one of the two stores; the answer has columns and rows."""
    body = await call.json()
    try:
        return json_answer(await run_in_threadpool(partial(_run_sql, call.world, body)))
    except (DatabaseError, StatementError) as error:
        raise refused(error) from error


def _run_sql(world: World, body: dict[str, object]) -> dict[str, object]:
    stores = {"core": world.core.database, "data_cloud": world.data_cloud.database}
    database = stores.get(str(body.get("store")))
    if database is None:
        raise APIError(400, "EMULATOR", f"The store is one of: {', '.join(stores)}.")
    sql = str(body.get("sql", ""))
    with world.core.writing, database.session() as session:
        rows: list[Row] = []
        statements = session.statements(sql)
        try:
            for statement in statements:
                rows = session.rows(statement)
        finally:
            if database is world.core.database and not session.only_reads(sql):
                world.core.renumber(session)
    return {"rows": [[json_value(value) for value in row] for row in rows]}


async def state(call: Call) -> Response:
    """What there is: records, source rows, jobs by state, options, holds."""
    return json_answer(await run_in_threadpool(partial(_state, call.world)))


def _state(world: World) -> dict[str, object]:
    jobs: dict[str, int] = {}
    for job in world.jobs.all():
        jobs[job.state] = jobs.get(job.state, 0) + 1
    return {
        "core": {i.name: world.core.count(i) for i in world.schema.stored if not i.is_setup},
        "data_cloud": {name: world.data_cloud.count(name) for name in world.data_cloud.objects()},
        "jobs": jobs,
        "in_flight_max": world.jobs.in_flight_max,
        "options": asdict(world.options),
        **world.gate.state(),
    }


async def jobs(call: Call) -> Response:
    """All ingest jobs in the order they were created, deleted ones too."""
    world = call.world
    deleted = [job for job in world.jobs.deleted() if job.kind == "ingest"]
    entries = [_job_entry(job, is_deleted=False) for job in world.jobs.all("ingest")]
    entries += [_job_entry(job, is_deleted=True) for job in deleted]
    in_order = sorted(entries, key=lambda entry: str(entry["id"]))
    return json_answer({"jobs": in_order, "in_flight_max": world.jobs.in_flight_max})


def _job_entry(job: StoredJob, *, is_deleted: bool) -> dict[str, object]:
    return {
        "id": job.id,
        "object": job.object,
        "operation": job.operation,
        "state": job.state,
        "error_message": job.error_message,
        "created": job.created_date,
        "rows_processed": job.rows_processed,
        "rows_failed": job.rows_failed,
        "closed_s": job.closed_s,
        "ended_s": job.ended_s,
        "active_ms": job.processing_ms,
        "total_ms": job.total_ms,
        "read": list(job.read),
        "read_at": job.read,
        "deleted": is_deleted,
    }


async def journal(call: Call) -> Response:
    """All commits in order."""
    commits = await run_in_threadpool(call.world.core.journal)
    entries = [asdict(commit) | {"at": exact_datetime(commit.at)} for commit in commits]
    return json_answer({"commits": entries})


async def journal_keys(call: Call) -> Response:
    """Keys that several jobs committed, or the commits of one key."""
    core = call.world.core
    key = call.query("key")
    if key:
        commits = await run_in_threadpool(partial(keyed.commits_of_key, core.database, key))
        return json_answer({"key": key, "commits": commits})
    least = call.query("min_commits", "2")
    if not least.isdigit():
        raise APIError(400, "EMULATOR", "min_commits is a whole number.")
    in_full = call.query("commits") == "true"
    of_jobs = keyed.commits_of_keys if in_full else keyed.keys_of_many_jobs
    work = partial(of_jobs, core.database, call.query("object"), int(least))
    return json_answer({"keys": await run_in_threadpool(work)})


async def hold(call: Call) -> Response:
    """Hold calls of a kind."""
    body = await call.json()
    try:
        call.world.gate.hold(str(body.get("kind")), str(body.get("when") or "before"))
    except OptionError as error:
        raise refused(error) from error
    return json_answer(call.world.gate.state())


async def release(call: Call) -> Response:
    """Let held calls go on: those of a kind, or all."""
    kind = (await call.json()).get("kind")
    call.world.gate.release(None if kind is None else str(kind))
    return json_answer(call.world.gate.state())


async def options(call: Call) -> Response:
    """Set options."""
    try:
        call.world.options.change(await call.json())
    except OptionError as error:
        raise refused(error) from error
    return json_answer(asdict(call.world.options))


async def counted_calls(call: Call) -> Response:
    """Counts of calls by kind; calls of this side door are not counted."""
    calls = call.world.calls
    return json_answer(
        {
            "calls": dict(calls.by_kind),
            "api_total": calls.api_total,
            "first_s": calls.first_s,
            "last_s": calls.last_s,
            "dead_tokens_shown": call.world.tokens.dead_shown(),
        }
    )


def admin_route(method: str, path: str, handler: Handler) -> Route:
    """A route of the side door."""
    return Route(method, f"/__emulator__/{path}", KIND, handler, needs_token=False)


ROUTES = (
    admin_route("POST", "reset", reset),
    admin_route("POST", "seed", seed_stores),
    admin_route("POST", "source", add_source),
    admin_route("POST", "sql", sql),
    admin_route("GET", "state", state),
    admin_route("GET", "jobs", jobs),
    admin_route("GET", "journal", journal),
    admin_route("GET", "journal/keys", journal_keys),
    admin_route("POST", "hold", hold),
    admin_route("POST", "release", release),
    admin_route("POST", "options", options),
    admin_route("GET", "calls", counted_calls),
)
