"""Core is changed behind the platform's back, one thing at a time: the right checks tell."""

from __future__ import annotations

import random
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.load.store import Mode
from dc_assets_tests.acceptance.stage import emulated_org
from dc_assets_tests.proof.world import Verdict, World, opportunities, total

ROWS = 3_000
COUNT, STAGE = "row_count_matches", "stage_name_distribution_matches"
COVERAGE, DOUBLES, VALUES = "no_coverage_gaps", "no_duplicate_external_ids", "values_match"
MIDDLE = "externalOpp0001500"

COPY = """
CREATE OR REPLACE TABLE kept_rows AS SELECT * FROM "Opportunity";
CREATE OR REPLACE TABLE kept_parents AS SELECT * FROM "Account"
"""
RESTORE = """
DELETE FROM "Opportunity"; INSERT INTO "Opportunity" SELECT * FROM kept_rows;
DELETE FROM "Account"; INSERT INTO "Account" SELECT * FROM kept_parents
"""
COPY_SOURCE = 'CREATE OR REPLACE TABLE kept_source AS SELECT * FROM "ExtOpportunities__dlm"'
RESTORE_SOURCE = (
    'DELETE FROM "ExtOpportunities__dlm"; INSERT INTO "ExtOpportunities__dlm" FROM kept_source; '
    "DROP TABLE kept_source"
)


@pytest.fixture(scope="module")
def loaded(module_folder: Path) -> Generator[dict[int, World]]:
    """One org, loaded by a spec of one partition and then by one of three."""
    with emulated_org(module_folder, "--opportunities", str(ROWS), "--accounts", "20") as org:
        worlds: dict[int, World] = {}
        for partitions in (1, 3):
            content = opportunities(ROWS, partitions) | {"name": f"parts{partitions}"}
            world = World.of(org, module_folder / content["name"], content)
            assert total(world.load()).landed == ROWS
            worlds[partitions] = world
        org.sql(COPY)
        yield worlds


@pytest.fixture
def world(loaded: dict[int, World], tmp_path: Path) -> World:
    """The org as it was after the load of one partition."""
    loaded[1].org.sql(RESTORE)
    return loaded[1].copied_to(tmp_path)


@pytest.fixture
def thirds(loaded: dict[int, World], tmp_path: Path) -> World:
    """The org as it was after the load of three partitions."""
    loaded[3].org.sql(RESTORE)
    return loaded[3].copied_to(tmp_path)


def ids(*numbers: int) -> list[str]:
    """Return seeded external ids."""
    return [f"externalOpp{number:07d}" for number in sorted(numbers)]


def delete(world: World, keys: list[str], table: str = "Opportunity") -> None:
    """Delete rows of Core by external id."""
    listed = ", ".join(f"'{key}'" for key in keys)
    world.org.sql(f'DELETE FROM "{table}" WHERE "External_ID__c" IN ({listed})')


def change(world: World, assignment: str, key: str = MIDDLE) -> None:
    """Change one row of Core."""
    world.org.sql(f'UPDATE "Opportunity" SET {assignment} WHERE "External_ID__c" = \'{key}\'')


def add_copy(
    world: World, new_key: str, *, of: str = MIDDLE, record: str = "006000000000ZZZAAA"
) -> None:
    """Put a copy of a row into Core under another key and record id."""
    world.org.sql(
        f'INSERT INTO "Opportunity" SELECT * REPLACE (\'{new_key}\' AS "External_ID__c", '
        f'\'{record}\' AS "Id") FROM "Opportunity" WHERE "External_ID__c" = \'{of}\''
    )


def repair_sends(world: World, mode: Mode, keys: list[str]) -> None:
    """Repair in a mode, and see that exactly these rows were selected, landed and sent once."""
    before = world.job_ids()
    totals = total(world.load(mode))
    assert (totals.selected, totals.landed, totals.pending) == (len(keys), len(keys), 0)
    assert world.keys_of(world.job_ids() - before) == keys


def assert_command(verdict: Verdict, check: str, option: str) -> None:
    """See that a check names the command that repairs it."""
    repair = verdict.failing(check).repair
    assert repair == f"dc-assets run parts1 {option} --partitions r1-01"


RANDOM = random.Random(50).sample(range(1, ROWS + 1), 50)  # noqa: S311 - rows, not secrets


