"""`init` on an emulated org: what facts decide is written, what only a person knows is asked."""

from __future__ import annotations

import os
import pty
from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest

from dc_assets.load.spec_files import read_spec
from dc_assets_tests.acceptance.stage import Done, short_folder
from dc_assets_tests.first_spec.cases import CASES
from dc_assets_tests.first_spec.world import FirstWorld, deals, first_world

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def world() -> Generator[FirstWorld]:
    """One org: some of its objects leave something open."""
    with short_folder() as folder, first_world(folder) as running:
        running.tell("Deals", deals())
        running.tell("Twice", deals().with_columns(deal=pl.lit("d1")))
        deals().with_columns(ref=pl.col("deal") + "x").write_csv(folder / "both.csv")
        yield running


@pytest.fixture
def name(world: FirstWorld, request: pytest.FixtureRequest) -> str:
    """A name for a load, and no other spec in the folder."""
    for file in world.loads.glob("*.yaml"):
        file.unlink()
    del request
    return "first"


def asked(world: FirstWorld, source: str, *more: str, object_name: str = "Deal__c") -> Done:
    """Write a first spec of one of the sources."""
    return world.run("init", "first", "--object", object_name, "--source", source, *more)


FIRST = ("--external-id", "First_Key__c")

NOTHING_WRITTEN = [
    (
        ("Deals__dlm",),
        "Deal__c",
        "rows matched by? Only you can know: First_Key__c (text (40), unique); Second_Key__c (text",
    ),
    (
        ("Twice__dlm", *FIRST),
        "Deal__c",
        "No text column of Twice__dlm has a value of its own in every row. Nearest are:",
    ),
    (
        ("{folder}/both.csv", *FIRST),
        "Deal__c",
        "holds the id for First_Key__c? Only you can know: deal (30 rows, each with a value of its",
    ),
    (("Deals__dlm",), "Bare__c", "Bare__c has no External ID field of the type Text or Email"),
    (
        ("Deals__dlm", "--external-id", "Title__c"),
        "Deal__c",
        "Deal__c.Title__c is no External ID of the type Text or Email that our user may fill.",
    ),
    (("Deals__dlm", *FIRST, "--key", "deel"), "Deal__c", "no column deel; did you mean deal?"),
    (("Deals__dlm", *FIRST, "--parent", "Title"), "Deal__c", "Title names no parents of Deal__c"),
    (("Dels__dlm",), "Deal__c", "Did you mean Deals__dlm?"),
    (("Deals__dlm",), "My Deal", "'My Deal' is no name of an object"),
    (("Deals__dlm",), "Deel__c", "no object Deel__c that our user can see; did you mean Deal__c?"),
    (("deals",), "Deal__c", "neither a file nor an object of Data Cloud"),
    (("nothing.csv",), "Deal__c", "must be Parquet (.parquet) or CSV (.csv) files"),
]


@pytest.mark.parametrize(("source", "object_name", "says"), NOTHING_WRITTEN)
def test_without_an_answer_nothing_is_written(
    world: FirstWorld, name: str, source: tuple[str, ...], object_name: str, says: str
) -> None:
    """One sentence with what there is to choose from, and the option that says it."""
    told = [word.format(folder=world.folder) for word in source]
    done = asked(world, *told, "--yes", object_name=object_name)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not (world.loads / f"{name}.yaml").exists()


def test_several_parents_are_written_as_a_question(world: FirstWorld, name: str) -> None:
    """The spec is valid, and the plan asks the same."""
    done = asked(world, "Deals__dlm", *FIRST, "--yes")
    assert done.code == 2, done.err
    assert "Only you can know: Which column decides the lanes, account or campaign or" in done.out
    file = world.loads / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    assert "  # parent: account # Account__r.External_ID__c, parents: 5, the biggest with 6" in text
    assert read_spec(file).source.parent is None
    plan = world.run("plan", name)
    assert (plan.code, "Name the column in source.parent." in plan.out) == (0, True), plan.out


def test_an_option_answers_beforehand(world: FirstWorld, name: str) -> None:
    """Then nothing is open, and the load is green; the object is spelt as the org spells it."""
    options = (*FIRST, "--parent", "campaign", "--yes")
    done = asked(world, "Deals__dlm", *options, object_name="deal__C")
    assert done.code == 0, done.err + done.out
    spec = read_spec(world.loads / f"{name}.yaml")
    assert spec.target.object == "Deal__c"
    assert spec.source.parent == "campaign"
    assert {one.source: one.target for one in spec.columns} == {
        "deal": "First_Key__c",
        "Title": "Title__c",
        "account": "Account__r.External_ID__c",
        "campaign": "Campaign__r.Code__c",
        "tailnum": "Plane__r.Tailnum__c",
    }
    run = world.run("run", name, "--local", "--window", "1")
    assert run.code == 0, run.out + run.err


def test_a_required_field_without_a_column_is_a_question(world: FirstWorld, name: str) -> None:
    """The file has it at its head, and the plan stops at it."""
    done = asked(world, "Deals__dlm", "--key", "deal", "--yes", object_name="Campaign")
    assert done.code == 2, done.err
    assert "Campaign.Name is required, and no column is called so" in done.out
    assert "ONLY YOU CAN KNOW: Campaign.Name" in (world.loads / f"{name}.yaml").read_text()
    assert world.run("plan", name).code == 5


