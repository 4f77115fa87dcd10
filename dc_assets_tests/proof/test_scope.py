"""Records that are not ours: a scope on the target and a condition on the source leave them out."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.world import Content, World, opportunities, total

ROWS = 2_000
FOREIGN = 500
COUNT, STAGE, COVERAGE = (
    "row_count_matches",
    "stage_name_distribution_matches",
    "no_coverage_gaps",
)
OURS = '"AccountExternalId__c" <> \'acc0000001\' OR "AccountExternalId__c" IS NULL'


def content(**target: str) -> Content:
    """Return a spec of two partitions with settings of its target."""
    made = opportunities(ROWS, 2)
    return made | {"target": {**made["target"], **target}}


@pytest.fixture(scope="module")
def loaded(module_folder: Path) -> Generator[Org]:
    """An org with our rows, 500 foreign ones behind them and 500 more among them."""
    with emulated_org(module_folder, "--opportunities", str(ROWS), "--accounts", "5") as org:
        assert total(World.of(org, module_folder / "first", content()).load()).landed == ROWS
        for number, key in enumerate(("'zForeign' || \"Id\"", "\"External_ID__c\" || 'f'")):
            org.sql(
                f'INSERT INTO "Opportunity" SELECT * REPLACE ({key} AS "External_ID__c", '
                f'\'006{number}\' || right("Id", 14) AS "Id", \'Existing Business\' AS "Type") '
                f'FROM "Opportunity" WHERE "Type" IS NULL ORDER BY "External_ID__c" LIMIT {FOREIGN}'
            )
        yield org


def test_foreign_rows_outside_the_scope_leave_all_green(loaded: Org, tmp_path: Path) -> None:
    """A thousand records of somebody else are neither counted, compared nor extra."""
    world = World.of(loaded, tmp_path, content(scope="Type != 'Existing Business'"))
    verdict = world.audit()
    assert verdict.is_green(), verdict.sentences()


def test_a_scope_on_the_id_leaves_only_what_is_outside_it(loaded: Org, tmp_path: Path) -> None:
    """Foreign rows whose ids look like ours are inside such a scope: they stay red, by name."""
    world = World.of(loaded, tmp_path, content(scope="External_ID__c LIKE 'externalOpp%'"))
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE}
    evidence = verdict.evidence(COVERAGE)
    assert set(evidence.get_column("what")) == {"extra"}
    assert evidence.get_column("External_ID__c").to_list() == [
        f"externalOpp{number:07d}f" for number in range(1, FOREIGN + 1)
    ]


def test_without_a_scope_every_foreign_row_is_named(loaded: Org, tmp_path: Path) -> None:
    """Nothing says that they are not ours, so each of them is extra."""
    world = World.of(loaded, tmp_path, content())
    verdict = world.audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE}
    extra = [o.unexplained for o in verdict.outcomes if o.check == COVERAGE]
    assert extra == [FOREIGN, FOREIGN]


def test_a_scope_with_or_stays_one_condition(loaded: Org, tmp_path: Path) -> None:
    """An OR inside the scope does not open the id range."""
    scope = "Type = null OR Type = 'New Business'"
    verdict = World.of(loaded, tmp_path, content(scope=scope)).audit()
    assert verdict.is_green(), verdict.sentences()


def test_the_source_condition_holds_for_every_question(loaded: Org, tmp_path: Path) -> None:
    """Rows the condition leaves out are extra in Core, until the scope leaves them out too."""
    source = opportunities(ROWS, 2)["source"] | {"where": OURS}
    ours = "Type = null"
    verdict = World.of(loaded, tmp_path / "a", content(scope=ours) | {"source": source}).audit()
    assert verdict.failed() == {COUNT, STAGE, COVERAGE}
    narrow = f"{ours} AND Account.External_ID__c != 'acc0000001'"
    verdict = World.of(loaded, tmp_path / "b", content(scope=narrow) | {"source": source}).audit()
    assert verdict.is_green(), verdict.sentences()


def test_a_condition_with_or_stays_one_condition(loaded: Org, tmp_path: Path) -> None:
    """An OR inside source.where does not open the id range."""
    where = "\"StageName__c\" = 'Closed Won' OR \"StageName__c\" <> 'Closed Won'"
    source = opportunities(ROWS, 2)["source"] | {"where": where}
    changed = content(scope="Type = null") | {"source": source}
    verdict = World.of(loaded, tmp_path, changed).audit()
    assert verdict.is_green(), verdict.sentences()