@pytest.mark.parametrize(
    "gone",
    [ids(1), ids(ROWS), ids(*RANDOM)],
    ids=["the first", "the last", "50 at random"],
)
def test_deleted_rows_are_named_and_sent_again(world: World, gone: list[str]) -> None:
    """Rows that Core lost are missing on the count, the distribution and by name."""
    delete(world, gone)
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE}
    coverage = verdict.failing(COVERAGE)
    assert coverage.unexplained == len(gone)
    assert gone[0] in coverage.summary
    assert coverage.table[0]["first"] == gone[0]
    assert coverage.table[0]["what"] == "missing"
    assert verdict.evidence(COVERAGE).sort("External_ID__c").rows() == [
        (key, "missing") for key in gone
    ]
    for check in (COUNT, STAGE, COVERAGE):
        assert_command(verdict, check, "--missing")
    repair_sends(world, "missing", gone)
    assert world.audit().is_green()


@pytest.mark.parametrize(
    ("assignment", "field", "failed"),
    [
        ("\"StageName\" = 'Closed Lost and found'", "StageName", {STAGE, VALUES}),
        ('"Amount" = "Amount" + 0.01', "Amount", {VALUES}),
        ('"Amount" = NULL', "Amount", {VALUES}),
        ('"AccountId" = NULL', "Account.External_ID__c", {VALUES}),
        ('"Name" = "Name" || \' .\'', "Name", {VALUES}),
        ('"Name" = upper("Name")', "Name", {VALUES}),
        ('"CloseDate" = "CloseDate" + 1', "CloseDate", {VALUES}),
    ],
    ids=[
        "stage",
        "a cent",
        "null",
        "no parent",
        "a blank and a point behind",
        "upper case",
        "a day later",
    ],
)
def test_a_changed_value_is_named_and_sent_again(
    world: World, assignment: str, field: str, failed: set[str]
) -> None:
    """One value of one row that differs is found, shown on both sides, and repaired alone."""
    change(world, assignment)
    verdict = world.audit()
    assert verdict.failed() == failed
    [found] = verdict.failing(VALUES).table
    assert (found["External_ID__c"], found["field"]) == (MIDDLE, field)
    assert found["source"] != found["target"]
    assert verdict.evidence(VALUES).height == 1
    for check in failed:
        assert_command(verdict, check, "--changed")
    repair_sends(world, "changed", [MIDDLE])
    assert world.audit().is_green()


def test_few_rows_that_were_refused_are_few_of_all_rows_of_the_source(
    world: World, tmp_path: Path
) -> None:
    """A ledger that knows no full load does not take one refused row for all of the partition."""
    delete(world, [MIDDLE])
    world.org.sql(COPY_SOURCE, store="data_cloud")
    world.org.sql(
        f'UPDATE "ExtOpportunities__dlm" SET "Name__c" = NULL WHERE "ExternalId__c" = \'{MIDDLE}\'',
        store="data_cloud",
    )
    try:
        new = World.of(world.org, tmp_path / "new", opportunities(ROWS, 1))
        totals = total(new.load("changed"))
        assert (totals.selected, totals.refused) == (1, 1)
        verdict = new.audit()
        assert verdict.failed() == set()
        assert "1 of 3,000 were refused" in verdict.failing("nothing_pending").summary
    finally:
        world.org.sql(RESTORE_SOURCE, store="data_cloud")


def test_a_parent_that_is_gone_shows_in_its_children(world: World) -> None:
    """Without the account its rows have no parent in Core; the org refuses to set it again."""
    [[parent]] = world.org.sql(
        'SELECT a."External_ID__c" FROM "Account" a JOIN "Opportunity" o ON o."AccountId" = a."Id" '
        f"WHERE o.\"External_ID__c\" = '{MIDDLE}'"
    )
    children = world.org.sql(
        'SELECT "ExternalId__c" FROM "ExtOpportunities__dlm" '
        f"WHERE \"AccountExternalId__c\" = '{parent}' ORDER BY 1",
        store="data_cloud",
    )
    delete(world, [parent], "Account")
    verdict = world.audit()
    assert verdict.failed() == {VALUES}
    evidence = verdict.evidence(VALUES)
    assert [[key] for key in evidence.get_column("External_ID__c")] == children
    assert set(evidence.get_column("field")) == {"Account.External_ID__c"}
    totals = total(world.load("changed"))
    assert (totals.selected, totals.refused) == (len(children), len(children))
    after = world.audit()
    assert (after.failed(), after.warned()) == (set(), {VALUES, "nothing_pending"})


