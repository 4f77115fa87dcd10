"""All definitions of the loads of a folder, of any number and any partitions."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from dc_assets.core.errors import ConfigError
from dc_assets.core.printable import printable
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import SpecFolder
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.audit import audit_asset
from dc_assets.orchestration.broken_specs import stand_ins
from dc_assets.orchestration.checks import load_checks
from dc_assets.orchestration.placing import POOL, LoadOptions, PlacedLoad
from dc_assets.orchestration.refresh import refresh_of
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.orchestration.sensors import notifier, reaper

_LOG = logging.getLogger("dagster.dc_assets")


def definitions_of(folder: SpecFolder) -> dg.Definitions:
    """Return the definitions of a code location.

    A spec that Dagster refuses is broken like one that cannot be read; the log names each.
    """
    made: dict[Path, dg.Definitions] = {}
    broken = dict(folder.broken)
    for file, spec in folder.specs.items():
        try:
            made[file] = _definitions_of(PlacedLoad(spec))
        except (ConfigError, dg.DagsterError) as error:
            broken[file] = f"{file}: {error}"
    for sentence in broken.values():
        _LOG.warning("A load is absent, because its spec is broken: %s", printable(sentence))
    return dg.Definitions.merge(
        *made.values(),
        stand_ins(broken),
        dg.Definitions(
            sensors=[reaper, notifier],
            resources={"salesforce": SalesforceResource()},
            executor=dg.in_process_executor,  # a process for each step only costs time
        ),
    )


def build_load_defs(
    specs: Sequence[LoadSpec],
    *,
    resource_key: str = "salesforce",
    key_prefix: Sequence[str] = (),
    group_name: str = "loads",
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    automation_condition: dg.AutomationCondition[dg.AssetKey] | None = None,
    pool: str = POOL,
) -> dg.Definitions:
    """Return the definitions of some loads, for a project that has others beside them.

    They hold no executor and no resource: the project gives a `SalesforceResource` under
    ``resource_key``.

    Raises:
        ConfigError: refresh.cron of a spec is no cron line.
        dg.DagsterError: Dagster refuses a spec for a reason of its own.
    """
    options = LoadOptions(
        resource_key, key_prefix, group_name, owners, tags or {}, automation_condition, pool
    )
    return dg.Definitions.merge(
        *(_definitions_of(PlacedLoad(spec, options)) for spec in specs),
        dg.Definitions(sensors=[reaper, notifier]),
    )


def _definitions_of(placed: PlacedLoad) -> dg.Definitions:
    """Return what Dagster has to know of one load.

    Raises:
        ConfigError: refresh.cron is no cron line.
        dg.DagsterError: Dagster refuses the spec for a reason of its own.
    """
    job, sensor, schedule = refresh_of(placed)
    return dg.Definitions(
        assets=[load_asset(placed), audit_asset(placed)],
        asset_checks=[load_checks(placed)],
        jobs=[job],
        sensors=[sensor],
        schedules=[schedule],
    )
