"""A bare asset with a partition and seven checks that pass: what Dagster itself takes for a run."""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

CHECKS = [f"check_{number}" for number in range(1, 8)]
PARTITIONS = dg.StaticPartitionsDefinition(["only"])


@dg.asset(partitions_def=PARTITIONS)
def bare() -> dg.MaterializeResult[Any]:
    """Do nothing."""
    return dg.MaterializeResult(metadata={"landed": 10})


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.PreviewWarning)

    @dg.multi_asset_check(
        specs=[dg.AssetCheckSpec(name, asset=bare, partitions_def=PARTITIONS) for name in CHECKS]
    )
    def bare_checks() -> Iterator[dg.AssetCheckResult]:
        """Pass."""
        for name in CHECKS:
            yield dg.AssetCheckResult(asset_key="bare", check_name=name, passed=True)


defs = dg.Definitions(assets=[bare], asset_checks=[bare_checks], executor=dg.in_process_executor)
