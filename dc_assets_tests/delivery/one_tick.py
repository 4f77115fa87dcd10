"""One tick of the sensor in a process of its own, on the ledger of the environment."""

from __future__ import annotations

import dagster as dg

from dc_assets.orchestration.sensors import notifier
from dc_assets_tests.fakes.ledgers import SPEC

if __name__ == "__main__":
    with dg.DagsterInstance.ephemeral() as instance:
        result = notifier([SPEC])(dg.build_sensor_context(instance=instance))
    assert isinstance(result, dg.SensorResult)
    print(result.skip_reason)  # noqa: T201 - for the test that started us
