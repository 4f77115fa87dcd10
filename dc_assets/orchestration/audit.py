"""The audit of a whole object: an asset of its own, run by hand or after a backfill.

The checks of the partitions see what lies in a range. This one sees all ids at once, so that a
record whose id an org sorts into no range is found too.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dc_assets.core.checks import check_descriptions
from dc_assets.core.printable import markdown_code, printable
from dc_assets.core.standing import verdict_of_checks
from dc_assets.orchestration.checks import result_of
from dc_assets.orchestration.failures import in_one_sentence
from dc_assets.orchestration.placing import AUDITS_GROUP, PlacedLoad
from dc_assets.orchestration.resources import salesforce_of


def audit_asset(placed: PlacedLoad) -> dg.AssetsDefinition:
    """Make the audit asset of one load; unexplained rows make its run fail."""
    spec, options, key = placed.spec, placed.options, placed.audit_key

    @dg.asset(
        key=key,
        deps=[placed.asset_key],
        pool=options.pool,
        group_name=options.group_name or AUDITS_GROUP,
        owners=options.owners,
        tags=options.tags,
        required_resource_keys={options.resource_key},
        kinds={"salesforce"},
        description=f"Compares all of {markdown_code(spec.source.place)} with all of "
        f"{markdown_code(spec.target.object)}.",
        check_specs=[
            dg.AssetCheckSpec(check, asset=key, description=description, blocking=True)
            for check, description in check_descriptions(spec).items()
        ],
    )
    def asset(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with (
            in_one_sentence(),
            salesforce_of(context.resources, options).open(
                spec, run_id=context.run.run_id, log=context.log
            ) as opened,
        ):
            outcomes = list(opened.audit_of_all().outcomes())
        verdict = verdict_of_checks(outcomes, list(check_descriptions(spec))).text
        yield dg.MaterializeResult(
            metadata={
                "verdict": printable(verdict),
                **{outcome.check: printable(outcome.summary) for outcome in outcomes},
            },
            check_results=[result_of(key, outcome, verdict) for outcome in outcomes],
        )

    return asset
