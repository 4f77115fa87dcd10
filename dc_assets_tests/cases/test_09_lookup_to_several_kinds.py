"""A lookup that may lead to users and to groups."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import polars as pl

from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets.frames.canon import canonical, canonical_target
from dc_assets.frames.csv_codec import encode
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets_tests.fakes.specs import content
from dc_assets_tests.salesforce.test_queries import NO_TOKENS, Script

CASE = Path(__file__).parent / "09-lookup-to-several-kinds"
OWNER = "User:Owner.Username"
ALL = IdRange(None, None)
JOB = "750000000000001AAA"


def spec() -> LoadSpec:
    """Return a spec with the three columns of the header."""
    columns = [
        {"source": "K", "target": "Key__c"},
        {"source": "N", "target": "Name"},
        {"source": "O", "target": OWNER, "type": "reference"},
    ]
    return LoadSpec.model_validate_json(
        json.dumps(
            content(
                source={"object": "Things__dlm", "key": "K", "parent": "O"},
                target={"object": "Thing__c", "external_id": "Key__c"},
                columns=columns,
            )
        )
    )


def sent() -> pl.DataFrame:
    """Return one row in canonical text."""
    return canonical(pl.DataFrame({"K": ["a1"], "N": ["a name"], "O": ["ann@x.example"]}), spec())


def target(*answers: object) -> tuple[Script, SOQLTarget]:
    """Return the target of a scripted org."""
    script = Script(*answers)
    session = OrgSession(script.host, "00D000000000001AAA", "005000000000001AAA", NO_TOKENS)
    return script, SOQLTarget(session, spec())


def test_a_job_names_the_kind_in_its_header() -> None:
    """The header of the case is what is sent."""
    header, row = encode(sent(), spec()).decode().splitlines()
    assert header == (CASE / "header.csv").read_text().strip()
    assert row == "a1,a name,ann@x.example"


def test_a_query_reads_it_without_the_kind_and_the_rows_compare() -> None:
    """SOQL wants Owner.Username; the records come back under the target of the column."""
    page = b'"Key__c","Name","Owner.Username"\n"a1","a name","ann@x.example"\n'
    script, org = target(
        {"id": JOB, "state": "UploadComplete"},
        {"state": "JobComplete"},
        httpx.Response(200, content=page, headers={"Sforce-Locator": "null"}),
        httpx.Response(204),
    )
    [records] = list(org.records(ALL))
    query = json.loads(script.requests[0].content)["query"]
    assert query.startswith("SELECT Key__c, Name, Owner.Username FROM Thing__c ")
    assert canonical_target(records, spec()).equals(sent())


def test_its_values_are_counted_without_the_kind() -> None:
    """A GROUP BY names the field as any query does."""
    groups = {"done": True, "records": [{"val": "ann@x.example", "n": 1}]}
    script, org = target(groups)
    assert org.value_counts(OWNER, ALL) == {"ann@x.example": 1}
    assert script.requests[0].url.params["q"].endswith("GROUP BY Owner.Username")


def test_the_kind_decides_which_object_the_parent_is() -> None:
    """Of the kinds that the field of the case may lead to, the named one is asked."""
    told = json.loads((CASE / "field.json").read_text())
    lookup = TargetField(
        told["name"],
        told["type"],
        reference_to=tuple(told["referenceTo"]),
        relationship_name=told["relationshipName"],
    )
    kinds = {
        name: TargetObject(name, {"Username": TargetField("Username")})
        for name in ("Group", "User")
    }
    described = TargetDescription(TargetObject("Thing__c", {"OwnerId": lookup}), kinds)
    parent = described.filled_by(OWNER).parent
    assert parent is not None
    assert parent.name == "User"
