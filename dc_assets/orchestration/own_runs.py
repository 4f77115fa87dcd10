"""Tells runs of our loads from other runs of a Dagster instance."""

from collections.abc import Sequence

import dagster as dg

from dc_assets.core.spec import LoadSpec


def names_in(run: dg.DagsterRun) -> set[str]:
    """Return the names of the assets that a run was launched on.

    They are empty for a run of a job: then the job says what it works on.
    """
    keys = set(run.asset_selection or ())
    keys |= {check.asset_key for check in run.asset_check_selection or ()}
    return {key.to_user_string() for key in keys}


def spec_of(run: dg.DagsterRun, specs: Sequence[LoadSpec]) -> LoadSpec | None:
    """Return the spec of a run that works on nothing but ours, the first of several; else None."""
    names = names_in(run)
    owners = {name: s for s in specs for name in (s.asset_name, f"{s.name}_audit")}
    if names:
        return owners[min(names)] if names <= owners.keys() else None
    return next((spec for spec in specs if run.job_name == f"{spec.name}_refresh"), None)
