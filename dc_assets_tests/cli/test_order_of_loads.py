"""Several loads in one command: continents, then countries, then places, each proved."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import Done, Org, Stage, emulated_org, short_folder
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.proof.places import NAMES, OBJECTS, prepare

pytestmark = pytest.mark.acceptance

ROWS = 40


@pytest.fixture(scope="module")
def org() -> Generator[Org]:
    """An org with custom objects."""
    with (
        short_folder() as folder,
        emulated_org(folder, "--schema", str(OBJECTS / "schema.yaml")) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three specs with their files: a parent in two partitions, the others in one."""
    folder = tmp_path_factory.mktemp("loads")
    prepare(folder, ROWS)
    for name, bounds in (("countries", "[MZ]"), ("places", "[]")):
        file = folder / f"{name}.yaml"
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"upper_bounds: \[.*\]", f"upper_bounds: {bounds}", text)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def stage(org: Org, loads: Path, tmp_path: Path) -> Stage:
    """An empty org, and the three specs in a folder."""
    org.tell("reset")
    stage = Stage.set_up(tmp_path, org, rows=ROWS, partitions=1)
    shutil.rmtree(tmp_path / "loads")
    shutil.copytree(loads, tmp_path / "loads")
    stage.environment["DC_ASSETS_TIME_SCALE"] = "20"
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


def test_parents_come_first_whatever_order_is_given(stage: Stage) -> None:
    """A child alone sends nothing and names its parent; then all three are proved, in order."""
    alone = run(stage, "run", "places", "--local")
    assert alone.code == 5
    assert "places names records of countries, and that comes before it" in alone.err
    assert "lacks all 2 partitions (not begun). Nothing was sent." in alone.err
    assert "dc-assets run countries. " in alone.err
    assert stage.org.ask("jobs")["jobs"] == []
    looked_at = run(stage, "run", "places", "continents", "--dry-run")
    assert ended(looked_at) == dict.fromkeys(("continents", "places"), ("could be sent", 0))
    done = run(stage, "run", *reversed(NAMES), "--local")
    assert done.code == 0, done.out + done.err
    assert list(ended(done).items()) == [(name, ("proved", 0)) for name in NAMES]
    assert (rows(stage, "Continent__c"), rows(stage, "Place__c")) == (7, ROWS)


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
    forced = run(stage, "run", "places", "--local", "--anyway", "they come tomorrow")
    assert "countries lacks all 2 partitions (not begun)), because: they come" in forced.err
    assert "they come tomorrow" in run(stage, "status", "places").out


def test_what_cannot_be_is_refused_at_once(stage: Stage) -> None:
    """A load that waits for itself, keys of one load for several, names beside --all."""
    both = ("continents", "countries")
    assert "about one load" in run(stage, "run", *both, "--local", "--partitions", "r1-01").err
    assert "--all means places too" in run(stage, "run", "--all", "places").err
    file = stage.folder / "loads" / "countries.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "after: [countries]\n", encoding="utf-8")
    done = run(stage, "run", "countries", "--local")
    assert done.code == 2
    assert "wait for each other: countries -> countries" in done.err
