"""What a Data Cloud tenant says of one object: columns with their kinds, and primary keys.

Source: "Metadata API" of the Data 360 Query documentation: ``GET /api/v1/metadata?entityName=``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from dc_assets.core.errors import ConfigError, HostRefuses, RejectedRequest, RemoteError
from dc_assets.core.first_spec.names import is_made_by_data_cloud
from dc_assets.core.value_kinds import ValueKind, kind_in_metadata, kind_in_sql
from dc_assets.load.preflight.findings import meant
from dc_assets.salesforce.data_pages import PagedQueries
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.source_queries import no_columns_of
from dc_assets.salesforce.tenant_answers import Entities, Entity, EntityList

METADATA_URL = "/api/v1/metadata"


@dataclass(frozen=True, slots=True)
class DescribedSource:
    """One object of a tenant.

    Attributes:
        kinds: of its columns, spelt as the metadata spells them.
        primary_keys: empty where the tenant does not say them.
    """

    kinds: Mapping[str, ValueKind]
    primary_keys: tuple[str, ...]


def described_source(tenant: Host, name: str) -> DescribedSource:
    """Ask the tenant for an object; its types are those of a query, else those of the metadata.

    Raises:
        ConfigError: there is no such object that our user can see.
    """
    entity = _entity(tenant, name)
    try:
        types = PagedQueries(tenant).types(no_columns_of(name))
    except HostRefuses:
        raise
    except RejectedRequest as error:
        hint = object_meant(tenant, name) or "Correct --source, or say the data space it is in."
        raise ConfigError(f"Data Cloud does not show {name}: {error}. {hint}") from error
    told = {one.name: one for one in (entity.fields_ or ())} if entity else {}
    spelt = {field.casefold(): field for field in told}
    kinds: dict[str, ValueKind] = {
        spelt.get(column.casefold(), column): kind_in_sql(of) for column, of in types.items()
    }
    for column, kind in kinds.items():
        if kind == "unknown" and column in told:
            kinds[column] = kind_in_metadata(told[column].type or told[column].business_type or "")
    named = (entity.primary_keys or ()) if entity else ()
    keys = [spelt.get(one.name.casefold(), one.name) for one in named]
    return DescribedSource(
        kinds, tuple(key for key in keys if key in kinds and not is_made_by_data_cloud(key))
    )


def _entity(tenant: Host, name: str) -> Entity | None:
    """Return what the metadata says of an object; a tenant that does not tell is no obstacle."""
    with suppress(RemoteError):
        found = tenant.ask("GET", METADATA_URL, Entities, params={"entityName": name}).metadata
        return next((one for one in found if one.name.casefold() == name.casefold()), None)
    return None


def object_meant(tenant: Host, name: str) -> str:
    """Return a hint at the object that was probably meant; "" without one."""
    with suppress(RemoteError):
        names = [one.name for one in tenant.ask("GET", METADATA_URL, EntityList).metadata]
        hint = meant(name, names)
        return "" if name in names or hint == "." else f"D{hint.removeprefix('; d')}"
    return ""
