"""Asset checks of a load: both sides are asked, partition by partition.

Partitioned checks are a preview feature of Dagster 1.13; this factory is the only place that makes
them. `build_asset_check_context` knows no partition, so the logic is in `load.reconcile`.
"""

import warnings
from collections.abc import Iterator, Mapping

import dagster as dg

from dc_assets.core.checks import OUTCOME, check_descriptions
from dc_assets.core.errors import ConfigError
from dc_assets.core.printable import printable
from dc_assets.core.standing import verdict_of_checks
from dc_assets.core.verdicts import CheckOutcome, Severity, ValueCount
from dc_assets.orchestration.assets import partitions_of
from dc_assets.orchestration.failures import in_one_sentence
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.resources import salesforce_of
from dc_assets.orchestration.tables import table_of


def load_checks(placed: PlacedLoad) -> dg.AssetChecksDefinition:
    """Make the checks of one load; they share one connection and run with every materialization."""
    spec, options = placed.spec, placed.options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)

        @dg.multi_asset_check(
            specs=_check_specs(placed),
            can_subset=True,
            pool=options.pool,
            name=placed.named("checks"),
            required_resource_keys={options.resource_key},
        )
        def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
            wanted = [key.name for key in context.selected_asset_check_keys]
            with (
                in_one_sentence(),
                salesforce_of(context.resources, options).open(
                    spec, run_id=context.run.run_id, log=context.log
                ) as opened,
            ):
                outcomes = opened.checked(_partition_of(context, placed), wanted)
            verdict = verdict_of_checks(outcomes, wanted).text
            for outcome in outcomes:
                yield result_of(placed.asset_key, outcome, verdict)

        return checks


def _partition_of(context: dg.AssetCheckExecutionContext, placed: PlacedLoad) -> str:
    """Return the partition of the run.

    Raises:
        ConfigError: it has none: somebody clicked `Execute all` on the Checks tab.
    """
    if not context.has_partition_key:
        raise ConfigError(
            "These checks look at one partition, and this run names none. To check them all: "
            f"dc-assets reconcile {placed.spec.name}. In the UI materialize "
            f"{placed.audit_key.to_user_string()}, which compares the whole object."
        )
    return context.partition_key


def _check_specs(placed: PlacedLoad) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name,
            asset=placed.asset_key,
            description=description,
            blocking=True,
            partitions_def=partitions_of(placed.spec),
        )
        for name, description in check_descriptions(placed.spec).items()
    ]


def result_of(asset: dg.AssetKey, outcome: CheckOutcome, verdict: str) -> dg.AssetCheckResult:
    """Say it in Dagster's words: explained rows warn, unexplained ones and no answer are errors."""
    metadata: dict[str, dg.MetadataValue] = {
        "verdict": dg.MetadataValue.text(printable(verdict)),
        OUTCOME: dg.MetadataValue.text(outcome.severity.value),
        "summary": dg.MetadataValue.text(printable(outcome.summary)),
        "unexplained": dg.MetadataValue.int(outcome.unexplained),
    }
    if outcome.values:
        metadata["values"] = table_of([_record(v) for v in outcome.values])
        counts = [value.counts for value in outcome.values]  # numbers plot, tables do not
        metadata["source rows"] = dg.MetadataValue.int(sum(c.source_rows for c in counts))
        metadata["target rows"] = dg.MetadataValue.int(sum(c.target_rows for c in counts))
        metadata["refused"] = dg.MetadataValue.int(sum(c.refused for c in counts))
    if outcome.table:
        metadata["found"] = table_of(outcome.table)
    if outcome.rewritten:
        rewritten = outcome.rewritten.items()
        metadata["rewritten"] = table_of([{"what": what, "values": n} for what, n in rewritten])
    if outcome.evidence:
        metadata["all of it"] = dg.MetadataValue.path(printable(outcome.evidence))
    if outcome.repair:
        metadata["repair"] = dg.MetadataValue.text(printable(outcome.repair))
    is_good = outcome.severity.is_good
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=outcome.check,
        passed=outcome.severity is Severity.PASSED,
        severity=dg.AssetCheckSeverity.WARN if is_good else dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )


def _record(value: ValueCount) -> Mapping[str, str | int]:
    return {
        "value": "(null)" if value.value is None else value.value,
        "source rows": value.counts.source_rows,
        "target rows": value.counts.target_rows,
        "refused": value.counts.refused,
        "unexplained": value.counts.unexplained,
    }
