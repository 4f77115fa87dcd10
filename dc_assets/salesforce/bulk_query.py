"""Reads many records of the org through a Bulk API 2.0 query job.

Source: Bulk API 2.0 Developer Guide v66, "Query". Pages are CSV with a header each; the header
`Sforce-Locator` leads to the next one and is the text ``null`` on the last. A query job takes no
aggregates and costs none of the daily ingest batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import polars as pl

from dc_assets.core.errors import (
    FAILED_QUERY_JOB,
    RejectedRequest,
    RemoteError,
    TransientRemoteError,
    UnsettledJob,
)
from dc_assets.core.ingest_job import TERMINAL, JobState
from dc_assets.core.write_policy import next_poll_wait_s
from dc_assets.frames.csv_codec import decode
from dc_assets.salesforce.answers import NewJob, QueryJob, unexpected
from dc_assets.salesforce.bounded import FILE
from dc_assets.salesforce.failures import MESSAGE_CHARS_MAX
from dc_assets.salesforce.http import PAGES_MAX, Host

PAGE_ROWS = 50_000
"""As many as a page of Data Cloud has: larger ones cost memory and save no work."""

LAST = "null"
POLLS_MAX = 2_000
"""Polls of one job, up to 5 s apart: nearly three hours, longer than any query job may take."""


def query_records(org: Host, soql: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the records of a query as text columns; null and empty text are both "".

    ``names`` are the fields that the query selects, in its order.

    Raises:
        RejectedRequest: the org refuses the query or the job failed.
        TransientRemoteError: the job does not end.
        UnexpectedAnswer: a page is of another shape, came twice, or there is no end.
    """
    job_id = _finished_job(org, soql)
    try:
        yield from _pages(org, f"{_jobs_url(org)}/{job_id}/results", names)
    finally:
        with suppress(RemoteError):  # it is gone after 7 days in any case
            org.call("DELETE", f"{_jobs_url(org)}/{job_id}")


def _finished_job(org: Host, soql: str) -> str:
    intent = {"operation": "query", "query": soql}
    # A lost answer leaves a query job that nobody reads; the org drops it after 7 days.
    job_id = org.ask("POST", _jobs_url(org), NewJob, changes_nothing=True, json=intent).id
    for poll in range(1, POLLS_MAX + 1):
        job = org.ask("GET", f"{_jobs_url(org)}/{job_id}", QueryJob)
        if job.state is JobState.JOB_COMPLETE:
            return job_id
        if job.state in TERMINAL:
            reason = job.error_message[:MESSAGE_CHARS_MAX] or "no reason given"
            said = f"query job {job_id} is {job.state.value}: {reason}"
            raise RejectedRequest(said, code=FAILED_QUERY_JOB)
        org.sleep(next_poll_wait_s(poll))
    raise TransientRemoteError(f"query job {job_id} does not end")


def _jobs_url(org: Host) -> str:
    return f"{org.api}/jobs/query"


def _pages(org: Host, url: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    seen: set[str] = set()
    locator = ""
    while locator != LAST:
        page, locator = org.repeat(partial(_page, org, url, locator), f"GET {url}")
        yield _named(page, names, org.replayed("GET", url))
        if locator in seen or not locator:
            raise unexpected(org.replayed("GET", url), "the same Sforce-Locator came twice")
        if len(seen) >= PAGES_MAX:
            raise unexpected(org.replayed("GET", url), f"more than {PAGES_MAX:,} pages")
        seen.add(locator)


def _page(org: Host, url: str, locator: str) -> tuple[pl.DataFrame, str]:
    """Return one page and the locator of the next; a page holds as many rows as its header says."""
    answer = org.call(
        "GET",
        url,
        params={"maxRecords": str(PAGE_ROWS)} | ({"locator": locator} if locator else {}),
        headers={"Accept": "text/csv"},
        extensions=FILE,
    )
    place = org.replayed("GET", url)
    try:
        rows = decode(answer.content)
    except UnsettledJob as error:
        raise unexpected(place, "a page that is cut off or not CSV", is_whole=False) from error
    told = answer.headers.get("Sforce-NumberOfRecords")
    if told is not None and told.strip() != str(rows.height):
        what = f"a page of {rows.height:,} rows, its header says {told[:20]!r}"
        raise unexpected(place, what, is_whole=False)
    found = answer.headers.get("Sforce-Locator")
    if found is None and (told is None or rows.height >= PAGE_ROWS):
        what = "a page without the header Sforce-Locator, which says whether more follow"
        raise unexpected(place, what, is_whole=False)
    return rows, LAST if found is None else found


def _named(page: pl.DataFrame, names: Sequence[str], place: str) -> pl.DataFrame:
    """Return a page under the names that were asked for; the org may write them in other case."""
    if not page.columns:
        return page
    if [name.casefold() for name in page.columns] != [name.casefold() for name in names]:
        raise unexpected(place, "the columns of a page are not those of the query")
    if any(column.null_count() for column in page):  # an empty cell is "", so a null is no cell
        raise unexpected(place, "a row has fewer cells than the page has columns")
    return page.rename(dict(zip(page.columns, names, strict=True)))
