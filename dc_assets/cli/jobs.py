"""`dc-assets status --jobs`: the ingest jobs of the org, those of other users and programs too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from dc_assets.cli.console import Console
from dc_assets.cli.proof import numbers_table
from dc_assets.core.ingest_job import JobState
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.salesforce.bulk_ingest import ListedJob, list_ingest_jobs
from dc_assets.salesforce.session import OrgSession
from dc_assets.views.known_jobs import KnownJob, KnownJobs

QUEUED_S_MAX = 600.0
"""A closed job that the org has not begun after this time is worth a look."""

SAME_USER_CHARS = 15


@dataclass(frozen=True, slots=True)
class JobList:
    """The org's jobs, newest first, as seen at one moment of the org's own clock."""

    jobs: Sequence[ListedJob]
    org_now: datetime
    known: Mapping[str, KnownJob]
    warnings: Sequence[str]

    def age_s(self, job: ListedJob) -> float:
        """Return how long ago a job was created."""
        return max(0.0, (self.org_now - job.created_at).total_seconds())


def ask_jobs(session: OrgSession, spec: LoadSpec, database: Database) -> JobList:
    """List the org's jobs and hold them against the ledger."""
    ledger = KnownJobs(database)
    some_are_opening = ledger.are_being_created(session.org_id)
    jobs, org_now = list_ingest_jobs(session)
    known = ledger.among([job.job_id for job in jobs])
    warnings = stuck_jobs(jobs, org_now)
    if not some_are_opening and not ledger.are_being_created(session.org_id):
        strangers = [job for job in jobs if job.job_id not in known]
        warnings += unknown_open_jobs(strangers, spec.target.object, session.user_id)
    return JobList(jobs, org_now, known, warnings)


def stuck_jobs(jobs: Sequence[ListedJob], org_now: datetime) -> list[str]:
    """Return a sentence for each job that waits in the org's queue for too long."""
    waits = [
        (job, (org_now - job.changed_at).total_seconds())
        for job in jobs
        if job.state == JobState.UPLOAD_COMPLETE.value
    ]
    return [
        f"job {job.job_id} ({job.object_name}) is UploadComplete for {wait_s / 60:.0f} minutes "
        "and the org has not begun it: look at Setup, Bulk Data Load Jobs, for what is before it"
        for job, wait_s in waits
        if wait_s > QUEUED_S_MAX
    ]


def unknown_open_jobs(strangers: Sequence[ListedJob], object_name: str, user_id: str) -> list[str]:
    """Return a sentence for each Open job of our user on our object that no ledger knows."""
    return [
        f"job {job.job_id} ({job.object_name}, {job.operation}) of our user is Open and in no "
        "ledger; it holds no rows of ours (profile.exclusive_user: true lets a run abort it)"
        for job in strangers
        if job.state == JobState.OPEN.value
        and job.object_name == object_name
        and job.user_id[:SAME_USER_CHARS] == user_id[:SAME_USER_CHARS]
    ]


def print_jobs(console: Console, listed: JobList, limit: int) -> None:
    """Print the newest jobs, their number by state, and the warnings."""
    shown = listed.jobs[:limit]
    table = numbers_table("job", "age s")
    for title in ("object", "operation", "state", "created", "ours"):
        table.add_column(title)
    for job in shown:
        table.add_row(
            job.job_id,
            f"{listed.age_s(job):,.0f}",
            job.object_name,
            job.operation,
            job.state,
            f"{job.created_at:%Y-%m-%d %H:%M:%S}",
            _ours(listed.known.get(job.job_id)),
        )
    console.print(table)
    by_state = Counter(job.state for job in listed.jobs)
    said = ", ".join(f"{count:,} {state}" for state, count in by_state.most_common())
    ours = len(listed.known)
    console.print(
        f"{len(listed.jobs):,} ingest jobs, {len(shown):,} shown, {ours:,} ours"
        + (f": {said}" if said else ""),
    )
    for warning in listed.warnings:
        console.print(f"WARNING: {warning}", style="yellow", soft_wrap=True)


def _ours(known: KnownJob | None) -> str:
    if known is None:
        return ""
    return f"{known.spec_name} {known.partition_key} lane {known.lane}, {known.rows:,} rows"


def echo_jobs(listed: JobList, limit: int) -> None:
    """Print the same for machines."""
    lines = [
        {
            "id": job.job_id,
            "object": job.object_name,
            "operation": job.operation,
            "state": job.state,
            "created": job.created_at.isoformat(),
            "age_s": round(listed.age_s(job)),
            "ours": _as_json(listed.known.get(job.job_id)),
        }
        for job in listed.jobs[:limit]
    ]
    whole = {
        "jobs": lines,
        "by_state": dict(Counter(job.state for job in listed.jobs)),
        "warnings": list(listed.warnings),
    }
    click.echo(json.dumps(whole, indent=2))


def _as_json(known: KnownJob | None) -> dict[str, object] | None:
    if known is None:
        return None
    return {
        "load": known.spec_name,
        "partition": known.partition_key,
        "lane": known.lane,
        "rows": known.rows,
    }