def test_a_person_is_asked_at_the_terminal(world: FirstWorld, name: str) -> None:
    """By numbers, with a fact beside each; the answers are what is written."""
    ours, theirs = pty.openpty()
    os.write(ours, b"1\n2\n2\n")
    with os.fdopen(theirs, "r", encoding="utf-8") as terminal:
        source = str(world.folder / "both.csv")
        done = world.run_at(terminal, "init", name, "--object", "Deal__c", "--source", source)
    os.close(ours)
    assert done.code == 0, done.err
    spec = read_spec(world.loads / f"{name}.yaml")
    assert (spec.target.external_id, spec.source.key) == ("First_Key__c", "ref")
    assert spec.source.parent == "campaign"
    assert "  2  ref: 30 rows, each with a value of its own" in done.out


def test_without_a_terminal_it_says_so(world: FirstWorld, name: str) -> None:
    """Before anybody is asked."""
    done = asked(world, "Deals__dlm")
    assert done.code == 2
    assert "there is no terminal to ask at. Give --yes" in done.err
    assert not (world.loads / f"{name}.yaml").exists()


def test_a_load_that_is_there_is_kept(world: FirstWorld, name: str) -> None:
    """Neither the file nor the name of another load is taken."""
    options = (*FIRST, "--parent", "account", "--yes")
    assert asked(world, "Deals__dlm", *options).code == 0
    file = world.loads / f"{name}.yaml"
    before = file.read_bytes()
    again = asked(world, "Deals__dlm", *options)
    assert (again.code, "is there already, and is not overwritten" in again.err) == (2, True)
    assert file.read_bytes() == before
    file.rename(world.loads / "other.yaml")
    again = asked(world, "Deals__dlm", *options)
    assert (again.code, "other.yaml has a load called first" in again.err) == (2, True)


def test_the_folder_of_the_program_is_left_alone(world: FirstWorld, tmp_path: Path) -> None:
    """Without a folder of one's own the spec goes to ./loads, and how to name that is told."""
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        settings = {k: v for k, v in world.settings.items() if k != "DC_ASSETS_LOADS"}
        done = FirstWorld(world.org, world.folder, settings).run(
            *("init", "first", "--object", "Deal__c", "--source", "Deals__dlm", *FIRST, "--yes"),
        )
    finally:
        os.chdir(here)
    assert done.code == 2, done.err
    assert f"export DC_ASSETS_LOADS={tmp_path / 'loads'}" in done.out
    assert (tmp_path / "loads" / "first.yaml").exists()


def test_files_beside_the_spec_are_named_from_there(world: FirstWorld, name: str) -> None:
    """The folder can be moved with its files; a file elsewhere is named by its whole path."""
    inside = world.loads / "rows.csv"
    inside.parent.mkdir(exist_ok=True)
    deals().drop("tailnum", "account").write_csv(inside)
    assert asked(world, str(inside), *FIRST, "--yes").code == 0
    text = (world.loads / f"{name}.yaml").read_text(encoding="utf-8")
    assert "\n  files: rows.csv\n" in text.replace('"', "")
    inside.rename(world.folder / "rows.csv")
    (world.loads / f"{name}.yaml").unlink()
    assert asked(world, str(world.folder / "rows.csv"), *FIRST, "--yes").code == 0
    text = (world.loads / f"{name}.yaml").read_text(encoding="utf-8")
    assert f"\n  files: {world.folder / 'rows.csv'}\n" in text.replace('"', "")


def test_a_large_source_is_cut_by_quantiles_of_its_key(world: FirstWorld, name: str) -> None:
    """In parts of about 400,000 rows; of many parents some are looked at, and it says so."""
    keys = pl.int_range(1_000_000, 1_800_000, eager=True)
    parents = pl.format("acc{}", (keys % 61 + 1).cast(pl.String).str.zfill(7))
    rows = pl.select(keys.cast(pl.String).alias("deal"), parents.alias("account"))
    rows.write_parquet(world.folder / "large.parquet")
    done = asked(world, str(world.folder / "large.parquet"), *FIRST, "--yes")
    assert done.code == 0, done.err
    spec = read_spec(world.loads / f"{name}.yaml")
    assert spec.partitions.upper_bounds == ("1399999",)
    text = (world.loads / f"{name}.yaml").read_text(encoding="utf-8")
    assert "the org has 5 of 50 values looked at, of 61 in all" in text


@pytest.mark.parametrize("name", CASES)
def test_a_first_spec_loads_without_an_edit(world: FirstWorld, name: str) -> None:
    """Key, parent and columns are found; the plan goes, and every check of the run is green."""
    case = CASES[name]
    arguments = ("--object", case.object, "--source", case.source(world), "--yes")
    done = world.run("init", name, *arguments)
    assert done.code == 0, done.err + done.out
    file: Path = world.loads / f"{name}.yaml"
    spec = read_spec(file)
    assert (spec.source.key, spec.target.external_id) == case.key
    assert spec.source.parent == case.parent
    assert {one.target for one in spec.columns} == {*case.targets, case.key[1]}
    text = file.read_text(encoding="utf-8")
    assert ("refresh.modified names it" in text) is (spec.refresh.modified is not None)
    plan = world.run("plan", name)
    assert (plan.code, "GO" in plan.out) == (0, True), plan.out + plan.err
    run = world.run("run", name, "--local", "--window", "1")
    assert run.code == 0, run.out + run.err
    [[landed]] = world.org.sql(f'SELECT count(*) FROM "{case.object}"')
    assert landed == case.rows
