"""A plan has describe: it warns of parents that the order of loads cannot know by their names."""

from __future__ import annotations

import pytest

from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets.load.preflight.findings import Advice
from dc_assets.load.preflight.order import findings_of_order
from dc_assets_tests.fakes.specs import EXTERNAL_ID, small_spec

THINGS = small_spec()
OWNERS = small_spec(
    name="owners",
    source={"object": "Owners__dlm", "key": "Key__c"},
    target={"object": "Owner__c", "external_id": EXTERNAL_ID},
    columns=[{"source": "Key__c", "target": EXTERNAL_ID}],
)
AGENTS = OWNERS.model_copy(update={"name": "agents", "after": ("owners",)})
LOOKUP = TargetField("Parent__c", reference_to=("Owner__c",), relationship_name="Parent__r")
KEY = TargetField(EXTERNAL_ID, external_id=True)


def told(spec: LoadSpec, *others: LoadSpec, is_seen: bool = True) -> list[str]:
    """Return the sentences about a spec whose lookup leads to another object than its name says."""
    parents = {"Owner__c": TargetObject("Owner__c", {EXTERNAL_ID: KEY})} if is_seen else {}
    described = TargetDescription(TargetObject("Thing__c", {"Parent__c": LOOKUP}), parents)
    found = list(findings_of_order(spec, described, [spec, *others]))
    assert {one.advice for one in found} <= {Advice.CARE}
    return [one.sentence for one in found]


@pytest.mark.parametrize("is_seen", [True, False], ids=["parent seen", "parent not seen"])
def test_a_parent_that_names_do_not_tell_is_warned_of(*, is_seen: bool) -> None:
    """With the line that says it; whether or not our user sees the parent's fields."""
    [sentence] = told(THINGS, OWNERS, is_seen=is_seen)
    assert "Parent__r.External_ID__c names records of Owner__c, which the load owners" in sentence
    assert "`after: [owners]`" in sentence


@pytest.mark.parametrize("after", [(), ("owners",), ("agents",)])
def test_who_says_after_has_decided(after: tuple[str, ...]) -> None:
    """None, this one or another."""
    assert told(THINGS.model_copy(update={"after": after}), OWNERS, AGENTS) == []


def test_a_parent_without_a_load_is_nobodys_affair() -> None:
    """Its records come from elsewhere."""
    assert told(THINGS) == []


def test_a_load_into_another_org_is_nobodys_parent() -> None:
    """Both specs name theirs."""
    here, there = (
        one.model_copy(update={"target": one.target.model_copy(update={"org_id": org_id})})
        for one, org_id in ((THINGS, "00D000000000001"), (OWNERS, "00D000000000002"))
    )
    assert told(here, there) == []
    assert len(told(here, OWNERS)) == 1
