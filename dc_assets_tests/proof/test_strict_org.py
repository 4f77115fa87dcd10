"""A strict org refuses single rows: each ends as a dead letter with its code, the rest land."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from threading import Event

import polars as pl
import pytest
import yaml

from dc_assets.core.errors import ConfigError, RejectedRequest
from dc_assets.core.ingest_job import TERMINAL, IngestJob, JobState
from dc_assets.core.remedies import FirstRefusal, remedy_of
from dc_assets.load.deletion import delete_records
from dc_assets.load.ports import IngestJobs
from dc_assets.salesforce.bulk_ingest import BulkDeleteJobs
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.world import Content, World, total

KEY = "Key__c"
SPEC: Content = {
    "name": "things",
    "source": {"files": "rows.parquet", "key": KEY},
    "target": {"object": "Thing__c", "external_id": KEY},
    "columns": [
        {"source": KEY, "target": KEY},
        {"source": "Day__c", "target": "Day__c", "type": "date"},
        {"source": "Moment__c", "target": "Moment__c", "type": "datetime"},
        {"source": "Count__c", "target": "Count__c", "type": "number"},
        {"source": "Note__c", "target": "Note__c"},
        {"source": "Holder__c", "target": "Holder__c"},
    ],
    "partitions": {"scheme": 1, "upper_bounds": []},
}
TEXT = {"type": "string", "length": 255}
SCHEMA = {
    "objects": {
        "Thing__c": {
            "key_prefix": "901",
            "fields": {
                KEY: {**TEXT, "external_id": True, "unique": True},
                "Day__c": {"type": "date"},
                "Moment__c": {"type": "datetime"},
                "Count__c": {"type": "int"},
                "Note__c": {"type": "textarea"},
                "Hidden__c": TEXT,
                "Locked__c": TEXT,
                "Holder__c": {
                    "type": "reference",
                    "refers_to": "Holder__c",
                    "relationship": "Holder__r",
                },
            },
        },
        "Holder__c": {"key_prefix": "902", "fields": {"Name": TEXT}},
    },
    "profile": {"Thing__c": {"hidden": ["Hidden__c"], "read_only": ["Locked__c"]}},
}
REFUSED = {
    ("Day__c", "1699-12-31"): "FIELD_INTEGRITY_EXCEPTION",
    ("Day__c", "4001-01-01"): "FIELD_INTEGRITY_EXCEPTION",
    ("Moment__c", "4001-01-01T00:00:00Z"): "FIELD_INTEGRITY_EXCEPTION",
    ("Count__c", "2147483648"): "INVALID_FIELD",
    ("Note__c", "x" * 32_001): "STRING_TOO_LONG",
    ("Holder__c", "holder-1"): "MALFORMED_ID",
    ("Holder__c", "901Ov0000000001IAA"): "FIELD_INTEGRITY_EXCEPTION",
    ("Holder__c", "902Ov0000009999IAA"): "INVALID_CROSS_REFERENCE_KEY",
}
LANDED = {
    ("Day__c", "1700-01-01"),
    ("Day__c", "4000-12-31"),
    ("Moment__c", "4000-12-31T23:59:59Z"),
    ("Count__c", "-2147483648"),
    ("Note__c", "x" * 32_000),
}


@pytest.fixture(scope="module")
def running(module_folder: Path) -> Generator[Org]:
    """An org with one object to load and one that it refers to."""
    schema = module_folder / "schema.yaml"
    schema.write_text(yaml.safe_dump(SCHEMA), encoding="utf-8")
    with emulated_org(module_folder, "--schema", str(schema)) as started:
        yield started


@pytest.fixture
def org(running: Org) -> Org:
    """The same without a record."""
    running.tell("reset")
    return running


def _with_column(column: Content) -> Content:
    """Return the spec with the key and one more column."""
    return SPEC | {"columns": [SPEC["columns"][0], column]}


def _one_row(folder: Path, name: str, value: str) -> None:
    pl.DataFrame({KEY: ["k1"], name: [value]}).write_parquet(folder / "rows.parquet")


LED_ASTRAY = {
    "Owner.Username": "Write target: User:Owner.Username",
    "Holder__r.Name": "no external id and no idLookup",
    "Hidden__c": "that our user can see",
}
"""Columns that the org does not find, and what a load says of them before it sends anything."""


@pytest.mark.parametrize("target", LED_ASTRAY)
def test_a_column_that_the_org_does_not_find_is_known_before_and_fails_a_job(
    org: Org, tmp_path: Path, target: str
) -> None:
    """A lookup to several kinds without the kind; a parent by no key; a field hidden from us."""
    _one_row(tmp_path, "Parent__c", "x")
    kind = "reference" if "." in target else "text"
    column = {"source": "Parent__c", "target": target, "type": kind}
    with pytest.raises(ConfigError, match=LED_ASTRAY[target]):
        World.of(org, tmp_path, _with_column(column)).load()
    world = World.of(org, tmp_path, _with_column({"source": "Parent__c", "target": "Note__c"}))
    with world.opened() as load:
        ended = _ended(load.ports.jobs, f"{KEY},{target}\nk1,x\n".encode())
    assert ended.state is JobState.FAILED
    assert ended.error_message == f"InvalidBatch : Field name not found : {target}"


def test_a_field_that_our_user_may_only_read_is_known_before(org: Org, tmp_path: Path) -> None:
    """Nothing is sent: the org would refuse each row."""
    _one_row(tmp_path, "Note__c", "x")
    column = {"source": "Note__c", "target": "Locked__c"}
    with pytest.raises(ConfigError, match="may not write Thing__c"):
        World.of(org, tmp_path, _with_column(column)).load()
    assert org.calls("create") == 0


def _ended(jobs: IngestJobs, payload: bytes) -> IngestJob:
    job_id = jobs.create()
    jobs.upload(job_id, payload)
    jobs.close(job_id)
    for _ in range(1_000):
        job = jobs.job(job_id)
        if job.state in TERMINAL:
            return job
        Event().wait(0.02)
    raise AssertionError("the job does not end")


def test_an_owner_is_found_by_kind_and_name(org: Org, tmp_path: Path) -> None:
    """The kind stands in the header, and the checks read the name without it."""
    _one_row(tmp_path, "Owner__c", "seller@emulator.invalid")
    column = {"source": "Owner__c", "target": "User:Owner.Username", "type": "reference"}
    world = World.of(org, tmp_path, _with_column(column))
    assert total(world.load()).landed == 1
    assert world.audit().is_green(), world.audit().sentences()


def test_an_upload_over_the_limit_is_refused(org: Org, tmp_path: Path) -> None:
    """The org takes 100 MB of CSV in one job, and says so."""
    _one_row(tmp_path, "Note__c", "x")
    note = {"source": "Note__c", "target": "Note__c"}
    with World.of(org, tmp_path, _with_column(note)).opened() as load:
        job_id = load.ports.jobs.create()
        with pytest.raises(RejectedRequest, match="150 MB"):
            load.ports.jobs.upload(job_id, bytes(100 * 1024**2 + 1))


def test_what_is_in_the_bin_is_gone_without_another_look(org: Org, tmp_path: Path) -> None:
    """The org says so in a code of its own, by which a deletion can be asked for twice."""
    _one_row(tmp_path, "Note__c", "x")
    world = World.of(org, tmp_path, _with_column({"source": "Note__c", "target": "Note__c"}))
    assert total(world.load()).landed == 1
    [[record_id]] = world.rows_of_core("Id")
    with world.opened() as load:
        jobs, looks = BulkDeleteJobs(load.org.session, world.spec), org.calls("soql")
        for _ in range(2):
            done = delete_records(
                [record_id], jobs, load.ports.clock, load.ports.note, job_wait_s_max=60
            )
            assert (done.gone, done.refused) == ([record_id], {})
    assert org.calls("soql") == looks


def test_what_the_org_refuses_is_a_dead_letter_and_the_rest_lands(org: Org, tmp_path: Path) -> None:
    """Each refusal has the code of its cause, and a remedy."""
    cells = [*REFUSED, *sorted(LANDED)]
    names = [str(column["source"]) for column in SPEC["columns"]]
    rows = [
        {KEY: f"k{number}", **dict.fromkeys(names[1:], ""), name: value}
        for number, (name, value) in enumerate(cells)
    ]
    pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)).write_parquet(
        tmp_path / "rows.parquet"
    )
    reached = total(World.of(org, tmp_path, SPEC).load())
    assert reached.refused_by_code == Counter(REFUSED.values())
    assert reached.landed == len(LANDED)
    assert all(remedy_of(FirstRefusal("k", code)) for code in REFUSED.values())
