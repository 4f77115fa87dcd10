"""Bulk API 2.0 ingest jobs of one load.

Source: Bulk API 2.0 Developer Guide v66. One upload a job; results only after a terminal state;
`concurrencyMode` cannot be asked for; a job has no name, so its id is kept before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from dc_assets.core.breaker import Allowance
from dc_assets.core.errors import LimitReached, RejectedRequest, TransientRemoteError
from dc_assets.core.ingest_job import TERMINAL, IngestJob, JobState
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import ResultKind
from dc_assets.salesforce.session import API, OrgSession

JOBS_URL = f"{API}/jobs/ingest"
OPERATION = "upsert"
IDS_A_QUERY = 200
"""A query of so many ids fits into a URL, and into one answer."""

RESULT_RESOURCES: dict[ResultKind, str] = {
    "successful": "successfulResults",
    "failed": "failedResults",
    "unprocessed": "unprocessedrecords",
}


class BulkIngestJobs:
    """Upsert jobs of the spec's object by its external id."""

    def __init__(self, session: OrgSession, spec: LoadSpec) -> None:
        self._session = session
        self._org = session.org
        self._target = spec.target

    def create(self) -> str:
        """Open a job and return its id."""
        intent = {
            "object": self._target.object,
            "operation": OPERATION,
            "externalIdFieldName": self._target.external_id,
            "contentType": "CSV",
            "lineEnding": "LF",
        }
        return str(self._org.ask("POST", JOBS_URL, json=intent)["id"])

    def upload(self, job_id: str, payload: bytes) -> None:
        """Send the rows; one job takes one upload."""
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        self._org.call("PUT", f"{JOBS_URL}/{job_id}/batches", content=payload, headers=headers)

    def close(self, job_id: str) -> None:
        """Hand the rows to the org. From here on they may land."""
        self._org.call("PATCH", f"{JOBS_URL}/{job_id}", json={"state": "UploadComplete"})

    def abort(self, job_id: str) -> None:
        """Stop a job that is not finished; rows that landed stay."""
        self._org.call("PATCH", f"{JOBS_URL}/{job_id}", json={"state": "Aborted"})

    def job(self, job_id: str) -> IngestJob:
        """Ask how far a job is."""
        return _job(self._org.ask("GET", f"{JOBS_URL}/{job_id}"))

    def results(self, job_id: str, kind: ResultKind) -> bytes:
        """Read one result file of a finished job."""
        url = f"{JOBS_URL}/{job_id}/{RESULT_RESOURCES[kind]}"
        return self._org.call("GET", url, headers={"Accept": "text/csv"}).content

    def open_jobs(self) -> Sequence[IngestJob]:
        """List jobs in state Open of our user with the same object, operation and field.

        The list comes in pages of up to 1,000 in no promised order, so all of them are read.
        """
        found: list[IngestJob] = []
        url: str | None = f"{JOBS_URL}?jobType=V2Ingest"
        while url:
            page: dict[str, Any] = self._org.ask("GET", url)
            found += [_job(job) for job in page["records"] if self._is_like_ours(job)]
            url = None if page["done"] else page.get("nextRecordsUrl")
        return found

    def allowance(self) -> Allowance:
        """Ask what is left of the org's day.

        The calls stand in a header of every answer, also of the one that refuses for want of
        them. The batches stand in `/limits`, which takes the permission View Setup.
        """
        try:
            limits: dict[str, Any] = self._org.ask("GET", f"{API}/limits")
        except (LimitReached, RejectedRequest):
            limits = {}
        batches: dict[str, Any] = limits.get("DailyBulkApiBatches") or {}
        return Allowance(self._org.usage.api_calls_left, batches.get("Remaining"))

    def _is_like_ours(self, job: dict[str, Any]) -> bool:
        return (
            job["state"] == JobState.OPEN.value
            and job["object"] == self._target.object
            and job["operation"] == OPERATION
            and job.get("externalIdFieldName") == self._target.external_id
            and job.get("createdById", "")[:15] == self._session.user_id[:15]
        )


