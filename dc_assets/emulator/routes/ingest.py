"""Bulk API 2.0 ingest on the wire."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from functools import partial
from typing import IO

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dc_assets.emulator.clock import exact_datetime
from dc_assets.emulator.engines.spans import gaps
from dc_assets.emulator.engines.upload import header_text, read_upload
from dc_assets.emulator.errors import APIError, not_found
from dc_assets.emulator.ids import USER_ID
from dc_assets.emulator.routes.broken import WatchedAnswer
from dc_assets.emulator.routes.http import CSV_TYPE, Call, Route, json_answer
from dc_assets.emulator.stores.jobs import DELIMITERS, StoredJob
from dc_assets.emulator.world import World

UPLOAD_BYTES_MAX = 100 * 1024**2
"""Of the raw content. An org takes 150 MB of its base64, which it reckons half as long again."""


def job_summary(job: StoredJob) -> dict[str, object]:
    """The fields every answer about a job has, in the order of a real org."""
    summary: dict[str, object] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": USER_ID,
        "createdDate": job.created_date,
        "systemModstamp": job.system_modstamp,
        "state": job.state,
    }
    if job.external_id_field:
        summary["externalIdFieldName"] = job.external_id_field
    summary |= {
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.api_version,
    }
    return summary


def job_as_created(job: StoredJob) -> dict[str, object]:
    """What create answers, and what an Open job shows."""
    content_url = f"services/data/v{job.api_version}/jobs/ingest/{job.id}/batches"
    return job_summary(job) | {
        "contentUrl": content_url,
        "lineEnding": job.line_ending,
        "columnDelimiter": job.column_delimiter,
    }


def job_info(job: StoredJob) -> dict[str, object]:
    """What a poll answers: the address of the content only while Open, counts once there is any."""
    info = job_as_created(job) if job.state == "Open" else job_summary(job)
    info |= {
        "jobType": "V2Ingest",
        "lineEnding": job.line_ending,
        "columnDelimiter": job.column_delimiter,
    }
    if job.has_content or job.state != "Open":
        info |= {
            "numberRecordsProcessed": job.rows_processed,
            "numberRecordsFailed": job.rows_failed,
        }
    info |= {
        "retries": job.retries,
        "totalProcessingTime": job.total_ms,
        "apiActiveProcessingTime": job.processing_ms,
        "apexProcessingTime": 0,
    }
    if job.error_message:
        info["errorMessage"] = job.error_message
    return info


def check_type(call: Call, wanted: str) -> None:
    """Refuse a body that is declared as something else, or as nothing.

    Raises:
        APIError: 415.
    """
    given = call.request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != wanted:
        text = f"Content-Type header specified in HTTP request is not supported: {given or 'none'}"
        raise APIError(415, "UNSUPPORTED_MEDIA_TYPE", text)


async def create(call: Call) -> Response:
    """POST /jobs/ingest."""
    check_type(call, "application/json")
    job = call.world.service.create(await call.json(), call.version)
    return json_answer(job_as_created(job))


async def upload(call: Call) -> Response:
    """PUT the content; the body may come in chunks and without a length."""
    check_type(call, "text/csv")
    job = call.world.service.begin_upload(call.parts["id"])
    path = call.world.jobs.upload_path(job.id)
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            await _receive(call.request.stream(), file)
    except BaseException:
        # The content never arrived: the job has none, as before this call.
        call.world.jobs.change(job.id, has_content=False)
        raise
    draft.replace(path)
    return Response(b"", 201)


async def _receive(stream: AsyncIterator[bytes], file: IO[bytes]) -> None:
    received = 0
    async for piece in stream:
        # What is too long is read to its end: a caller that still sends would see no answer.
        received += len(piece)
        if received <= UPLOAD_BYTES_MAX:
            file.write(piece)
    if received > UPLOAD_BYTES_MAX:
        text = "The content of a job may have 150 MB in base64 at most, which are 100 MB of CSV"
        raise APIError(413, "API_ERROR", text)


async def change_state(call: Call) -> Response:
    """PATCH to UploadComplete or Aborted."""
    body = await call.json()
    state = body.get("state")
    service, job_id = call.world.service, call.parts["id"]
    if state == "UploadComplete":
        work = partial(service.close, job_id)
    elif state == "Aborted":
        work = partial(service.abort, job_id, "ingest")
    else:
        text = f"Invalid value: '{state}' supplied for property: 'state'"
        raise APIError(400, "API_ERROR", text)
    takes_time = not call.world.runner.settings.is_instant
    return json_answer(job_summary(await run_in_threadpool(work) if takes_time else work()))


async def info(call: Call) -> Response:
    """GET one job."""
    return json_answer(job_info(call.world.service.find(call.parts["id"], "ingest")))


async def kind_of_change(call: Call) -> str:
    """Whether a PATCH closes or aborts; one that does neither counts as a close."""
    try:
        state = (await call.json()).get("state")
    except APIError:
        return "close"
    return "abort" if state == "Aborted" else "close"


async def delete(call: Call) -> Response:
    """DELETE one job."""
    await run_in_threadpool(partial(call.world.service.delete, call.parts["id"], "ingest"))
    return Response(b"", 204)


RESULT_HEADERS = {
    "successfulresults": ("successful", ("sf__Id", "sf__Created")),
    "failedresults": ("failed", ("sf__Id", "sf__Error")),
}


async def results(call: Call) -> Response:
    """GET one of the three result files; the name may come in any case."""
    name = call.parts["result"].lower()
    if name not in {*RESULT_HEADERS, "unprocessedrecords"}:
        raise not_found()
    job = call.world.service.finished(call.parts["id"], "ingest")
    if name == "unprocessedrecords":
        stem, work = "unprocessed", partial(_unprocessed, call.world, job)
    else:
        stem, work = RESULT_HEADERS[name][0], partial(_result_file, call.world, job, name)
    body = await run_in_threadpool(work)
    return WatchedAnswer(body, CSV_TYPE, partial(_mark_read, call.world, job.id, stem))


def _mark_read(world: World, job_id: str, stem: str) -> None:
    job = world.jobs.get(job_id)
    if job is not None and stem not in job.read:
        world.jobs.change(job_id, read={**job.read, stem: exact_datetime(world.clock.now())})


def _result_file(world: World, job: StoredJob, name: str) -> bytes:
    stem, first_columns = RESULT_HEADERS[name]
    delimiter = DELIMITERS[job.column_delimiter]
    header = header_text(world.jobs.upload_path(job.id))
    names = [f'"{column}"' for column in first_columns] + ([header] if header else [])
    # Only parts of batches that were committed count: a stop may leave one more.
    committed = len(world.core.journal(job.id))
    parts = world.jobs.parts(job.id, stem, committed)
    body = b"".join(part.read_bytes() for part in parts)
    return f"{delimiter.join(names)}\n".encode() + body


def _unprocessed(world: World, job: StoredJob) -> bytes:
    path = world.jobs.upload_path(job.id)
    header = header_text(path)
    if not header:
        return b""
    body = f"{header}\n".encode()
    if job.state == "JobComplete":
        return body
    rows = read_upload(path, job, checks_line_ends=False).rows
    left = gaps(world.core.committed_spans(job.id), rows.height)
    parts = [rows.clear(), *(rows.slice(first, stop - first) for first, stop in left)]
    written = io.BytesIO()
    pl.concat(parts).drop("error", "n").write_csv(
        written,
        include_header=False,
        separator=DELIMITERS[job.column_delimiter],
        quote_style="always",
    )
    return body + written.getvalue()


BASE = "/services/data/v{version}/jobs/ingest"
ROUTES = (
    Route("POST", BASE, "create", create),
    Route("GET", f"{BASE}/{{id}}", "poll", info),
    Route("PATCH", f"{BASE}/{{id}}", "close", change_state, kind_of=kind_of_change),
    Route("DELETE", f"{BASE}/{{id}}", "delete", delete),
    Route("PUT", f"{BASE}/{{id}}/batches", "upload", upload),
    Route("GET", f"{BASE}/{{id}}/{{result}}", "results", results),
)
