"""The life of a Bulk API 2.0 job as its caller sees it: which call is allowed in which state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dc_assets.emulator.clock import OrgClock, api_datetime
from dc_assets.emulator.engines.ingest import Ingest
from dc_assets.emulator.errors import APIError, not_found
from dc_assets.emulator.schema import Schema
from dc_assets.emulator.stores.jobs import DELIMITERS, LINE_ENDINGS, JobStore, StoredJob

OPERATIONS = ("insert", "update", "upsert", "delete")
CREATE_VALUES: dict[str, tuple[str, ...]] = {
    "operation": OPERATIONS,
    "contentType": ("CSV",),
    "lineEnding": tuple(LINE_ENDINGS),
    "columnDelimiter": tuple(DELIMITERS),
}
"""Properties of a create call that take one of a few values."""

CREATE_PROPERTIES = frozenset({*CREATE_VALUES, "object", "externalIdFieldName", "assignmentRuleId"})

DELETABLE = {
    "ingest": frozenset({"UploadComplete", "JobComplete", "Aborted", "Failed"}),
    "query": frozenset({"JobComplete", "Aborted", "Failed"}),
}
RESULT_STATES = frozenset({"JobComplete", "Failed", "Aborted"})

SECOND_UPLOAD = (
    "Found multipe contents for job: <{id}>, please 'Close' / 'Abort' / 'Delete' the current Job "
    "then create a new Job and make sure you only do 'PUT' once on a given Job."
)
"""The misspelling is the service's own."""


@dataclass(frozen=True, slots=True)
class JobService:
    """Rules of the calls on jobs; each breach is an `APIError`."""

    jobs: JobStore
    schema: Schema
    clock: OrgClock
    runner: Ingest

    def create(self, body: Mapping[str, object], api_version: float) -> StoredJob:
        """Open an ingest job."""
        check_properties(body)
        item = self.schema.find(str(body["object"]))
        if item is None:
            raise APIError(
                400, "INVALIDJOB", f"InvalidJob : Unable to find object: {body['object']}"
            )
        operation = str(body["operation"])
        key = str(body.get("externalIdFieldName") or "")
        if operation == "upsert":
            field = item.field(key)
            if field is None or not (field.external_id or field.type == "id"):
                text = (
                    f"InvalidJob : Field name provided, {key} does not match an External ID "
                    f"for {item.name}"
                )
                raise APIError(400, "INVALIDJOB", text)
        now = api_datetime(self.clock.now())
        job = StoredJob(
            id=self.jobs.next_id(),
            kind="ingest",
            operation=operation,
            object=item.name,
            created_date=now,
            system_modstamp=now,
            state="Open",
            api_version=api_version,
            external_id_field=key if operation == "upsert" else "",
            line_ending=str(body.get("lineEnding") or "LF"),
            column_delimiter=str(body.get("columnDelimiter") or "COMMA"),
        )
        self.jobs.add(job)
        return job

    def find(self, job_id: str, kind: str) -> StoredJob:
        """The job as it looks now: one that is kept back is still InProgress."""
        job = self.jobs.get(job_id)
        if job is None or job.kind != kind:
            raise not_found()
        kept_back = job.complete_at_s > self.clock.true_s()
        if kept_back and job.state in {"JobComplete", "Failed"}:
            return replace(job, state="InProgress", error_message="")
        if job.gone == "job":
            raise not_found()
        return job

    def begin_upload(self, job_id: str) -> StoredJob:
        """Take the one upload of a job; from here on a second one is refused."""
        job = self.find(job_id, "ingest")
        if job.has_content:
            raise APIError(400, "INVALIDJOB", SECOND_UPLOAD.format(id=job.id))
        taken = self.jobs.change_if(
            job.id, lambda j: j.state == "Open" and not j.has_content, has_content=True
        )
        if taken is None:
            raise _bad_state(f"Job is {job.state}, data can only be uploaded to an Open job")
        return taken

    def close(self, job_id: str) -> StoredJob:
        """From Open to UploadComplete, and queue it.

        An org that takes time reads the upload here: not on the thread that answers calls.
        """
        job = self.find(job_id, "ingest")
        prepared = self.runner.prepare(job) if job.state == "Open" else None
        closed_s = self.clock.org_s()
        closed = self.jobs.change_if(
            job.id,
            lambda j: j.state == "Open",
            state="UploadComplete",
            system_modstamp=api_datetime(self.clock.moment(closed_s)),
            closed_s=closed_s,
        )
        if closed is None:
            raise _bad_state(f"Closing a Job in state {job.state} not allowed")
        self.runner.submit(job.id, prepared)
        return closed

    def abort(self, job_id: str, kind: str) -> StoredJob:
        """From any state that is not final to Aborted; what was committed stays."""
        job = self.find(job_id, kind)
        aborted = None
        if not job.is_terminal:
            times = self.runner.abort(job.id) if kind == "ingest" else {}
            now = api_datetime(self.clock.now())
            aborted = self.jobs.change_if(
                job.id,
                lambda j: not j.is_terminal or j.complete_at_s > self.clock.true_s(),
                state="Aborted",
                system_modstamp=now,
                **times,
            )
        if aborted is None:
            job = self.find(job_id, kind)
            verb = "Completed" if job.state == "JobComplete" else job.state
            raise _bad_state(f"Aborting already {verb} Job not allowed")
        return aborted

    def delete(self, job_id: str, kind: str) -> None:
        """Forget a job that is not at work."""
        job = self.find(job_id, kind)
        if job.state not in DELETABLE[kind]:
            text = "Error encountered when deleting the job because the job is not terminated"
            raise APIError(400, "API_ERROR", text)
        if not job.is_terminal:
            self.runner.abort(job.id)
        self.jobs.delete(job.id)

    def finished(self, job_id: str, kind: str) -> StoredJob:
        """The job, when its results can be read."""
        job = self.find(job_id, kind)
        if job.state not in RESULT_STATES:
            raise _bad_state(f"Results are not available for a Job in state {job.state}")
        if job.gone:
            raise not_found()
        return job


def _bad_state(text: str) -> APIError:
    return APIError(400, "INVALIDJOBSTATE", text)


def check_properties(body: Mapping[str, object]) -> None:
    """Refuse properties that cannot be set, and values that are not among the allowed ones."""
    for name in body:
        if name not in CREATE_PROPERTIES:
            raise APIError(400, "API_ERROR", f"Property currently unsupported: '{name}'")
    for name in ("object", "operation"):
        if not body.get(name):
            raise APIError(400, "API_ERROR", f"Missing required property: '{name}'")
    if body["operation"] == "hardDelete":
        raise APIError(
            400, "FEATURENOTENABLED", "hardDelete operation requires special user profile"
        )
    for name, allowed in CREATE_VALUES.items():
        value = body.get(name)
        if value is not None and value not in allowed:
            text = f"Invalid value: '{value}' supplied for property: '{name}'"
            raise APIError(400, "API_ERROR", text)
