"""The page of a plan, made from figures by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dc_assets.core.lanes import LaneMap
from dc_assets.load.preflight.rules import Advice, Finding, LockRisk
from dc_assets.load.preflight.survey import Probe
from dc_assets.pages.plan_facts import PlannedLoad, facts_of, figures_of
from dc_assets.pages.plan_page import lane_rows, write_page
from dc_assets.simulation.forecast import Forecast, Outlook
from dc_assets_tests.load.test_survey import GOOD, SPEC

HOT = replace(
    GOOD,
    rows=1_010,
    parents=((300, 1), (2, 350)),
    hot_parents=(("big", 300),),
    lanes=LaneMap(4, (("big",),)),
)
TIMELINE = ((0.0, 0, 0), (300.0, 16, 400), (600.0, 0, 1_010))
OUTLOOK = Outlook(seconds=600.0, bound_s=500.0, jobs=8, requests=60, timeline=TIMELINE)
FAST = replace(OUTLOOK, seconds=300.0, bound_s=240.0)
SLOW = replace(OUTLOOK, seconds=1_200.0, bound_s=1_080.0)


def planned(
    *, is_measured: bool, row_s: tuple[float, float], findings: Sequence[Finding] = ()
) -> PlannedLoad:
    """Return a plan of one big parent and many small ones."""
    told = Forecast(FAST, OUTLOOK, SLOW, is_measured=is_measured, basis="earlier jobs")
    risk = LockRisk("high", "one parent is big")
    return PlannedLoad(SPEC, HOT, {"r1-01": 8}, told, row_s, risk, list(findings))


def test_every_row_is_in_one_lane_of_the_plot() -> None:
    """Hot parents come last with their own rows; rows without a parent spread over the shared."""
    lanes = lane_rows(HOT)
    assert (len(lanes), lanes[-1], sum(lanes)) == (5, 300, 1_010)
    assert min(lanes[:4]) > 0
    assert len(set(lanes[:4])) > 1
    alone = replace(GOOD, rows=10, parents=(), lanes=LaneMap(4))
    assert sorted(lane_rows(alone)) == [2, 2, 3, 3]


def test_each_end_of_the_range_has_its_own_least_time() -> None:
    """Else the fast org would seem to need less than the least."""
    facts = facts_of(planned(is_measured=False, row_s=(0.01, 0.1)))
    assert facts["duration"] == "5 min to 20 min, about 10 min"
    assert facts["bound"].startswith("4 min to 18 min, about 8 min: ")


def test_the_biggest_parent_is_told_with_its_time() -> None:
    """A range while the org's speed is assumed, and one number when jobs showed it."""
    assumed = facts_of(planned(is_measured=False, row_s=(0.01, 0.1)))["parents"]
    assert assumed.endswith("with 300 rows: 3 s to 30 s one after another; 10 rows have none")
    shown = facts_of(planned(is_measured=True, row_s=(0.1, 0.1)))["parents"]
    assert "300 rows: 30 s one after another" in shown


@pytest.mark.parametrize(("is_measured", "ends"), [(False, 1), (True, 0)])
def test_the_ends_of_the_range_are_drawn_while_they_are_orgs(
    tmp_path: Path, *, is_measured: bool, ends: int
) -> None:
    """A measured range is of one org, so one line is drawn; minutes suit ten of them."""
    page = tmp_path / "plan.html"
    write_page(page, planned(is_measured=is_measured, row_s=(0.01, 0.1)))
    text = page.read_text(encoding="utf-8")
    assert text.count(">slow org<") == text.count(">fast org<") == ends
    assert text.count(">minutes<") == 1
    assert "Basis: earlier jobs." in text


def test_a_page_begins_with_the_verdict_and_its_reasons(tmp_path: Path) -> None:
    """The worst finding names it; each stands in a line of its own."""
    findings = [Finding(Advice.STOP, "No room & no time."), Finding(Advice.CARE, "Look here.")]
    page = tmp_path / "plan.html"
    told = planned(is_measured=False, row_s=(0.01, 0.1), findings=findings)
    write_page(page, told)
    text = page.read_text(encoding="utf-8")
    assert '<p class="verdict STOP">STOP</p>' in text
    assert '<li class="STOP">No room &amp; no time.</li>' in text
    assert '<li class="CARE">Look here.</li>' in text
    assert figures_of(told)["verdict"] == "STOP"


def test_a_plan_tells_what_the_canonical_form_changes_in_the_page_that_it_reads() -> None:
    """It reads no other; nothing is said where nothing changes."""
    plain = planned(is_measured=True, row_s=(0.1, 0.1))
    assert "canonical form" not in facts_of(plain)
    probe = Probe(1_000, 0.1, {"Title__c: line ends to LF": 12})
    changed = replace(plain, survey=replace(plain.survey, probe=probe))
    told = facts_of(changed)["canonical form"]
    assert told == "of the first 1,000 rows: Title__c: line ends to LF (12)"
