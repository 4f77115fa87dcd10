"""Where a load stands among the assets of a code location: keys, names, group and resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.metadata.metadata_value import ObjectMetadataValue

from dc_assets.core.errors import ConfigError
from dc_assets.core.load_order import may_share_org
from dc_assets.core.spec import LoadSpec
from dc_assets.wiring.place import LOAD, place_of

POOL = "salesforce"
"""Runs of all loads share it; its limit is `concurrency.pools.default_limit` of dagster.yaml."""

LOADS_GROUP, AUDITS_GROUP = "loads", "audits"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a project decides of the definitions of its loads.

    Attributes:
        resource_key: key of the `SalesforceResource` that their runs and sensors take.
        key_prefix: stands before the key of each asset, and before the names of what starts it.
        group_name: group of loads and audits; without it they are in `loads` and `audits`.
        pool: the pool that their runs share.
        automation_condition: when Dagster materializes a partition by itself.
    """

    resource_key: str = "salesforce"
    key_prefix: Sequence[str] = ()
    group_name: str | None = None
    owners: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    automation_condition: dg.AutomationCondition[Any] | None = None
    pool: str = POOL


@dataclass(frozen=True, slots=True)
class PlacedLoad:
    """One spec, and what a project decided of its definitions.

    Attributes:
        parents: the loads that are complete before this one begins.
        read_from: folder of the spec's file, "" if it was made in Python.
    """

    spec: LoadSpec
    options: LoadOptions = LoadOptions()
    parents: Sequence[PlacedLoad] = ()
    read_from: str = ""

    @property
    def asset_key(self) -> dg.AssetKey:
        """Key of the asset whose partitions are loaded."""
        return dg.AssetKey([*self.options.key_prefix, self.spec.asset_name])

    @property
    def audit_key(self) -> dg.AssetKey:
        """Key of the asset that compares the whole object."""
        return dg.AssetKey([*self.options.key_prefix, f"{self.spec.name}_audit"])

    @property
    def op_name(self) -> str:
        """Name of the step that loads, under which its run config stands."""
        return self.asset_key.to_python_identifier()

    @property
    def page(self) -> str:
        """Path of what the checks say in Dagster's UI."""
        return f"assets/{'/'.join(self.asset_key.path)}?view=checks"

    def named(self, kind: str) -> str:
        """Return the name of a job, sensor, schedule or step of the load."""
        key = dg.AssetKey([*self.options.key_prefix, f"{self.spec.name}_{kind}"])
        return key.to_python_identifier()

    @property
    def metadata(self) -> Mapping[str, str | dg.MetadataValue]:
        """What the asset says of the load.

        To the UI and to `dc-assets run` the value of `LOAD` is the load's name; in its own process
        it holds the load itself, by which a sensor finds it.
        """
        return {
            **place_of(self.spec, self.read_from),
            LOAD: ObjectMetadataValue(self.spec.name, instance=self),
        }


def loads_in(repository: dg.RepositoryDefinition | None) -> Sequence[PlacedLoad]:
    """Return all loads of a code location, whoever put them there."""
    return list(_found(repository)) if repository is not None else []


def refuse_namesakes(placed: PlacedLoad, loads: Sequence[PlacedLoad]) -> None:
    """Send nothing of a load whose name another one of the code location has.

    The ledger knows a load by name and org: what was proved of one would count for the other.

    Raises:
        ConfigError: there is one, of another spec, which does not name another org.
    """
    spec = placed.spec
    names = [
        one.asset_key.to_user_string()
        for one in loads
        if one.spec.name == spec.name
        and one.spec.spec_hash != spec.spec_hash
        and may_share_org(one.spec, spec)
    ]
    if names:
        raise ConfigError(
            f"{placed.asset_key.to_user_string()} and {', '.join(names)} are two loads called "
            f"{spec.name}, and the ledger knows a load by its name. Nothing was sent. Give one of "
            "the specs another name; one spec may stand under two prefixes."
        )


def _found(repository: dg.RepositoryDefinition) -> Iterator[PlacedLoad]:
    for key, asset in repository.assets_defs_by_key.items():
        value = asset.metadata_by_key.get(key, {}).get(LOAD)
        if isinstance(value, ObjectMetadataValue) and isinstance(value.instance, PlacedLoad):
            yield value.instance
