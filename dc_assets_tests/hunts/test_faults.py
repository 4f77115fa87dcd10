"""Two of the worst faults on a small load; the whole table is played by `.ci/run faults`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import Org, running_org, short_folder
from dc_assets_tests.hunts.fault_table import SCENARIOS, Promise
from dc_assets_tests.hunts.faults import DOCUMENT, ELSEWHERE, as_markdown, play

TESTS = Path(__file__).parents[1]

ROWS = 800
CHOSEN = [
    "a storm of all of these, 20% of calls",
    "every job ends Failed",
]


@pytest.fixture(scope="module")
def folder() -> Generator[Path]:
    """A folder that the chosen scenarios use one after another."""
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def org(folder: Path) -> Generator[Org]:
    """An org that the chosen scenarios share."""
    with running_org(folder, rows=ROWS) as started:
        yield started


@pytest.mark.acceptance
@pytest.mark.parametrize("name", CHOSEN)
def test_a_promise_is_kept(org: Org, folder: Path, name: str) -> None:
    """The load continues, heals or stops as the table says, and nothing is lost or sent twice."""
    [scenario] = [s for s in SCENARIOS if s.name == name]
    assert play(scenario, org, folder, ROWS).broken == []


def test_the_document_has_a_line_for_every_fault() -> None:
    """It was written after the newest fault joined the table, and each of them held."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [s.name for s in SCENARIOS if f"| {s.name} |" not in text] == []
    played = text.partition("## Kills")[0]
    lines = [line for line in played.splitlines() if line.startswith("| ") and "fault" not in line]
    assert [line for line in lines if not line.split("|")[4].strip().startswith("yes")] == []
    assert [what for what, _, _ in ELSEWHERE if f"| {what} |" not in text] == []
    assert [test for _, _, test in ELSEWHERE if not (TESTS / test).exists()] == []


def test_every_fault_has_its_own_name() -> None:
    """The document has one line for each, and there is at least one of each promise."""
    names = Counter(scenario.name for scenario in SCENARIOS)
    assert max(names.values()) == 1
    assert {scenario.promise for scenario in SCENARIOS} == set(Promise)
    assert all(promise.value in as_markdown([]) for promise in Promise)
