"""Mistakes of beginners, each told by the plan with its column, its cause and what to do."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.load.preflight.findings import (
    Advice,
    Finding,
    SpecRefused,
    advice_of,
    worst_first,
)
from dc_assets.load.preflight.rules import Costs, judged
from dc_assets.load.preflight.survey import survey
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.world import Content, World

SCHEMA = Path(__file__).parent / "objects" / "things.yaml"
ROWS = 8
STOP, CARE = Advice.STOP, Advice.CARE
COSTS = Costs(seconds=60.0, jobs=1, requests=10)
SOURCE: Mapping[str, Any] = {
    "key": [f"k{number}" for number in range(ROWS)],
    "twice": ["k0"] * ROWS,
    "number": [float(number) for number in range(ROWS)],
    "name": ["a name"] * ROWS,
    "long": ["a name of more than twenty characters"] * ROWS,
    "amount": [1.25] * ROWS,
    "big": [123_456.0] * ROWS,
    "day": [date(2026, 1, 31)] * ROWS,
    "old": [date(1500, 1, 1)] * ROWS,
    "moment": [datetime(2026, 1, 31, 12, 30, tzinfo=UTC)] * ROWS,
    "flag": [True] * ROWS,
    "kind": ["A"] * ROWS,
    "wrong": ["Q"] * ROWS,
    "kinds": ["x;z"] * ROWS,
    "odd": ["x;q"] * ROWS,
    "account": ["acc1"] * ROWS,
    "lost": ["nobody"] * ROWS,
    "owner": ["seller@emulator.invalid"] * ROWS,
    "text": ["plenty"] * ROWS,
}


def column(source: str, target: str, **more: str) -> dict[str, str]:
    """Return one column of a spec."""
    return {"source": source, "target": target, **more}


KEY = column("key", "Key__c")
NAME = column("name", "Name")
RIGHT = (
    KEY,
    NAME,
    column("amount", "Amount__c", type="currency"),
    column("day", "Day__c", type="date"),
    column("moment", "Moment__c", type="datetime"),
    column("flag", "Flag__c", type="boolean"),
    column("kind", "Kind__c", type="picklist"),
    column("kinds", "Kinds__c", type="multipicklist"),
    column("text", "Notes__c"),
    column("account", "Account__r.Code__c", type="reference"),
    column("owner", "User:Owner.Username", type="reference"),
)


@dataclass(frozen=True)
class Mistake:
    """One mistake: what stands in the spec instead, and what the plan says of it.

    Attributes:
        column: what it is about, "" for no column.
    """

    advice: Advice
    column: str
    reason: str
    remedy: str
    columns: tuple[dict[str, str], ...] = (KEY, NAME)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def with_column(advice: Advice, reason: str, remedy: str, wrong: dict[str, str]) -> Mistake:
    """Return a mistake in one column more."""
    return Mistake(advice, wrong["target"], reason, remedy, (KEY, NAME, wrong))


def with_key(advice: Advice, target: str, reason: str, remedy: str, source: str = "key") -> Mistake:
    """Return a mistake in the external id."""
    settings = {
        "source": {"object": "Things__dlm", "key": source},
        "target": {"object": "Thing__c", "external_id": target},
    }
    return Mistake(advice, target, reason, remedy, (column(source, target), NAME), settings)


def with_settings(advice: Advice, reason: str, remedy: str, **settings: object) -> Mistake:
    """Return a mistake outside the columns."""
    return Mistake(advice, "", reason, remedy, settings=settings)


def source(**more: str) -> dict[str, str]:
    """Return the source with other settings."""
    return {"object": "Things__dlm", "key": "key", **more}


def target(scope: str) -> dict[str, str]:
    """Return the target with a scope."""
    return {"object": "Thing__c", "external_id": "Key__c", "scope": scope}


def bounded(*upper: str) -> dict[str, Any]:
    """Return the partitions of some bounds."""
    return {"scheme": 1, "upper_bounds": list(upper)}


FIELDS = [
    with_column(
        STOP, "has no field Amuont__c", "did you mean Amount__c?", column("amount", "Amuont__c")
    ),
    with_column(
        STOP, "has no column amuont", "did you mean amount?", column("amuont", "Amount__c")
    ),
    with_column(
        STOP,
        "no field Hidden__c that our user can see",
        "let the integration user see",
        column("text", "Hidden__c"),
    ),
    with_column(
        STOP,
        "may not write Thing__c.Locked__c",
        "the right to edit it",
        column("text", "Locked__c"),
    ),
    with_column(
        STOP,
        "Thing__c.Score__c is computed",
        "Leave the column out",
        column("amount", "Score__c", type="number"),
    ),
    with_column(
        STOP,
        "Thing__c.Serial__c is numbered by the org",
        "Leave the column out",
        column("text", "Serial__c"),
    ),
    with_column(STOP, "Thing__c.Id is the record id", "Leave the column out", column("text", "Id")),
    with_column(
        CARE,
        "Thing__c.Once__c can only be set on new records",
        "once the records are there",
        column("text", "Once__c"),
    ),
    Mistake(STOP, "Name", "Thing__c.Name is required", "Add a column", (KEY,)),
]
TYPES = [
    with_column(
        CARE,
        "The spec says text for Thing__c.Amount__c",
        "- { source: amount, target: Amount__c, type: currency }",
        column("amount", "Amount__c"),
    ),
    with_column(
        STOP,
        "The spec says date for Thing__c.Amount__c",
        "type: currency }",
        column("text", "Amount__c", type="date"),
    ),
    with_column(
        STOP,
        "day holds date values, and Thing__c.Flag__c is a boolean field",
        "Map another",
        column("day", "Flag__c", type="boolean"),
    ),
    with_column(
        STOP,
        "Amount__c (INVALID_FIELD): the text is no number",
        "Correct it",
        column("text", "Amount__c", type="currency"),
    ),
    with_column(
        STOP,
        "more than 4 digits before the point",
        "enlarge the field",
        column("big", "Amount__c", type="currency"),
    ),
    with_column(
        STOP, "the day is not in 1700 to 4000", "source.where", column("old", "Day__c", type="date")
    ),
    with_column(
        STOP, "the value is no day", "cut the time off", column("moment", "Day__c", type="date")
    ),
    with_column(
        STOP,
        "none of the restricted picklist",
        "add it in the org",
        column("wrong", "Kind__c", type="picklist"),
    ),
    with_column(
        STOP,
        "one of the values is none of the restricted",
        "between semicolons",
        column("odd", "Kinds__c", type="multipicklist"),
    ),
    Mistake(STOP, "Name", "longer than 20 characters", "Shorten it", (KEY, column("long", "Name"))),
]
KEYS = [
    with_key(STOP, "Number_Key__c", "must be Text or Email", "Make a Text field", "number"),
    with_key(STOP, "Secret_Key__c", "cannot be filtered in a query", "without encryption"),
    with_key(STOP, "Plain__c", "is not an External ID field", "Tick External ID"),
    with_key(STOP, "Serial__c", "is filled by the org", "that the load fills"),
    with_key(CARE, "Loose_Key__c", "is not unique", "Tick Unique"),
    Mistake(
        CARE,
        "Key__c",
        "1 ids stand twice",
        "AMBIGUOUS_ID",
        (column("twice", "Key__c"), NAME),
        {"source": source(key="twice")},
    ),
]
PARENTS = [
    with_column(
        STOP,
        "Account__c (MALFORMED_ID)",
        "write target: Account__r.ExternalIdField",
        column("account", "Account__c", type="reference"),
    ),
    with_column(
        STOP,
        "field Name of Account is no external id and no idLookup",
        "Name them by Account__r.Code__c",
        column("account", "Account__r.Name", type="reference"),
    ),
    with_column(
        STOP,
        "field DeveloperName of RecordType is no external id and no idLookup",
        "RecordTypeId (record ids)",
        column("kind", "RecordType.DeveloperName", type="reference"),
    ),
    with_column(
        STOP,
        "may lead to Group or User",
        "Write target: User:Owner.Username",
        column("owner", "Owner.Username", type="reference"),
    ),
    with_column(
        STOP,
        "leads to Group or User, not to Account",
        "Correct the column",
        column("owner", "Account:Owner.Username", type="reference"),
    ),
    with_column(
        STOP,
        "no relationship Account__c; did you mean Account__r?",
        "Relationship.ExternalIdField",
        column("account", "Account__c.Code__c", type="reference"),
    ),
    with_column(
        STOP,
        "Account has no field Cod__c",
        "did you mean Code__c?",
        column("account", "Account__r.Cod__c", type="reference"),
    ),
    with_column(
        STOP,
        "for Account__r.Code__c (INVALID_FIELD): the org has no Account nobody",
        "Load the parents first",
        column("lost", "Account__r.Code__c", type="reference"),
    ),
]
CONDITIONS = [
    with_settings(
        STOP,
        "Data Cloud refuses the query",
        "Correct source.where",
        source=source(where='"nothing" = 1'),
    ),
    with_settings(
        STOP,
        "Data Cloud refuses the query",
        "Correct source.where",
        source=source(where='"day" > > 1'),
    ),
    with_settings(
        STOP,
        "Data Cloud refuses the query for Thinks__dlm",
        "Did you mean Things__dlm?",
        source=source(object="Thinks__dlm"),
    ),
    with_settings(
        STOP,
        "Things__dlm counts no rows",
        "Look at the object and at source.where",
        source=source(where="\"name\" = 'x'"),
    ),
    with_settings(
        STOP,
        "The org refuses the condition Knd__c = 'A'",
        "Correct target.scope",
        target=target("Knd__c = 'A'"),
    ),
    with_settings(
        STOP,
        "The org refuses the condition",
        "it is SOQL over Thing__c",
        target=target("Kind__c == 'A'"),
    ),
    with_settings(
        STOP,
        "has no column momnt; did you mean moment?",
        "Correct refresh.modified",
        refresh={"modified": "momnt"},
    ),
    with_settings(
        STOP,
        "amount holds number values",
        "Name a timestamp column",
        refresh={"modified": "amount"},
    ),
]
BOUNDS = [
    with_settings(CARE, "No id lies in r1-03", "--write-ranges 3", partitions=bounded("k3", "z")),
    with_settings(
        CARE,
        "r1-02 holds all 8 rows, the other partitions none",
        "--write-ranges 2",
        partitions=bounded("a"),
    ),
    Mistake(
        CARE,
        "Notes__c",
        "Thing__c.Notes__c cannot be grouped",
        "values_match compares the field anyway",
        (KEY, NAME, column("text", "Notes__c")),
        {"checks": {"distributions": ["Notes__c"]}},
    ),
    with_settings(CARE, "1 records of Thing__c are not in the source: other.", "target.scope"),
]
SETS = {
    "fields": FIELDS,
    "types": TYPES,
    "keys": KEYS,
    "parents": PARENTS,
    "conditions": CONDITIONS,
    "bounds": BOUNDS,
}


def content(mistake: Mistake) -> Content:
    """Return the spec with a mistake in it."""
    right: Content = {
        "name": "things",
        "source": source(),
        "target": {"object": "Thing__c", "external_id": "Key__c"},
        "partitions": bounded(),
    }
    return {**right, "columns": list(mistake.columns), **mistake.settings}


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org with one object, eight rows in Data Cloud, and a record of somebody else."""
    file = module_folder / "things.parquet"
    pl.DataFrame(SOURCE).write_parquet(file)
    with emulated_org(module_folder, "--schema", str(SCHEMA)) as running:
        running.tell("source", path=str(file), object="Things__dlm")
        with running.rest() as rest:
            created = rest.post("/sobjects/Thing__c", json={"Name": "other", "Key__c": "other"})
            assert created.status_code == 201, created.text
        yield running


