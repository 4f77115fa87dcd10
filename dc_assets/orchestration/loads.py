"""All definitions of the loads of a folder, of any number and any partitions."""

import logging
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
            made[file] = definitions_of_load(spec)
        except (ConfigError, dg.DagsterError) as error:
            broken[file] = f"{file}: {error}"
    for sentence in broken.values():
        _LOG.warning("A load is absent, because its spec is broken: %s", printable(sentence))
    specs = [folder.specs[file] for file in made]
    return dg.Definitions.merge(
        *made.values(),
        stand_ins(broken),
        dg.Definitions(
            sensors=[reaper(specs), notifier(specs)],
            resources={"salesforce": SalesforceResource()},
            executor=dg.in_process_executor,  # a process for each step only costs time
        ),
    )


def definitions_of_load(spec: LoadSpec) -> dg.Definitions:
    """Return what Dagster has to know of one load.

    Raises:
        ConfigError: refresh.cron is no cron line.
        dg.DagsterError: Dagster refuses the spec for a reason of its own.
    """
    job, sensor, schedule = refresh_of(spec)
    return dg.Definitions(
        assets=[load_asset(spec), audit_asset(spec)],
        asset_checks=[load_checks(spec)],
        jobs=[job],
        sensors=[sensor],
        schedules=[schedule],
    )
