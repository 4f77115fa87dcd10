"""What a plan asks of both sides, and how it judges the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dc_assets.core.lanes import LaneMap
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets.files import FileSource
from dc_assets.load.plan import make_plan
from dc_assets.load.preflight.findings import Advice, advice_of
from dc_assets.load.preflight.key import findings_of_key
from dc_assets.load.preflight.measured import FieldRule
from dc_assets.load.preflight.rules import Costs, judged, lock_risk
from dc_assets.load.preflight.survey import (
    NO_PARENT,
    BothSidesAsked,
    ExpectedRefusal,
    KeysCompared,
    NamedParent,
    OrgLimits,
    Probe,
    Survey,
    survey,
)
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.fakes.described import WITH_PARENT
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, content, small_spec

SPEC = small_spec()
PARENTS = ("big", "long", "tall", "wide")
TITLES = ("", "long", "x", "  x  ", "  ")
NEEDED: dict[str, Any] = {
    "createable": True,
    "nillable": False,
    "defaulted_on_create": False,
}
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

    left: OrgLimits = field(default_factory=OrgLimits)
    at_work: Mapping[str, int] = field(default_factory=dict[str, int])
    lacks: Sequence[str] = ()
    holds: Sequence[str] = ()

    def absent(self, parent: NamedParent, names: Sequence[str]) -> Sequence[str]:
        """Return those that are not there."""
        assert parent == NamedParent("Parent__c", EXTERNAL_ID)
        return [name for name in names if name in self.lacks]

    def external_ids(self, records: int) -> Sequence[str]:
        """Return the external ids."""
        assert records == len(self.holds)
        return self.holds

    def limits(self) -> OrgLimits:
        """Return what is left."""
        return self.left

    def jobs_at_work(self) -> Mapping[str, int]:
        """Return the jobs that are not over."""
        return self.at_work


def seen(
    source: FakeSource, facts: FakeFacts | None = None, *fields: TargetField, spec: LoadSpec = SPEC
) -> Survey:
    """Survey a source in memory, for an object with a lookup and some fields more."""
    org, facts = FakeOrg(), facts or FakeFacts()
    org.rows = {key: {EXTERNAL_ID: key} for key in facts.holds}
    described = replace(
        WITH_PARENT,
        object=TargetObject(
            "Thing__c", {**WITH_PARENT.object.fields, **{one.name: one for one in fields}}
        ),
    )
    return survey(spec, BothSidesAsked(source, source, org, facts, SimClock(), described))


def sentences(
    changed: Survey, costs: Costs = CHEAP, *, spec: LoadSpec = SPEC
) -> tuple[Advice, str]:
    """Judge a survey; return the advice and all sentences."""
    findings = judged(spec, changed, costs)
    return advice_of(findings), " ".join(finding.sentence for finding in findings)


def test_a_survey_counts_rows_parents_and_lanes() -> None:
    """One parent with more than its share has a lane of its own."""
    rows = [*things(90, parents=30), *(thing(f"x{n:03}", "big") for n in range(10))]
    found = seen(FakeSource(rows))
    assert (found.rows, found.key_ends) == (100, ("id0000", "x009"))
    assert found.parents == [(10, 1), (3, 30)]
    assert (found.parents_total, found.biggest_parent_rows) == (31, 10)
    assert found.hot_parents[0] == ("big", 10)
    assert found.lanes.named[0] == ("big",)


def test_a_survey_shows_the_lanes_that_a_run_will_have() -> None:
    """Both ask the same function, so a plan cannot tell of other lanes."""
    source = FakeSource([*things(90, parents=30), *(thing(f"x{n}", "big") for n in range(9))])
    assert seen(source).lanes == make_plan(SPEC, source).lanes


def test_rows_without_a_parent_are_told() -> None:
    """They spread over the shared lanes and lock no parent."""
    found = seen(FakeSource([thing("a", "p"), thing("b", None), thing("c", None)]))
    assert (found.parentless_rows, found.parents) == (2, [(1, 1)])


def test_hot_parents_that_the_org_lacks_are_named() -> None:
    """All their rows would be refused; of other parents nothing is known."""
    rows = [thing(f"{p}{n:02}", p) for p in PARENTS for n in range(20)]
    found = seen(FakeSource(rows), FakeFacts(lacks=["tall", "big"]))
    (refusal,) = found.refusals
    assert (refusal.code, refusal.rows) == (NO_PARENT, 40)
    assert refusal.why == "the org has no Parent__c big, tall."
    none = seen(FakeSource(rows), FakeFacts(lacks=PARENTS))
    assert "big, long, tall and 1 more." in none.refusals[0].why
    assert seen(FakeSource(rows), FakeFacts(lacks=["other"])).refusals == []


def test_a_survey_counts_the_rows_that_break_a_rule() -> None:
    """Missing, too long, and outside of a picklist; a rule that no row breaks is not told."""
    rows = [thing("a", title=None), thing("b", title=""), thing("c", title="toolong"), thing("d")]
    title = TargetField("Title__c", "string", length=6, **NEEDED)
    price = TargetField("Price__c", "picklist", restricted_values=("1.50",))
    found = seen(FakeSource(rows), None, title, price)
    assert [(r.code, r.field, r.rows) for r in found.refusals] == [
        ("REQUIRED_FIELD_MISSING", "Title__c", 2),
        ("STRING_TOO_LONG", "Title__c", 2),
    ]
    assert "longer than 6 characters" in found.refusals[1].why


def test_new_rows_are_counted_by_key() -> None:
    """A record of somebody else is no row of ours, however many there are of both."""
    rows = [thing("a"), thing("B"), thing("c")]
    found = seen(FakeSource(rows), FakeFacts(holds=["b", "x", "y"]))
    assert found.compared == KeysCompared(1, 2, ("x", "y"))
    assert found.new_rows == 2
    case = TargetField(EXTERNAL_ID, "string", case_sensitive=True)
    told = seen(FakeSource(rows), FakeFacts(holds=["b", "c"]), case)
    assert told.compared == KeysCompared(1, 1, ("b",))


def test_an_update_foresees_the_rows_without_a_record() -> None:
    """They are refusals by name, nothing is new, and too many of them stop the plan."""
    target = {"object": "Thing__c", "external_id": EXTERNAL_ID, "operation": "update"}
    spec = small_spec(target=target)
    rows = [thing("a"), thing("B"), thing("c")]
    found = seen(FakeSource(rows), FakeFacts(holds=["b", "x", "y"]), spec=spec)
    assert [(one.code, one.field, one.rows) for one in found.refusals] == [
        ("NOT_FOUND", EXTERNAL_ID, 2)
    ]
    assert found.new_rows == 0
    told = replace(GOOD, refusals=[replace(found.refusals[0], rows=300)])
    assert sentences(told)[0] is Advice.STOP


def test_an_update_may_be_keyed_by_a_number_that_the_org_gives() -> None:
    """Its rows bring no key of their own; those of an upsert must."""
    number: dict[str, Any] = {
        "auto_number": True,
        "createable": False,
        "updateable": False,
        "unique": True,
    }
    field = TargetField(EXTERNAL_ID, "string", external_id=True, **number)
    described = TargetDescription(TargetObject("Thing__c", {EXTERNAL_ID: field}))
    target = {"object": "Thing__c", "external_id": EXTERNAL_ID, "operation": "update"}
    assert list(findings_of_key(small_spec(target=target), described)) == []
    [told] = findings_of_key(SPEC, described)
    assert (told.advice, "is filled by the org" in told.reason) == (Advice.STOP, True)


def test_files_are_asked_the_same(tmp_path: Path) -> None:
    """Keys, parents and rules are counted in a CSV file as in Data Cloud."""
    lines = [f"{KEY},Title__c,Price__c,ParentKey__c", "a,,1,p1", "b,long,1,p1", "c,x,1,"]
    lines += ["d,  x  ,1,", "e,  ,1,"]
    (tmp_path / "things.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    files = {"files": str(tmp_path / "things.csv"), "key": KEY, "parent": "ParentKey__c"}
    spec = small_spec(source=files)
    source = FileSource(spec)
    assert source.key_ends() == ("a", "e")
    assert source.rows_per_parent() == [(2, 1)]
    rules = [
        FieldRule("Title__c", "Title__c", "required"),
        FieldRule("Title__c", "Title__c", "length", bound=3),
        FieldRule("Title__c", "Title__c", "picklist", values=("x",)),
    ]
    assert source.count_breaking(rules) == [1, 2, 3]
    stripped = [replace(rule, strips=True) for rule in rules]
    assert source.count_breaking(stripped) == [2, 1, 1]
    same = FakeSource([thing(n, title=t) for n, t in zip("abcde", TITLES, strict=True)])
    assert same.count_breaking(rules) == [1, 2, 3]
    assert same.count_breaking(stripped) == [2, 1, 1]


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
            {"refusals": [ExpectedRefusal("STRING_TOO_LONG", "Name", 10, "shorten it.")]},
            Advice.CARE,
            "10 rows would be refused for Name (STRING_TOO_LONG): shorten it.",
        ),
        (
            {"refusals": [ExpectedRefusal("STRING_TOO_LONG", "Name", 300, "")]},
            Advice.STOP,
            "300 rows would be refused",
        ),
        (
            {"refusals": [ExpectedRefusal("STRING_TOO_LONG", f, 150, "") for f in ("A", "B")]},
            Advice.CARE,
            "Together these may be 300 of 1,000 rows",
        ),
        ({"limits": OrgLimits(storage_left_mb=0)}, Advice.STOP, "1 MB of data storage are needed"),
        ({"limits": OrgLimits(api_calls_left=1_000)}, Advice.STOP, "nothing would be sent"),
        ({"limits": OrgLimits(batches_left=150)}, Advice.STOP, "daily_batches_reserve keeps 200"),
        ({"limits": OrgLimits(api_calls_left=1_050)}, Advice.CARE, "100 API calls are needed"),
        ({"limits": OrgLimits(batches_left=205)}, Advice.CARE, "10 ingest batches are needed"),
        ({"jobs_at_work": {"InProgress": 2}}, Advice.CARE, "2 InProgress"),
        (
            {"compared": KeysCompared(990, 5, ("x", "y", "z"))},
            Advice.CARE,
            "5 records of Thing__c are not in the source: x, y, z and others.",
        ),
        ({"ungroupable": ["Title__c"]}, Advice.CARE, "Title__c has more than 2,000 values"),
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
    ("jobs", "days"), [(14_800, None), (14_801, 2), (29_600, 2), (29_601, 3), (44_401, 4)]
)
def test_a_load_that_needs_the_batches_of_several_days_says_of_how_many(
    jobs: int, days: int | None
) -> None:
    """15,000 a rolling day, less the reserve of 200."""
    advice, text = sentences(GOOD, Costs(60.0, jobs, 100))
    assert advice is (Advice.GO if days is None else Advice.CARE)
    assert days is None or f"It takes {days} days." in text


def test_no_days_are_told_of_an_org_that_does_not_say_its_maximum() -> None:
    """What is left alone tells nothing of tomorrow."""
    advice, text = sentences(replace(GOOD, limits=OrgLimits(batches_left=205)))
    assert advice is Advice.CARE
    assert "days" not in text


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            {"rows_a_day_max": 300},
            "ends in 4 days: limits.rows_a_day_max lets 300 of 1,000 rows be sent in 24 hours.",
        ),
        ({"rows_a_day_max": 1_000, "hours": "22:00-06:00"}, None),
        ({"batches_a_day_max": 9}, "ends in 2 days: limits.batches_a_day_max lets 9 of 10"),
        ({"api_calls_a_day_max": 40}, "ends in 3 days: limits.api_calls_a_day_max lets 40 of 100"),
        (
            {"hours": "22:00-06:00", "rows_a_day_max": 900},
            "ends in 3 days: 20.0 hours of work, and limits.hours (22:00-06:00) has 8.0 a day.",
        ),
    ],
)
def test_a_load_that_pauses_says_when_it_ends(limits: dict[str, object], said: str | None) -> None:
    """Under the budgets and hours of its spec, the narrowest of them."""
    costs = CHEAP if said is None or "hours of work" not in said else Costs(72_000.0, 10, 100)
    advice, text = sentences(GOOD, costs, spec=small_spec(limits=limits))
    assert advice is (Advice.GO if said is None else Advice.CARE)
    assert (said or "") in text
    assert ("pause and resume by themselves" in text) is (said is not None)


@pytest.mark.parametrize(("modified", "advice"), [(None, Advice.GO), ("M__c", Advice.CARE)])
def test_looks_that_are_dear_are_told(modified: str | None, advice: Advice) -> None:
    """What Data Cloud bills for a day of looks, and the setting that makes it less."""
    parts = {f"r1-{n:02}": 100_000 for n in range(20)}
    many = replace(GOOD, rows=2_000_000, partition_rows=parts, parents=())
    limits = replace(GOOD.limits, storage_left_mb=10_000)
    found, text = sentences(
        replace(many, limits=limits), spec=small_spec(refresh={"modified": modified})
    )
    assert found is advice
    assert ("192,000,000 rows processed a day. Set refresh.look_every_s to 3,600" in text) is (
        modified is not None
    )


def test_a_parent_that_the_lanes_do_not_know_is_said() -> None:
    """Without source.parent two jobs of ours may lock one parent; owners hold nobody up."""
    loose = small_spec(source={"object": "Things__dlm", "key": KEY})
    bare = replace(GOOD, parents=())
    assert "no source.parent is named" in sentences(bare, spec=loose)[1]
    assert lock_risk(loose, bare).word == "medium"
    columns = [{"source": KEY, "target": EXTERNAL_ID}, {"source": "o", "target": "OwnerId"}]
    columns[1]["type"] = "reference"
    alone = small_spec(source={"object": "Things__dlm", "key": KEY}, columns=columns)
    assert sentences(bare, spec=alone) == (Advice.GO, "")
    assert lock_risk(alone, bare).word == "none"


def test_a_second_parent_raises_the_risk() -> None:
    """The lanes go by one of them."""
    columns = [*content()["columns"], {"source": "c", "target": "Campaign__r.Key__c"}]
    risk = lock_risk(small_spec(columns=columns), GOOD)
    assert risk.word == "medium"
    assert "the lanes do not go by Campaign__r.Key__c" in risk.reason


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
    risk = lock_risk(SPEC, replace(GOOD, parents=parents, hot_parents=hot))
    assert risk.word == word
    assert word == "none" or "users and other integrations" in risk.reason
