"""Several loads in one command: continents, then countries, then places, each proved."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import Done, Org, Stage, emulated_org, short_folder
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.proof.places import NAMES, OBJECTS, prepare

pytestmark = pytest.mark.acceptance

ROWS = 300


@pytest.fixture(scope="module")
def org() -> Generator[Org]:
    """An org with custom objects."""
    with (
        short_folder() as folder,
        emulated_org(folder, "--schema", str(OBJECTS / "schema.yaml")) as running,
    ):
        yield running


@pytest.fixture
def stage(org: Org, tmp_path: Path) -> Stage:
    """An empty org, and three specs in a folder."""
    org.tell("reset")
    stage = Stage.set_up(tmp_path, org, rows=ROWS, partitions=1)
    loads = tmp_path / "loads"
    (loads / "opportunities.yaml").unlink()
    stage.environment["DC_ASSETS_TIME_SCALE"] = "20"
    prepare(loads, ROWS)
    return stage


def run(stage: Stage, *arguments: str) -> Done:
    """Run a command in this process."""
    return run_here(stage.environment, *arguments)


def rows(stage: Stage, table: str) -> int:
    """Count the records of an object."""
    return int(stage.org.sql(f'SELECT count(*) FROM "{table}"')[0][0])


def ended(done: Done) -> dict[str, tuple[str, int]]:
    """Return how each load ended, as the closing table says it."""
    lines = [re.split(r"  +", line.strip()) for line in done.out.splitlines()]
    ends = [line for line in lines if line[0] in (*NAMES, "towns") and line[-1].isdigit()]
    return {line[0]: (line[-2], int(line[-1])) for line in ends}


def test_a_child_says_which_parents_are_missing(stage: Stage) -> None:
    """It sends nothing; a person may say why to send all the same, and the ledger keeps it."""
    done = run(stage, "run", "places", "--local")
    assert done.code == 5
    assert "places names records of countries, and that comes before it" in done.err
    assert "lacks all 3 partitions (not begun). Nothing was sent." in done.err
    assert "dc-assets run countries. " in done.err
    assert rows(stage, "Place__c") == 0
    both = ("continents", "countries")
    assert run(stage, "run", *both, "--local", "--partitions", "r1-01").code == 2
    assert run(stage, "run", "continents", "--local").code == 0
    assert run(stage, "run", "countries", "--local", "--partitions", "r1-01,r1-02").code == 0
    done = run(stage, "run", "places", "--local")
    assert "countries lacks r1-03 (not begun)" in done.err
    done = run(stage, "run", "places", "--local", "--anyway", "the others have no places")
    assert done.code == 0, done
    assert "the others have no places" in run(stage, "status", "places").out


def test_parents_come_first_whatever_order_is_given(stage: Stage) -> None:
    """All three are proved, and a table at the end says so; then everything is there already."""
    done = run(stage, "run", *reversed(NAMES), "--local")
    assert done.code == 0, done.out + done.err
    assert ended(done) == dict.fromkeys(NAMES, ("proved", 0))
    assert (rows(stage, "Continent__c"), rows(stage, "Place__c")) == (7, ROWS)
    assert run(stage, "run", "--all", "--local", "--changed").code == 0


def test_what_fails_stops_its_children_alone(stage: Stage) -> None:
    """Not the load that needs neither; a broken spec takes no other down. All of it counts."""
    loads = stage.folder / "loads"
    (loads / "countries.parquet").unlink()
    free = (loads / "places.yaml").read_text(encoding="utf-8").replace("places", "towns", 1)
    free = free.replace("  - { source: country, target: Country__r.ISO__c, type: reference }\n", "")
    free = free.replace(", parent: country", "")
    (loads / "towns.yaml").write_text(free, encoding="utf-8")
    (loads / "atlas.yaml").write_text("name: atlas\n", encoding="utf-8")
    done = run(stage, "run", "--all", "--local")
    assert done.code == 2
    assert ended(done) == {
        "continents": ("proved", 0),
        "countries": ("not loaded", 2),
        "places": ("stopped", 5),
        "towns": ("proved", 0),
    }
    assert "Not loaded:" in done.out
    assert "atlas.yaml, line 1" in done.out


def test_a_load_without_a_place_is_named(stage: Stage) -> None:
    """One that waits for itself is refused; the others are not its affair."""
    file = stage.folder / "loads" / "countries.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "after: [countries]\n", encoding="utf-8")
    done = run(stage, "run", "countries", "--local")
    assert done.code == 2
    assert "wait for each other: countries -> countries" in done.err
