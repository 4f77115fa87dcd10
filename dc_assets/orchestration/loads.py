"""All definitions of the loads of a folder, of any number and any partitions."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import dagster as dg

from dc_assets.core.errors import ConfigError
from dc_assets.core.load_order import LoadOrder, order_of
from dc_assets.core.printable import printable
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import SpecFolder
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.audit import audit_asset
from dc_assets.orchestration.broken_specs import stand_ins
from dc_assets.orchestration.checks import load_checks
from dc_assets.orchestration.lineage import source_assets, source_key
from dc_assets.orchestration.placing import POOL, LoadOptions, PlacedLoad
from dc_assets.orchestration.refresh import refresh_of
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.orchestration.sensors import notifier, reaper

_LOG = logging.getLogger("dagster.dc_assets")


def definitions_of(folder: SpecFolder) -> dg.Definitions:
    """Return the definitions of a code location.

    A spec that Dagster refuses is broken like one that cannot be read; the log names each.
    """
    made: list[dg.Definitions] = []
    specs: list[LoadSpec] = []
    broken = dict(folder.broken)
    order = order_of(list(folder.specs.values()))
    files = {spec.name: file for file, spec in folder.specs.items()}
    broken |= {files[name]: f"{files[name]}: {why}" for name, why in order.broken.items()}
    for placed in _in_order(order, [PlacedLoad(spec) for spec in folder.specs.values()]):
        try:
            made.append(_definitions_of(placed))
            specs.append(placed.spec)
        except (ConfigError, dg.DagsterError) as error:
            file = files[placed.spec.name]
            broken[file] = f"{file}: {error}"
    for sentence in broken.values():
        _LOG.warning("A load is absent, because its spec is broken: %s", printable(sentence))
    return dg.Definitions.merge(
        *made,
        stand_ins(broken),
        dg.Definitions(
            assets=source_assets(specs, know_all=True),
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
        ConfigError: a load has no place in the order of loads, or refresh.cron is no cron line.
        dg.DagsterError: Dagster refuses a spec for a reason of its own.
    """
    options = LoadOptions(
        resource_key, key_prefix, group_name, owners, tags or {}, automation_condition, pool
    )
    return _merged(
        placed_in_order([PlacedLoad(spec, options) for spec in specs]), source_assets(specs)
    )


def definitions_of_one(name: str, loads: Sequence[PlacedLoad]) -> dg.Definitions:
    """Return the definitions of one of the loads of a project, each of which is asked for.

    A source that several read belongs to the first of them: Dagster takes two definitions of it
    for one only if they are equal, and it marks what each component gives.

    Raises:
        ConfigError: a load has no place in the order of loads, or refresh.cron is no cron line.
        dg.DagsterError: Dagster refuses the spec for a reason of its own.
    """
    readers: dict[dg.AssetKey, str] = {}
    for one in loads:
        readers.setdefault(source_key(one.spec.source), one.spec.name)
    sources = source_assets([one.spec for one in loads], know_all=True)
    return _merged(
        [one for one in placed_in_order(loads) if one.spec.name == name],
        [source for source in sources if readers[source.key] == name],
    )


def _merged(placed: Sequence[PlacedLoad], sources: Sequence[dg.AssetSpec]) -> dg.Definitions:
    return dg.Definitions.merge(
        *map(_definitions_of, placed),
        dg.Definitions(assets=sources, sensors=[reaper, notifier]),
    )


def placed_in_order(loads: Sequence[PlacedLoad]) -> Sequence[PlacedLoad]:
    """Return loads with their parents, which come before them.

    Raises:
        ConfigError: one has no place in the order of loads.
    """
    order = order_of([placed.spec for placed in loads])
    for name, why in order.broken.items():
        raise ConfigError(f"The load {name}: {why}")
    return _in_order(order, loads)


def _in_order(order: LoadOrder, loads: Sequence[PlacedLoad]) -> Sequence[PlacedLoad]:
    """Return the loads, parents before children."""
    by_name = {placed.spec.name: placed for placed in loads}
    placed: dict[str, PlacedLoad] = {}
    for name in order.names:
        parents = [placed[parent] for parent in order.parents[name]]
        placed[name] = replace(by_name[name], parents=parents)
    return list(placed.values())


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
