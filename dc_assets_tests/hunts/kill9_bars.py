"""What one load of the kill hunt left behind, by the org's journal and by the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dc_assets_tests.acceptance.stage import Stage
from dc_assets_tests.hunts.kill9_crew import LedgerFile

SOURCE_ROWS = """
SELECT "ExternalId__c", "Name__c", "StageName__c", "Amount__c"::VARCHAR, "CloseDate__c"::VARCHAR,
       "AccountExternalId__c", "Description__c" FROM "ExtOpportunities__dlm" ORDER BY 1"""
CORE_ROWS = """
SELECT o."External_ID__c", o."Name", o."StageName", o."Amount"::VARCHAR, o."CloseDate"::VARCHAR,
       a."External_ID__c", o."Description"
FROM "Opportunity" o LEFT JOIN "Account" a ON a."Id" = o."AccountId" ORDER BY 1"""
IN_FLIGHT = "SELECT batch_id, state FROM batch WHERE state IN ('opening', 'open', 'uploaded')"
LEASED = """
SELECT partition_key, owner FROM range_state
WHERE lease_until > (julianday('now') - 2440587.5) * 86400.0"""
SHOWN_MAX = 5


@dataclass
class Damage:
    """Everything that must be empty after a load, each as readable lines."""

    lost: list[str] = field(default_factory=list[str])
    """Source rows that Core lacks, holds more than once, or holds with other values."""
    twice: list[str] = field(default_factory=list[str])
    """Keys that more than one job committed, with the jobs."""
    updated: list[str] = field(default_factory=list[str])
    """Commits that met a row which an earlier commit had made."""
    open_jobs: list[str] = field(default_factory=list[str])
    """Jobs of ours that are still Open."""
    leased: list[str] = field(default_factory=list[str])
    """Batches in flight and partitions with a live lease, though nobody works."""
    foreign: list[str] = field(default_factory=list[str])
    """Foreign jobs that are not Open any more."""
    workers: list[str] = field(default_factory=list[str])
    """Workers that ended badly by themselves, loads that did not end, loads opened too many."""

    def add(self, other: Damage) -> None:
        """Take in what another load left."""
        for name, lines in vars(other).items():
            getattr(self, name).extend(lines)

    @property
    def lines(self) -> list[str]:
        """The first few of each kind, for people."""
        found: list[str] = []
        for name, lines in vars(self).items():
            found += [f"{name}: {line}" for line in lines[:SHOWN_MAX]]
            if len(lines) > SHOWN_MAX:
                found.append(f"{name}: and {len(lines) - SHOWN_MAX:,} more")
        return found


def plant_foreign_job(stage: Stage) -> str:
    """Open a job of the same user on another object, as somebody else's program would."""
    body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "External_ID__c"}
    with stage.org.rest() as rest:
        return str(rest.post("/jobs/ingest", json=body).json()["id"])


def damage_of(stage: Stage, ledger: LedgerFile, foreign: str) -> Damage:
    """Judge a load that has ended."""
    jobs = _jobs(stage)
    still_open = {job for job, state in jobs.items() if state == "Open"}
    damage = Damage(
        lost=_lost(stage),
        twice=_twice(stage, ledger, jobs),
        updated=_updated(stage),
        open_jobs=[_job_line(ledger, job, jobs) for job in sorted(still_open - {foreign})],
        leased=[f"batch {row[0]} is {row[1]}" for row in ledger.rows(IN_FLIGHT)],
    )
    damage.leased += [f"{row[0]} is leased by {row[1]}" for row in ledger.rows(LEASED)]
    if foreign not in still_open:
        damage.foreign.append(f"{foreign} is {jobs.get(foreign, 'gone')}")
    loads = ledger.rows("SELECT load_id, state FROM load")
    if {state for _, state in loads} != {"done"}:  # a worker may begin when the others have ended
        damage.workers.append(f"the ledger holds a load that is not done: {loads}")
    return damage


def _jobs(stage: Stage) -> dict[str, str]:
    """Return the state of every ingest job."""
    states: dict[str, str] = {}
    with stage.org.rest() as rest:
        url: str | None = "/jobs/ingest"
        while url:
            page: dict[str, Any] = rest.get(url).json()
            states |= {job["id"]: job["state"] for job in page["records"]}
            after = page.get("nextRecordsUrl")
            url = f"{stage.org.ready['base_url']}{after}" if after else None
    return states


def _lost(stage: Stage) -> list[str]:
    """Compare both sides row by row, all values."""
    source = {row[0]: row for row in stage.org.sql(SOURCE_ROWS, store="data_cloud")}
    assert sorted(source) == stage.ids, "the source is what was seeded"
    target: dict[str, list[list[Any]]] = {}
    for row in stage.org.sql(CORE_ROWS):
        target.setdefault(row[0], []).append(row)
    found = [
        f"{key}: {row} is in Core as {target.get(key, [])}"
        for key, row in source.items()
        if target.get(key) != [row]
    ]
    return found + [f"{key} is in Core only" for key in target.keys() - source.keys()]


def _twice(stage: Stage, ledger: LedgerFile, jobs: dict[str, str]) -> list[str]:
    return [
        f"{key}: " + ", ".join(_job_line(ledger, job, jobs) for job in by)
        for key, by in stage.org.keys_of_two_jobs().items()
    ]


def _job_line(ledger: LedgerFile, job: str, jobs: dict[str, str]) -> str:
    batches = ledger.rows("SELECT batch_id, state FROM batch WHERE job_id = ?", job)
    known = " and ".join(f"batch {row[0][:8]} {row[1]}" for row in batches) or "in no batch"
    return f"job {job} ({jobs.get(job, 'gone')}, {known})"


def _updated(stage: Stage) -> list[str]:
    commits = stage.org.ask("journal")["commits"]
    ours = [commit for commit in commits if commit["object"] == "Opportunity"]
    return [f"{c['updated']} rows of job {c['job_id']}" for c in ours if c["updated"]]
