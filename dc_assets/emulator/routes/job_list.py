"""The lists of ingest and of query jobs, of all users and in pages."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from dc_assets.emulator.errors import APIError
from dc_assets.emulator.routes.http import Call, Route, json_answer
from dc_assets.emulator.routes.ingest import job_summary
from dc_assets.emulator.stores.jobs import StoredJob

ROWS = 1000
OWN_TYPES = {"ingest": "V2Ingest", "query": "V2Query"}
TYPES = frozenset({*OWN_TYPES.values(), "Classic", "BigObjectIngest"})
"""Types of jobs an org has; here are none of the last two."""


async def list_jobs(kind: str, call: Call) -> Response:
    """GET all jobs of a kind, a thousand at a time, newest id last."""
    start = call.query("queryLocator", "0").rpartition("-")[2]
    if not start.isdigit():
        raise APIError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    wanted, end = call.query("jobType"), int(start) + ROWS
    shown = (job for job in call.world.jobs.all(kind) if job.gone != "job")
    jobs = sorted(shown, key=lambda job: job.id) if _are_shown(call, wanted, kind) else []
    # Asked one by one, because a job that is kept back shows another state.
    page = [call.world.service.find(job.id, kind) for job in jobs[int(start) : end]]
    answer: dict[str, object] = {
        "done": end >= len(jobs),
        "records": [_entry(job) for job in page],
        "nextRecordsUrl": None,
    }
    if end < len(jobs):
        of_type = f"&jobType={wanted}" if wanted else ""
        locator = f"queryLocator=01gRO0000000000000-{end}"
        answer["nextRecordsUrl"] = f"{call.base}/jobs/{kind}?{locator}{of_type}"
    return json_answer(answer)


def _are_shown(call: Call, wanted: str, kind: str) -> bool:
    if wanted and wanted not in TYPES:
        text = f"Invalid value: '{wanted}' supplied for property: 'jobType'"
        raise APIError(400, "API_ERROR", text)
    # No job here splits its query by primary keys.
    return wanted in {"", OWN_TYPES[kind]} and call.query("isPkChunkingEnabled") != "true"


def _entry(job: StoredJob) -> dict[str, object]:
    return job_summary(job) | {
        "jobType": OWN_TYPES[job.kind],
        "lineEnding": job.line_ending,
        "columnDelimiter": job.column_delimiter,
    }


BASE = "/services/data/v{version}/jobs"
ROUTES = (
    Route("GET", f"{BASE}/ingest", "list", partial(list_jobs, "ingest")),
    Route("GET", f"{BASE}/query", "list", partial(list_jobs, "query")),
)
