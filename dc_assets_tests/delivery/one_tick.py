"""One tick of the sensor in a process of its own, on the ledger of the environment."""

from __future__ import annotations

import dagster as dg

from dc_assets.orchestration.loads import build_load_defs
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.orchestration.sensors import notifier
from dc_assets_tests.fakes.ledgers import SPEC

if __name__ == "__main__":
    ours = dg.Definitions.merge(
        build_load_defs([SPEC]), dg.Definitions(resources={"salesforce": SalesforceResource()})
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = notifier(dg.build_sensor_context(instance=instance, definitions=ours))
    assert isinstance(result, dg.SensorResult)
    print(result.skip_reason)  # noqa: T201 - for the test that started us
