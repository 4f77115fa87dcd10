"""The parents of an org as its users know them."""
# ruff: noqa: S608  names come from the schema file and from seed.yaml

from __future__ import annotations

from dc_assets.emulator.engines.lock_keys import parents_of
from dc_assets.emulator.org.background import Population
from dc_assets.emulator.seed import parent_column
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.duck import quoted


def population(core: CoreStore, data_cloud: DataCloudStore) -> Population:
    """All records that can be a parent; they are as popular as the seeded source names them."""
    objects = [item for item in core.schema.stored if not item.is_setup]
    referred = {name for item in objects for field in item.fields for name in field.refers_to}
    parents = [key for item in objects if item.name in referred for key in parents_of(item, core)]
    return Population(parents, _named(core, data_cloud, frozenset(parents)))


def _named(core: CoreStore, data_cloud: DataCloudStore, known: frozenset[str]) -> list[str]:
    """One entry for each row of the seeded source that names a parent."""
    column = parent_column()
    item = core.schema.whole(column.parent)
    field = item.field(column.key) if item is not None else None
    if item is None or field is None:
        return []
    if column.column not in data_cloud.objects().get(column.source, {}):
        return []
    sql = (
        f"SELECT {field.folded(quoted(column.column))}, count(*) FROM {quoted(column.source)} "
        f"WHERE {quoted(column.column)} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    named: list[str] = []
    with data_cloud.database.session() as session:
        for text, count in session.rows(sql):
            key = f"{item.name}.{field.name}:{text}"
            if key in known:
                named += [key] * int(count)
    return named
