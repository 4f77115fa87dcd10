"""An operator's order to stop, as a run in Dagster meets it."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets_tests.acceptance.stage import Stage
from dc_assets_tests.acceptance.test_kill import kill_in_mid_run
from dc_assets_tests.orchestration.test_checks import own_settings, salesforce_of, settings

pytestmark = pytest.mark.acceptance


def loads(stage: Stage, **config: object) -> bool:
    """Materialize the first partition; tell whether it succeeded."""
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")
    ops: dict[str, Any] = {spec.asset_name: {"config": config}}
    with settings(own_settings(stage)), dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [load_asset(PlacedLoad(spec))],
            partition_key="r1-01",
            resources={"salesforce": salesforce_of(stage)},
            run_config={"ops": ops},
            instance=instance,
            raise_on_error=False,
        ).success


def test_a_stopped_load_goes_on_in_the_ui_only_when_told_so(stage: Stage) -> None:
    """Queued runs and retries fail at once; whoever says after_stop takes the order back."""
    kill_in_mid_run(stage, "results", "before")
    assert stage.run("stop").code == 0
    before = stage.org.calls("create")
    assert not loads(stage)
    assert stage.org.calls("create") == before
    assert loads(stage, after_stop=True)
    assert stage.org.core_ids()[:30] == stage.ids[:30]
