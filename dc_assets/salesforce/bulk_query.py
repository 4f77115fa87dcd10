"""Reads many records of the org through a Bulk API 2.0 query job.

Source: Bulk API 2.0 Developer Guide v66, "Query". Pages are CSV with a header each; the header
`Sforce-Locator` leads to the next one and is the text ``null`` on the last. A query job takes no
aggregates and costs none of the daily ingest batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import polars as pl

from dc_assets.core.errors import (
    RejectedRequest,
    RemoteError,
    TransientRemoteError,
    UnsettledJob,
)
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
        with suppress(RemoteError):  # it is gone after 7 days in any case
            org.call("DELETE", f"{JOBS_URL}/{job_id}")


def _finished_job(org: Host, soql: str) -> str:
    intent = {"operation": "query", "query": soql}
    # A lost answer leaves a query job that nobody reads; the org drops it after 7 days.
    job_id = str(org.ask("POST", JOBS_URL, changes_nothing=True, json=intent)["id"])
    for poll in range(1, POLLS_MAX + 1):
        job: dict[str, Any] = org.ask("GET", f"{JOBS_URL}/{job_id}")
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
        page, locator = org.repeat(partial(_page, org, job_id, locator))
        yield page


def _page(org: Host, job_id: str, locator: str) -> tuple[pl.DataFrame, str]:
    """Return one page and the locator of the next; a page holds as many rows as its header says."""
    answer = org.call(
        "GET",
        f"{JOBS_URL}/{job_id}/results",
        params={"maxRecords": str(PAGE_ROWS)} | ({"locator": locator} if locator else {}),
        headers={"Accept": "text/csv"},
    )
    try:
        rows = decode(answer.content)
    except UnsettledJob as error:
        raise TransientRemoteError(f"a page of query job {job_id} is cut off") from error
    told = answer.headers.get("Sforce-NumberOfRecords")
    if told is not None and int(told) != rows.height:
        raise TransientRemoteError(
            f"a page of query job {job_id} holds {rows.height:,} rows, its header says {told}"
        )
    return rows, answer.headers.get("Sforce-Locator", "null")
