"""The audit of a whole object: an asset of its own, run by hand or after a backfill.

The checks of the partitions see what lies in a range. This one sees all ids at once, so that a
record whose id an org sorts into no range is found too.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dc_assets.core.checks import check_descriptions
from dc_assets.core.printable import markdown_code, printable
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import verdict_of_checks
from dc_assets.orchestration.assets import POOL
from dc_assets.orchestration.checks import result_of
from dc_assets.orchestration.failures import in_one_sentence
from dc_assets.orchestration.resources import SalesforceResource


def audit_asset(spec: LoadSpec) -> dg.AssetsDefinition:
    """Make the audit asset of one spec; unexplained rows make its run fail."""
    name = f"{spec.name}_audit"

    @dg.asset(
        name=name,
        deps=[spec.asset_name],
        pool=POOL,
        group_name="audits",
        kinds={"salesforce"},
        description=f"Compares all of {markdown_code(spec.source.place)} with all of "
        f"{markdown_code(spec.target.object)}.",
        check_specs=[
            dg.AssetCheckSpec(check, asset=name, description=description, blocking=True)
            for check, description in check_descriptions(spec).items()
        ],
    )
    def asset(
        context: dg.AssetExecutionContext, salesforce: SalesforceResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with (
            in_one_sentence(),
            salesforce.open(spec, run_id=context.run.run_id, log=context.log) as opened,
        ):
            outcomes = list(opened.audit_of_all().outcomes())
        verdict = verdict_of_checks(outcomes, list(check_descriptions(spec))).text
        yield dg.MaterializeResult(
            metadata={
                "verdict": printable(verdict),
                **{outcome.check: printable(outcome.summary) for outcome in outcomes},
            },
            check_results=[result_of(name, outcome, verdict) for outcome in outcomes],
        )

    return asset
