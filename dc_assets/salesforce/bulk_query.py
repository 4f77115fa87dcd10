"""Reads many records of the org through a Bulk API 2.0 query job.

Source: Bulk API 2.0 Developer Guide v66, "Query". Pages are CSV with a header each; the header
`Sforce-Locator` leads to the next one and is the text ``null`` on the last. A query job takes no
aggregates and costs none of the daily ingest batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from dc_assets.core.errors import RejectedRequest, TransientRemoteError
from dc_assets.core.write_policy import next_poll_wait_s
from dc_assets.frames.csv_codec import decode
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.session import API

JOBS_URL = f"{API}/jobs/query"
PAGE_ROWS = 100_000
POLLS_MAX = 2_000
"""Polls of one job, up to 5 s apart: nearly three hours, longer than any query job may take."""


def query_records(org: Host, soql: str) -> Iterator[pl.DataFrame]:
    """Yield the records of a query as text columns; null and empty text are both "".

    Raises:
        RejectedRequest: the org refuses the query or the job failed.
        TransientRemoteError: the job does not end.
    """
    job_id = _finished_job(org, soql)
    try:
        yield from _pages(org, job_id)
    finally:
        org.call("DELETE", f"{JOBS_URL}/{job_id}")


def _finished_job(org: Host, soql: str) -> str:
    intent = {"operation": "query", "query": soql}
    job_id = str(org.call("POST", JOBS_URL, json=intent).json()["id"])
    for poll in range(1, POLLS_MAX + 1):
        job: dict[str, Any] = org.call("GET", f"{JOBS_URL}/{job_id}").json()
        if job["state"] == "JobComplete":
            return job_id
        if job["state"] in {"Failed", "Aborted"}:
            reason = job.get("errorMessage") or "no reason given"
            code = "QUERY_TIMEOUT" if "QUERY_TIMEOUT" in reason else ""
            raise RejectedRequest(f"query job {job_id} is {job['state']}: {reason}", code=code)
        org.sleep(next_poll_wait_s(poll))
    raise TransientRemoteError(f"query job {job_id} does not end")


def _pages(org: Host, job_id: str) -> Iterator[pl.DataFrame]:
    locator = ""
    while locator != "null":
        params = {"maxRecords": str(PAGE_ROWS)} | ({"locator": locator} if locator else {})
        answer = org.call(
            "GET", f"{JOBS_URL}/{job_id}/results", params=params, headers={"Accept": "text/csv"}
        )
        yield decode(answer.content)
        locator = answer.headers.get("Sforce-Locator", "null")
