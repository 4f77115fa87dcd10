"""Bulk API 2.0 ingest jobs of one load.

Source: Bulk API 2.0 Developer Guide v66. One upload a job; results only after a terminal state;
`concurrencyMode` cannot be asked for; a job has no name, so its id is kept before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import ResultKind
from dc_assets.salesforce.session import API, OrgSession

JOBS_URL = f"{API}/jobs/ingest"
OPERATION = "upsert"

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
        return str(self._org.call("POST", JOBS_URL, json=intent).json()["id"])

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
        return _job(self._org.call("GET", f"{JOBS_URL}/{job_id}").json())

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
            page: dict[str, Any] = self._org.call("GET", url).json()
            found += [_job(job) for job in page["records"] if self._is_like_ours(job)]
            url = None if page["done"] else page.get("nextRecordsUrl")
        return found

    def _is_like_ours(self, job: dict[str, Any]) -> bool:
        return (
            job["state"] == JobState.OPEN.value
            and job["object"] == self._target.object
            and job["operation"] == OPERATION
            and job.get("externalIdFieldName") == self._target.external_id
            and job.get("createdById", "")[:15] == self._session.user_id[:15]
        )


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
    )
