"""The spec that writes records back as an org had them: what a snapshot holds, and how it lands."""

from __future__ import annotations

from dc_assets.core.errors import ConfigError
from dc_assets.core.source_spec import SourceSpec
from dc_assets.core.spec import ChecksSpec, ColumnSpec, LoadSpec
from dc_assets.core.target_fields import TargetDescription

RECORD_ID = "Id"


def record_ids_spec(spec: LoadSpec) -> LoadSpec:
    """Return the spec that reads the record id of each external id, and nothing else.

    Records that `target.scope` leaves out are read too, as an upsert would find them.
    """
    key = spec.column(source=spec.source.key)
    return spec.model_copy(
        update={
            "source": spec.source.model_copy(update={"parent": None}),
            "target": spec.target.model_copy(update={"scope": None}),
            "columns": (key, ColumnSpec(source=RECORD_ID, target=RECORD_ID)),
            "checks": ChecksSpec(),
        }
    )


def restoring_spec(spec: LoadSpec, described: TargetDescription) -> LoadSpec:
    """Return the spec that reads and writes back the fields that a spec fills.

    Each column has one name on both sides. Parents are named by record id: a parent without the
    external id that the load names it by is kept too. Values are taken as they stand, blanks
    included, and a null clears its field. Records that `target.scope` leaves out are read too: an
    upsert overwrites them all the same.

    Raises:
        ConfigError: our user does not see the lookup field of a relationship.
    """
    names = {column.target: _written(column.target, described) for column in spec.columns}
    columns = {RECORD_ID: ColumnSpec(source=RECORD_ID, target=RECORD_ID)}
    for column in spec.columns:
        name = names[column.target]
        columns[name] = ColumnSpec(source=name, target=name, type=column.type, blanks="exact")
    parent = spec.parent_target
    return LoadSpec(
        name=spec.name,
        source=SourceSpec(
            files="snapshot", key=spec.target.external_id, parent=parent and names[parent]
        ),
        target=spec.target.model_copy(update={"scope": None}),
        columns=tuple(columns.values()),
        partitions=spec.partitions,
        checks=ChecksSpec(distributions=tuple(names[one] for one in spec.checks.distributions)),
        profile=spec.profile,
        limits=spec.limits,
        time_zone=spec.time_zone,
    )


def _written(target: str, described: TargetDescription) -> str:
    """Return the field of the object itself that a column fills."""
    filled = described.filled_by(target)
    if not filled.path.relationship:
        return target
    if filled.field is None:
        raise ConfigError(
            f"{target} leads through a lookup field that our user does not see, so what it holds "
            "cannot be saved. Give the Run As user read access to it, or run without --snapshot."
        )
    return filled.field.name
