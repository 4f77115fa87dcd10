"""Asset checks of a load: both sides are asked, partition by partition.

Partitioned checks are a preview feature of Dagster 1.13; this factory is the only place that makes
them. `build_asset_check_context` knows no partition, so the logic is in `load.reconcile`.
"""

import warnings
from collections.abc import Iterator, Sequence

import dagster as dg

from dc_assets.core.spec import LoadSpec, check_name
from dc_assets.core.verdicts import Severity, ValueCount, worst
from dc_assets.load.reconcile import BothSides
from dc_assets.orchestration.assets import POOL, partitions_of
from dc_assets.orchestration.failures import in_one_sentence
from dc_assets.orchestration.resources import SalesforceResource

ROW_COUNT = "row_count_matches"


def load_checks(spec: LoadSpec) -> dg.AssetChecksDefinition:
    """Make the checks of one spec; they share one connection and run with every materialization."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)

        @dg.multi_asset_check(
            specs=_check_specs(spec), can_subset=True, pool=POOL, name=f"{spec.name}_checks"
        )
        def checks(
            context: dg.AssetCheckExecutionContext, salesforce: SalesforceResource
        ) -> Iterator[dg.AssetCheckResult]:
            wanted = [key.name for key in context.selected_asset_check_keys]
            with (
                in_one_sentence(),
                salesforce.open(spec, run_id=context.run.run_id, note=context.log.info) as opened,
            ):
                yield from evaluate(opened.both_sides, context.partition_key, wanted)

        return checks


def _check_specs(spec: LoadSpec) -> list[dg.AssetCheckSpec]:
    descriptions = {ROW_COUNT: "Data Cloud and Core hold the same number of rows of the range"}
    for field in spec.checks.distributions:
        descriptions[check_name(field)] = f"Both sides count the same rows for each {field}"
    return [
        dg.AssetCheckSpec(
            name,
            asset=spec.asset_name,
            description=description,
            blocking=True,
            partitions_def=partitions_of(spec),
        )
        for name, description in descriptions.items()
    ]


def evaluate(
    both_sides: BothSides, partition_key: str, wanted: Sequence[str]
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the wanted checks of one partition."""
    spec = both_sides.spec
    if ROW_COUNT in wanted:
        counts = both_sides.row_count(partition_key)
        yield _result(
            spec,
            ROW_COUNT,
            counts.severity,
            {
                "summary": counts.sentence,
                "source rows": counts.source_rows,
                "target rows": counts.target_rows,
                "refused": counts.refused,
                "unexplained": counts.unexplained,
            },
        )
    for field in spec.checks.distributions:
        if check_name(field) in wanted:
            values = both_sides.distribution(partition_key, field)
            yield _result(spec, check_name(field), worst(values), _distribution(field, values))


def _distribution(field: str, values: list[ValueCount]) -> dict[str, dg.MetadataValue]:
    unequal = sum(1 for value in values if value.counts.unexplained)
    rows = [
        dg.TableRecord(
            {
                field: "(null)" if value.value is None else value.value,
                "source rows": value.counts.source_rows,
                "target rows": value.counts.target_rows,
                "refused": value.counts.refused,
                "unexplained": value.counts.unexplained,
            }
        )
        for value in values
    ]
    return {
        "summary": dg.MetadataValue.text(f"{len(values)} values, {unequal} with unexplained rows"),
        "distribution": dg.MetadataValue.table(rows),
        "unexplained": dg.MetadataValue.int(sum(v.counts.unexplained for v in values)),
    }


def _result(
    spec: LoadSpec,
    name: str,
    severity: Severity,
    metadata: dict[str, dg.MetadataValue] | dict[str, str | int],
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_name,
        check_name=name,
        passed=severity is Severity.PASSED,
        severity=dg.AssetCheckSeverity.ERROR
        if severity is Severity.ERROR
        else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
