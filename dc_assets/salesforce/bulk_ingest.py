"""Bulk API 2.0 ingest jobs of one load.

Source: Bulk API 2.0 Developer Guide v66. One upload a job; results only after a terminal state;
`concurrencyMode` cannot be asked for; a job has no name, so its id is kept before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import LimitReached, RejectedRequest
from dc_assets.core.ingest_job import TERMINAL, IngestJob, JobState
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import ResultKind
from dc_assets.salesforce.answers import Identified, JobAnswer, JobLine, Limits, NewJob, unexpected
from dc_assets.salesforce.bounded import FILE
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.origins import record_id
from dc_assets.salesforce.session import OrgSession

IDS_A_QUERY = 200
"""A query of so many ids fits into a URL, and into one answer."""

RESULT_RESOURCES: dict[ResultKind, str] = {
    "successful": "successfulResults",
    "failed": "failedResults",
    "unprocessed": "unprocessedrecords",
}


class BulkIngestJobs:
    """Upsert jobs of the spec's object by its external id."""

    operation = "upsert"

    def __init__(self, session: OrgSession, spec: LoadSpec) -> None:
        self._session = session
        self._org = session.org.of_batches()
        self._target = spec.target

    def create(self) -> str:
        """Open a job and return its id."""
        return self._created({"operation": self.operation, **self._matched_by})

    @property
    def _matched_by(self) -> dict[str, str]:
        """What says by which field a row finds its record; nothing if by the record id."""
        is_by_key = self.operation == "upsert"
        return {"externalIdFieldName": self._target.external_id} if is_by_key else {}

    def _created(self, kind: dict[str, str]) -> str:
        intent = {"object": self._target.object, "contentType": "CSV", "lineEnding": "LF", **kind}
        return self._org.ask("POST", _jobs_url(self._org), NewJob, json=intent).id

    def upload(self, job_id: str, payload: bytes) -> None:
        """Send the rows; one job takes one upload."""
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        self._org.call("PUT", f"{self._path(job_id)}/batches", content=payload, headers=headers)

    def close(self, job_id: str) -> None:
        """Hand the rows to the org. From here on they may land."""
        self._org.ask("PATCH", self._path(job_id), NewJob, json={"state": "UploadComplete"})

    def abort(self, job_id: str) -> None:
        """Stop a job that is not finished; rows that landed stay."""
        self._org.ask("PATCH", self._path(job_id), NewJob, json={"state": "Aborted"})

    def job(self, job_id: str) -> IngestJob:
        """Ask how far a job is."""
        return _job(self._org.ask("GET", self._path(job_id), JobAnswer))

    def results(self, job_id: str, kind: ResultKind) -> bytes:
        """Read one result file of a finished job."""
        url = f"{self._path(job_id)}/{RESULT_RESOURCES[kind]}"
        accept = {"Accept": "text/csv"}
        return self._org.call("GET", url, headers=accept, extensions=FILE).content

    def open_jobs(self) -> Sequence[IngestJob]:
        """List jobs in state Open of our user with the same object, operation and field.

        The list comes in pages of up to 1,000 in no promised order, so all of them are read.
        """
        jobs = self._org.ask_pages(_list_url(self._org), JobLine)
        return [IngestJob(job.id, JobState.OPEN) for job in jobs if self._is_like_ours(job)]

    def allowance(self) -> Allowance:
        """Ask what is left of the org's day.

        The calls stand in a header of every answer, also of the one that refuses for want of
        them. The batches stand in `/limits`, which takes the permission View Setup.
        """
        try:
            limits = self._org.ask("GET", f"{self._org.api}/limits", Limits)
        except (LimitReached, RejectedRequest):
            limits = Limits()
        return Allowance(self._org.usage.api_calls_left, limits.batches.left)

    def _path(self, job_id: str) -> str:
        return f"{_jobs_url(self._org)}/{record_id(job_id)}"

    def _is_like_ours(self, job: JobLine) -> bool:
        return (
            job.state == JobState.OPEN.value
            and job.object == self._target.object
            and job.operation == self.operation
            and job.external_id_field_name == self._matched_by.get("externalIdFieldName", "")
            and job.created_by_id[:15] == self._session.user_id[:15]
        )


class _JobsById(BulkIngestJobs):
    """Jobs whose rows name their records by record id."""

    def still_there(self, ids: Sequence[str]) -> AbstractSet[str]:
        """Return those of some records that the org still shows."""
        found: set[str] = set()
        for start in range(0, len(ids), IDS_A_QUERY):
            listed = ", ".join(f"'{record_id(one)}'" for one in ids[start : start + IDS_A_QUERY])
            soql = f"SELECT Id FROM {self._target.object} WHERE Id IN ({listed})"  # noqa: S608 - SOQL, and ids that were looked at
            records = self._org.ask_pages(f"{self._org.api}/query", Identified, params={"q": soql})
            found |= {record.id for record in records}
        return found


class BulkDeleteJobs(_JobsById):
    """Delete jobs of the spec's object: one column of record ids, into the org's recycle bin."""

    operation = "delete"


class BulkUpdateJobs(_JobsById):
    """Update jobs of the spec's object by record id: they create nothing."""

    operation = "update"


def jobs_of(session: OrgSession, spec: LoadSpec) -> BulkIngestJobs:
    """Return the ingest jobs that a load of a spec sends."""
    kind = BulkIngestJobs if spec.target.operation == "upsert" else BulkUpdateJobs
    return kind(session, spec)


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
    org = session.org
    found = [_listed(org, job) for job in org.ask_pages(_list_url(org), JobLine)]
    newest = sorted(found, key=lambda job: (job.created_at, job.job_id), reverse=True)
    latest = max((job.changed_at for job in found), default=datetime.min.replace(tzinfo=UTC))
    return newest, org.usage.org_time or latest


def _listed(org: Host, line: JobLine) -> ListedJob:
    if line.created_date is None:
        raise unexpected(org.replayed("GET", _list_url(org)), f"job {line.id} without createdDate")
    return ListedJob(
        job_id=line.id,
        object_name=line.object,
        operation=line.operation,
        state=line.state,
        user_id=line.created_by_id,
        created_at=line.created_date,
        changed_at=line.system_modstamp or line.created_date,
    )


def _jobs_url(org: Host) -> str:
    return f"{org.api}/jobs/ingest"


def _list_url(org: Host) -> str:
    return f"{_jobs_url(org)}?jobType=V2Ingest"


def _job(job: JobAnswer) -> IngestJob:
    """Return a job; when it took its last state is known of a final one alone."""
    ended_at = job.system_modstamp if job.state in TERMINAL else None
    return IngestJob(
        job_id=job.id,
        state=job.state,
        failed_rows=job.number_records_failed,
        active_s=job.api_active_processing_time / 1000,
        total_s=job.total_processing_time / 1000,
        error_message=job.error_message,
        ended_at_s=ended_at.timestamp() if ended_at else 0.0,
    )
