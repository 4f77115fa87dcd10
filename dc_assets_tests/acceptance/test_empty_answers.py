"""The story of the 387,415: a source that answers with no rows although it has some.

The system before this one took the first empty answer for the end, and was green.
"""

from __future__ import annotations

import dagster as dg
import pytest

from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.checks import load_checks
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets_tests.acceptance.stage import Stage, StageMaker
from dc_assets_tests.orchestration.test_checks import own_settings, salesforce_of, settings

pytestmark = pytest.mark.acceptance

ROWS = 400
EARLY = {"what": "empty_answer", "rows": 70, "times": 1, "after": 1}
SILENT = {"what": "empty_answer", "times": 10_000, "after": 2}
"""The first query for rows is the look whether all columns are there."""


@pytest.fixture
def stage(stage_of: StageMaker) -> Stage:
    """An org with two partitions of 200 rows each; waits pass quickly."""
    stage = stage_of(rows=ROWS, partitions=2)
    stage.environment["DC_ASSETS_TIME_SCALE"] = "50"
    return stage


def test_an_early_end_once_loses_no_row(stage: Stage) -> None:
    """The count says what is missing, and it is fetched."""
    stage.org.tell("faults", faults=[EARLY])
    done = stage.run("run", "--local")
    assert done.code == 0, done.out + done.err
    assert "70 rows were read, the source counts 200" in " ".join(done.err.split())
    assert stage.org.core_ids() == stage.ids


def test_an_early_end_for_ever_is_named_with_its_rows_and_range(stage: Stage) -> None:
    """Nothing of the range is sent, status says that it is not done, and lifted it completes."""
    stage.org.tell("faults", faults=[EARLY, SILENT])
    done = stage.run("run", "--local")
    assert done.code == 4
    said = " ".join(done.err.split())
    assert "Range (first .. 'externalOpp0000200'] of ExtOpportunities__dlm" in said
    assert "0 rows were read, 200 are counted: 200 rows are missing" in said
    assert "70 rows were read, the source counts 200" in " ".join(done.err.split())
    assert stage.org.core_ids() == []
    assert stage.run("status").code == 4
    stage.org.tell("faults", faults=[])
    assert stage.run("run", "--local").code == 0
    assert stage.org.core_ids() == stage.ids


def test_an_early_end_for_ever_is_never_green_in_dagster(stage: Stage) -> None:
    """The partition's run is a failure, and nothing of it was sent."""
    stage.org.tell("faults", faults=[EARLY, SILENT])
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")
    with (
        settings({**own_settings(stage), "DC_ASSETS_TIME_SCALE": "50"}),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        result = dg.materialize(
            [load_asset(PlacedLoad(spec)), load_checks(PlacedLoad(spec))],
            partition_key="r1-01",
            resources={"salesforce": salesforce_of(stage)},
            instance=instance,
            raise_on_error=False,
        )
        assert instance.get_materialized_partitions(dg.AssetKey(spec.asset_name)) == set()
    assert not result.success
    assert result.get_asset_check_evaluations() == []
    assert stage.org.calls("create") == 0
