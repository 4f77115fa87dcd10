"""What a plan asks of both sides, and how it judges the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dc_assets.core.lanes import LaneMap
from dc_assets.files import FileSource
from dc_assets.load.survey import (
    BothSidesAsked,
    ExpectedRefusal,
    FieldRule,
    OrgLimits,
    Probe,
    Survey,
    survey,
)
from dc_assets.load.verdict import Advice, Costs, advice_of, judged, lock_risk
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.specs import KEY, small_spec

SPEC = small_spec()
CHEAP = Costs(seconds=60.0, jobs=10, requests=100)

GOOD = Survey(
    rows=1_000,
    keyless_rows=0,
    ambiguous_keys=0,
    key_ends=("a", "z"),
    partition_rows={"r1-01": 1_000},
    parents=((2, 500),),
    hot_parents=(),
    lanes=LaneMap(16),
    probe=Probe(1_000, 0.1),
    parent_object="Account",
    target_rows=0,
    limits=OrgLimits(100_000, 100_000, 15_000, 15_000, 1_000),
    jobs_at_work={},
    unfilled_fields=(),
    refusals=(),
    request_s=0.1,
)


@dataclass
class FakeFacts:
    """An org that describes its fields as it is told to."""

    field_rules: Sequence[FieldRule] = ()
    unfilled: Sequence[str] = ()
    left: OrgLimits = field(default_factory=OrgLimits)
    at_work: Mapping[str, int] = field(default_factory=dict[str, int])
    parent_object: str = "Account"

    def rules(self) -> Sequence[FieldRule]:
        """Return the rules."""
        return self.field_rules

    def unfilled_fields(self) -> Sequence[str]:
        """Return the required fields without a column."""
        return self.unfilled

    def limits(self) -> OrgLimits:
        """Return what is left."""
        return self.left

    def jobs_at_work(self) -> Mapping[str, int]:
        """Return the jobs that are not over."""
        return self.at_work


def seen(source: FakeSource, facts: FakeFacts | None = None) -> Survey:
    """Survey a source in memory."""
    sides = BothSidesAsked(source, source, FakeOrg(), facts or FakeFacts(), SimClock())
    return survey(SPEC, sides)


def sentences(changed: Survey, costs: Costs = CHEAP) -> tuple[Advice, str]:
    """Judge a survey; return the advice and all sentences."""
    findings = judged(SPEC, changed, costs)
    return advice_of(findings), " ".join(finding.sentence for finding in findings)


def test_a_survey_counts_rows_parents_and_lanes() -> None:
    """One parent with more than its share has a lane of its own."""
    rows = [*things(90, parents=30), *(thing(f"x{n:03}", "big") for n in range(10))]
    found = seen(FakeSource(rows))
    assert (found.rows, found.key_ends) == (100, ("id0000", "x009"))
    assert found.parents == [(10, 1), (3, 30)]
    assert (found.parents_total, found.biggest_parent_rows) == (31, 10)
    assert found.hot_parents[0] == ("big", 10)
    assert found.lanes.hot[0] == "big"


def test_a_survey_counts_the_rows_that_break_a_rule() -> None:
    """Missing, too long, and outside of a picklist; a rule that no row breaks is not told."""
    rows = [thing("a", title=None), thing("b", title=""), thing("c", title="toolong"), thing("d")]
    rules = [
        FieldRule("Title__c", "Title__c", "required"),
        FieldRule("Title__c", "Title__c", "length", length=6),
        FieldRule("ParentKey__c", "Parent", "picklist", values=("p1",)),
    ]
    found = seen(FakeSource(rows), FakeFacts(rules))
    assert found.refusals == [
        ExpectedRefusal("REQUIRED_FIELD_MISSING", "Title__c", 2),
        ExpectedRefusal("STRING_TOO_LONG", "Title__c", 2),
    ]


def test_files_are_asked_the_same(tmp_path: Path) -> None:
    """Keys, parents and rules are counted in a CSV file as in Data Cloud."""
    lines = [f"{KEY},Title__c,Price__c,ParentKey__c", "a,,1,p1", "b,long,1,p1", "c,x,1,"]
    (tmp_path / "things.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    files = {"files": str(tmp_path / "things.csv"), "key": KEY, "parent": "ParentKey__c"}
    spec = small_spec(source=files)
    source = FileSource(spec)
    assert source.key_ends() == ("a", "c")
    assert source.rows_per_parent() == [(2, 1)]
    rules = [
        FieldRule("Title__c", "Title__c", "required"),
        FieldRule("Title__c", "Title__c", "length", length=3),
        FieldRule("Title__c", "Title__c", "picklist", values=("x",)),
    ]
    assert source.count_breaking(rules) == [1, 1, 1]


def test_a_good_load_has_nothing_to_say() -> None:
    """No finding, and the advice is to go."""
    assert sentences(GOOD) == (Advice.GO, "")


@pytest.mark.parametrize(
    ("changed", "advice", "said"),
    [
        ({"rows": 0, "partition_rows": {"r1-01": 0}}, Advice.STOP, "counts no rows"),
        ({"keyless_rows": 3}, Advice.STOP, "3 rows have no"),
        ({"ambiguous_keys": 2}, Advice.CARE, "2 ids stand twice"),
        ({"unfilled_fields": ["CloseDate"]}, Advice.STOP, "CloseDate is required"),
        (
            {"refusals": [ExpectedRefusal("STRING_TOO_LONG", "Name", 10)]},
            Advice.CARE,
            "10 rows would be refused for Name: STRING_TOO_LONG",
        ),
        (
            {"refusals": [ExpectedRefusal("STRING_TOO_LONG", "Name", 300)]},
            Advice.STOP,
            "300 rows would be refused",
        ),
        ({"limits": OrgLimits(storage_left_mb=0)}, Advice.STOP, "1 MB of data storage are needed"),
        ({"limits": OrgLimits(api_calls_left=1_050)}, Advice.CARE, "100 API calls are needed"),
        ({"limits": OrgLimits(batches_left=205)}, Advice.CARE, "10 ingest batches are needed"),
        ({"jobs_at_work": {"InProgress": 2}}, Advice.CARE, "2 InProgress"),
        ({"parents": ((60, 1), (1, 940))}, Advice.CARE, "One parent has 6.0% of the rows"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, object], advice: Advice, said: str) -> None:
    """Each finding names the figures, and the worst of them decides."""
    found_advice, text = sentences(replace(GOOD, **changed))  # pyright: ignore[reportArgumentType]
    assert found_advice is advice
    assert said in text


def test_a_required_field_matters_for_new_rows_only() -> None:
    """A record that is there already has its value."""
    old = replace(GOOD, unfilled_fields=["CloseDate"], target_rows=1_000)
    assert sentences(old) == (Advice.GO, "")


def test_too_many_partitions_and_uneven_ones_are_said() -> None:
    """With the number that would be better, and how to cut anew."""
    many = replace(GOOD, rows=400_000, partition_rows={f"r1-{n:02}": 40_000 for n in range(10)})
    assert "Cut the source into 5" in sentences(many)[1]
    uneven = replace(GOOD, rows=100_000, partition_rows={"a": 90_000, "b": 5_000, "c": 5_000})
    assert "One partition has 90,000 of 100,000 rows" in sentences(uneven)[1]


def test_a_load_of_days_is_said() -> None:
    """An operator plans for each of them."""
    assert "may take 2.0 days" in sentences(GOOD, Costs(172_800.0, 10, 100))[1]


@pytest.mark.parametrize(
    ("parents", "hot", "word"),
    [
        ((), (), "none"),
        (((2, 500),), (), "low"),
        (((40, 1), (2, 480)), (("a", 40),), "medium"),
        (((60, 1), (2, 470)), (("a", 60),), "high"),
    ],
)
def test_the_risk_of_locks_is_that_of_the_biggest_parents(
    parents: tuple[tuple[int, int], ...], hot: tuple[tuple[str, int], ...], word: str
) -> None:
    """Our own jobs cannot lock each other's parents; users and others can."""
    assert lock_risk(replace(GOOD, parents=parents, hot_parents=hot)).word == word
