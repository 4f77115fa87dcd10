"""The audit of a whole object, in one process, against an emulated org."""

from __future__ import annotations

import dagster as dg
import pytest

from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.audit import audit_asset
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets_tests.acceptance.stage import Stage
from dc_assets_tests.orchestration.test_checks import (
    Evaluations,
    own_settings,
    salesforce_of,
    settings,
)

pytestmark = pytest.mark.acceptance


def audited(stage: Stage) -> tuple[bool, Evaluations]:
    """Materialize the audit asset alone."""
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")
    with (
        settings(own_settings(stage)),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        result = dg.materialize(
            [audit_asset(PlacedLoad(spec))],
            resources={"salesforce": salesforce_of(stage)},
            instance=instance,
            raise_on_error=False,
        )
    return result.success, {e.check_name: e for e in result.get_asset_check_evaluations()}


def test_the_audit_explains_refused_rows_and_finds_a_stranger(stage: Stage) -> None:
    """One refused row warns; a record whose id lies in no source row fails the audit by name."""
    assert stage.run("run", "--local").code == 3
    green, evaluations = audited(stage)
    assert green
    coverage = evaluations["no_coverage_gaps"]
    assert (coverage.passed, coverage.severity) == (False, dg.AssetCheckSeverity.WARN)
    stage.org.sql(
        'update "Opportunity" set "External_ID__c" = \'zz-stranger\' where '
        "\"External_ID__c\" = 'externalOpp0000001'"
    )
    green, evaluations = audited(stage)
    assert not green
    coverage = evaluations["no_coverage_gaps"]
    assert coverage.severity is dg.AssetCheckSeverity.ERROR
    summary = str(coverage.metadata["summary"].value)
    assert "externalOpp0000001" in summary
    assert "zz-stranger" in summary