def planned(org: Org, folder: Path, spec: Content) -> list[Finding]:
    """Return what a plan finds."""
    world = World.of(org, folder, spec)
    try:
        with world.opened() as opened:
            seen = survey(opened.spec, opened.sides)
            return worst_first([*opened.org.fit.findings, *judged(opened.spec, seen, COSTS)])
    except SpecRefused as refused:
        return list(refused.findings)


@pytest.mark.parametrize("name", SETS)
def test_a_mistake_is_told_with_its_column_cause_and_remedy(
    org: Org, module_folder: Path, name: str
) -> None:
    """Each by the worst of the findings, or by one beside it; a STOP is a STOP."""
    for mistake in SETS[name]:
        found = planned(org, module_folder / "specs", content(mistake))
        told = [one for one in found if mistake.reason in one.sentence]
        assert told, (mistake.reason, [one.sentence for one in found])
        [one] = told
        assert (one.advice, one.column) == (mistake.advice, mistake.column), one.sentence
        assert mistake.remedy in one.sentence
        assert advice_of(found) is mistake.advice, [each.sentence for each in found]


def test_there_are_thirty_mistakes_and_more() -> None:
    """In six sets."""
    assert len(SETS) == 6
    assert sum(map(len, SETS.values())) >= 30


def test_a_misspelt_object_of_the_org_is_told(org: Org, module_folder: Path) -> None:
    """There is nothing to compare, so it is the one error of the settings."""
    spec = content(Mistake(STOP, "", "", ""))
    spec["target"] = {"object": "Thing_c", "external_id": "Key__c"}
    with pytest.raises(ConfigError, match=r"no object Thing_c .*; did you mean Thing__c\?"):
        planned(org, module_folder / "specs", spec)


def test_a_run_sends_nothing_of_a_spec_that_does_not_fit(org: Org, module_folder: Path) -> None:
    """Whoever opens the load, a command or a run of Dagster: no job is opened."""
    wrong = content(FIELDS[3])
    world = World.of(org, module_folder / "specs", wrong)
    with pytest.raises(SpecRefused, match=r"may not write Thing__c\.Locked__c"):
        world.load()
    assert org.ask("jobs")["jobs"] == []


def test_a_right_spec_has_nothing_to_be_told_of(org: Org, module_folder: Path) -> None:
    """Every kind of field, a lookup to several kinds, and a scope that leaves others out.

    That all rows have one parent is no mistake of the spec.
    """
    right = content(
        Mistake(
            Advice.GO,
            "",
            "",
            "",
            RIGHT,
            {"source": source(parent="account"), "target": target("Kind__c != null")},
        )
    )
    found = planned(org, module_folder / "specs", right)
    assert [one.reason for one in found if not one.reason.startswith("One parent has")] == []
