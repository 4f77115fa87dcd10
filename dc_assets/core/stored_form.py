"""What an org can keep of a column's values, where describe says more than the spec."""

from __future__ import annotations

from dc_assets.core.spec import NUMBERS, ColumnSpec, LoadSpec
from dc_assets.core.target_fields import TargetDescription

ROUNDED_TYPES = frozenset({"double", "currency", "percent"})
"""Types of describe of which an org rounds a value to the field's scale. Of an integer field it
refuses decimals instead, so those are sent as they are."""


def as_stored(spec: LoadSpec, described: TargetDescription) -> LoadSpec:
    """Return the spec with the scale of the org's field in each number column that names none.

    The result says what is sent and compared. The identity of a load stays that of the spec.
    """
    columns = tuple(_with_scale(column, described) for column in spec.columns)
    return spec.model_copy(update={"columns": columns})


def _with_scale(column: ColumnSpec, described: TargetDescription) -> ColumnSpec:
    field = described.field_of(column.target)
    if column.type not in NUMBERS or column.scale is not None or field is None:
        return column
    if field.type not in ROUNDED_TYPES or field.scale is None:
        return column
    return column.model_copy(update={"scale": field.scale})