class BulkDeleteJobs(BulkIngestJobs):
    """Delete jobs of the spec's object: one column of record ids, into the org's recycle bin."""

    def create(self) -> str:
        """Open a job and return its id."""
        intent = {
            "object": self._target.object,
            "operation": "delete",
            "contentType": "CSV",
            "lineEnding": "LF",
        }
        return str(self._org.ask("POST", JOBS_URL, json=intent)["id"])

    def still_there(self, ids: Sequence[str]) -> AbstractSet[str]:
        """Return those of some records that the org still shows."""
        found: set[str] = set()
        for start in range(0, len(ids), IDS_A_QUERY):
            listed = ", ".join(f"'{one}'" for one in ids[start : start + IDS_A_QUERY])
            soql = f"SELECT Id FROM {self._target.object} WHERE Id IN ({listed})"  # noqa: S608 - SOQL, and ids of the org's own
            answer = self._org.ask("GET", f"{API}/query", params={"q": soql})
            found |= {str(record["Id"]) for record in answer["records"]}
        return found


@dataclass(frozen=True, slots=True)
class ListedJob:
    """One line of the org's list of ingest jobs; `changed_at` is when it took its state."""

    job_id: str
    object_name: str
    operation: str
    state: str
    user_id: str
    created_at: datetime
    changed_at: datetime


def list_ingest_jobs(session: OrgSession) -> tuple[Sequence[ListedJob], datetime]:
    """Return the ingest jobs of all users, newest first, and the time by the org's own clock.

    The list comes in pages of up to 1,000 in no promised order, so all of them are read.
    """
    found: list[ListedJob] = []
    url: str | None = f"{JOBS_URL}?jobType=V2Ingest"
    org_now: datetime | None = None
    while url:
        response = session.org.call("GET", url)
        org_now = _date_of(response.headers.get("Date", "")) or org_now
        try:
            page: dict[str, Any] = response.json()
        except ValueError as error:
            raise TransientRemoteError(
                "The list of jobs came cut off or is no JSON. Ask again."
            ) from error
        found += [_listed(job) for job in page["records"]]
        url = None if page["done"] else page.get("nextRecordsUrl")
    newest = sorted(found, key=lambda job: (job.created_at, job.job_id), reverse=True)
    latest = max((job.changed_at for job in found), default=datetime.min.replace(tzinfo=UTC))
    return newest, org_now or latest


def _listed(body: dict[str, Any]) -> ListedJob:
    created = _moment(body["createdDate"])
    changed = body.get("systemModstamp")
    return ListedJob(
        job_id=body["id"],
        object_name=body["object"],
        operation=body["operation"],
        state=body["state"],
        user_id=body.get("createdById") or "",
        created_at=created,
        changed_at=_moment(changed) if changed else created,
    )


def _moment(text: str) -> datetime:
    """Read ``2026-01-31T10:00:00.000+0000``."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def _date_of(header: str) -> datetime | None:
    """Read an HTTP date; None when there is none."""
    try:
        return parsedate_to_datetime(header)
    except ValueError:
        return None


def _job(body: dict[str, Any]) -> IngestJob:
    """Read a job; a field that Salesforce leaves out in this state is 0 or empty."""
    return IngestJob(
        job_id=body["id"],
        state=JobState(body["state"]),
        processed_rows=int(body.get("numberRecordsProcessed") or 0),
        failed_rows=int(body.get("numberRecordsFailed") or 0),
        active_s=float(body.get("apiActiveProcessingTime") or 0) / 1000,
        total_s=float(body.get("totalProcessingTime") or 0) / 1000,
        error_message=body.get("errorMessage") or "",
        ended_at_s=_moment(body["systemModstamp"]).timestamp() if _has_ended(body) else 0.0,
    )


def _has_ended(body: dict[str, Any]) -> bool:
    """Tell whether a job says when it took its last state."""
    return JobState(body["state"]) in TERMINAL and bool(body.get("systemModstamp"))
