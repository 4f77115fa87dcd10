"""All definitions of some loads, of any number and any partitions."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from dc_assets.core.asserts import refuse_without_asserts
from dc_assets.core.errors import ConfigError
from dc_assets.core.load_order import LoadOrder, order_of
from dc_assets.core.printable import printable
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import SpecFolder, read_files, read_folder
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.audit import audit_asset
from dc_assets.orchestration.broken_specs import stand_ins
from dc_assets.orchestration.checks import load_checks
from dc_assets.orchestration.lineage import source_assets, source_key
from dc_assets.orchestration.placing import POOL, LoadOptions, PlacedLoad
from dc_assets.orchestration.refresh import refresh_of
from dc_assets.orchestration.sensors import notifier, reaper

_LOG = logging.getLogger("dagster.dc_assets")


def build_load_defs(
    specs: Sequence[LoadSpec] | Path | str,
    *,
    resource_key: str = "salesforce",
    key_prefix: Sequence[str] = (),
    group_name: str | None = None,
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    automation_condition: dg.AutomationCondition[Any] | None = None,
    pool: str = POOL,
) -> dg.Definitions:
    """Return the definitions of some loads, to be merged with those of a project.

    ```python
    from pathlib import Path

    import dagster as dg
    from dc_assets import SalesforceResource, build_load_defs

    defs = dg.Definitions.merge(
        build_load_defs(Path(__file__).parent / "loads", resource_key="crm", key_prefix=["crm"]),
        dg.Definitions(resources={"crm": SalesforceResource()}),
    )
    ```

    For a spec `opportunities` that is: the asset `crm/opportunities_in_core`, with a partition for
    each id range and its checks; the asset `crm/opportunities_audit`; and, stopped until somebody
    starts them, job, sensor and schedule of its refresh. Two sensors look after all loads of the
    code location and are in it once, however often this is called: `reaper` fails dead runs,
    `notifier` tells people. Nothing else is in it: executor and resource are the project's own.

    Args:
        specs: the specs; or the folder of their files, or one file. A file that is no load takes
            nothing down: in place of its asset stands a red one, which says why. Loads of one call
            know their order: parents before children.
        resource_key: under it the project gives a `SalesforceResource`. Calls with different ones
            load into different orgs, by specs of other names: the ledger knows a load by its name,
            and holds it to the org of its first load.
        key_prefix: stands before the key of each asset, and before the names of jobs, sensors and
            schedules.
        group_name: of loads and audits; without it they are in `loads` and in `audits`.
        owners: of the assets, as Dagster has them: `ada@example.com` or `team:crm`.
        tags: of the assets.
        automation_condition: when Dagster loads a partition by itself. Such a run sends the rows
            that differ, as a refresh does; leave one of the two stopped.
        pool: the pool of all steps that talk to the org. Its limit is that of runs at a time.

    Raises:
        ConfigError: a spec that was made in Python has no place in the order of loads, or its
            refresh.cron is no cron line; or there is no spec at the path.
        dg.DagsterError: Dagster refuses such a spec, an owner, a tag or a name.
    """
    refuse_without_asserts()
    options = LoadOptions(
        resource_key, key_prefix, group_name, owners, tags or {}, automation_condition, pool
    )
    if isinstance(specs, str | Path):
        path = Path(specs)
        is_file = path.suffix == ".yaml"
        return definitions_of(read_files([path]) if is_file else read_folder(path), options)
    return _merged(
        placed_in_order([PlacedLoad(spec, options) for spec in specs]), source_assets(specs)
    )


def definitions_of(
    folder: SpecFolder, options: LoadOptions, *, know_all: bool = False
) -> dg.Definitions:
    """Return the definitions of spec files; ``know_all`` if the code location has no other loads.

    A spec that Dagster refuses is broken like one that cannot be read; the log names each.
    """
    made: list[dg.Definitions] = []
    specs: list[LoadSpec] = []
    broken = dict(folder.broken)
    loads = [
        PlacedLoad(spec, options, read_from=str(file.absolute().parent))
        for file, spec in folder.specs.items()
    ]
    order = order_of(list(folder.specs.values()))
    files = {spec.name: file for file, spec in folder.specs.items()}
    broken |= {files[name]: f"{files[name]}: {why}" for name, why in order.broken.items()}
    for placed in _in_order(order, loads):
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
        stand_ins(broken, options.key_prefix),
        dg.Definitions(assets=source_assets(specs, know_all=know_all), sensors=[reaper, notifier]),
    )


def definitions_of_one(name: str, loads: Sequence[PlacedLoad]) -> dg.Definitions:
    """Return the definitions of one of the loads of a project, each of which is asked for.

    Parents are loads by the same resource: in another org they would be no parents. A source that
    several read belongs to the first of them: Dagster takes two definitions of it
    for one only if they are equal, and it marks what each component gives.

    Raises:
        ConfigError: a load has no place in the order of loads, or refresh.cron is no cron line.
        dg.DagsterError: Dagster refuses the spec for a reason of its own.
    """
    readers: dict[dg.AssetKey, str] = {}
    for one in loads:
        readers.setdefault(source_key(one.spec.source), one.spec.name)
    sources = source_assets([one.spec for one in loads], know_all=True)
    keys = {one.options.resource_key for one in loads if one.spec.name == name}
    of_org = [one for one in loads if one.options.resource_key in keys]
    return _merged(
        [one for one in placed_in_order(of_org) if one.spec.name == name],
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