def test_a_doubled_external_id_stays_red(world: World) -> None:
    """A second record with the same id is no gap, but counted, distributed and named."""
    add_copy(world, MIDDLE)
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, DOUBLES}
    assert verdict.failing(DOUBLES).table == ({"side": "target", "key": MIDDLE.lower(), "rows": 2},)
    for mode in ("missing", "changed"):
        repair_sends(world, mode, [])
    assert world.audit().failed() == {COUNT, STAGE, DOUBLES}


def test_a_doubled_id_with_another_value_is_a_changed_row_too(world: World) -> None:
    """Both records of the id are compared with the source, so the false one cannot hide."""
    add_copy(world, MIDDLE)
    world.org.sql('UPDATE "Opportunity" SET "Amount" = 1.23 WHERE "Id" = \'006000000000ZZZAAA\'')
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, DOUBLES, VALUES}
    assert verdict.evidence(VALUES).get_column("External_ID__c").to_list() == [MIDDLE]


def test_an_id_in_another_case_is_a_double_and_extra(world: World) -> None:
    """An org matches without case: two such records are doubles, and one of them is not ours."""
    add_copy(world, MIDDLE.upper())
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE, DOUBLES}
    assert MIDDLE.upper() in verdict.failing(COVERAGE).summary
    assert verdict.failing(DOUBLES).table[0]["key"] == MIDDLE.lower()


def test_a_foreign_row_inside_the_range_stays_red(world: World) -> None:
    """A row that nobody loaded is extra and named; no repair is offered for it."""
    add_copy(world, "externalOpp0001500a")
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE}
    coverage = verdict.failing(COVERAGE)
    assert dict(coverage.table[0]) == {
        "what": "extra",
        "first": "externalOpp0001500a",
        "last": "externalOpp0001500a",
        "rows": 1,
    }
    assert [verdict.failing(check).repair for check in (COUNT, STAGE, COVERAGE)] == ["", "", ""]
    for mode in ("missing", "changed"):
        repair_sends(world, mode, [])
    assert world.audit().failed() == {COUNT, STAGE, COVERAGE}


def test_a_foreign_row_for_a_lost_one_is_not_hidden_by_equal_counts(world: World) -> None:
    """Count and distribution agree again, the keys do not."""
    add_copy(world, "externalOpp0001500a")
    delete(world, [MIDDLE])
    verdict = world.audit()
    assert verdict.failed() == {COVERAGE}
    repair_sends(world, "missing", [MIDDLE])


def test_a_row_deleted_in_the_source_only_warns(world: World) -> None:
    """What we landed and the source no longer has is labelled, not called a fault."""
    world.org.sql(COPY_SOURCE, store="data_cloud")
    try:
        world.org.sql(
            f'DELETE FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" = \'{MIDDLE}\'',
            store="data_cloud",
        )
        verdict = world.audit()
    finally:
        world.org.sql(RESTORE_SOURCE, store="data_cloud")
    assert (verdict.failed(), verdict.warned()) == (set(), {COUNT, STAGE, COVERAGE})
    assert "1 deleted in source" in verdict.failing(COVERAGE).summary
    assert "1 deleted in source" in verdict.failing(COUNT).summary
    assert MIDDLE in verdict.failing(COVERAGE).summary


def test_each_partition_tells_of_its_own_rows(thirds: World) -> None:
    """Ends of partitions and a change in another one: each is found where it belongs."""
    gone = ids(1, 1000, 1001, 3000)
    delete(thirds, gone)
    change(thirds, '"Amount" = "Amount" - 0.01')
    verdict = thirds.audit()
    missing = {o.partition_key: o.unexplained for o in verdict.outcomes if o.check == COVERAGE}
    assert missing == {"r1-01": 2, "r1-02": 1, "r1-03": 1}
    assert verdict.failing(VALUES).partition_key == "r1-02"
    repair_sends(thirds, "missing", gone)
    repair_sends(thirds, "changed", [MIDDLE])
    assert thirds.audit().is_green()


def test_an_id_in_another_case_is_found_by_some_partition(thirds: World) -> None:
    """By bytes an upper-case id lies elsewhere than an org says; still it is a double of ours."""
    add_copy(thirds, MIDDLE.upper())
    verdict = thirds.audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE, DOUBLES}
    assert verdict.failing(DOUBLES).table[0]["key"] == MIDDLE.lower()
