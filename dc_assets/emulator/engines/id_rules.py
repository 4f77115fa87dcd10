"""What an org says of record ids in an upload: their form, their place, their use twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import polars as pl

from dc_assets.emulator.engines.binding import BoundColumn, QueryPlan
from dc_assets.emulator.ids import SHORT_ID, case_suffix
from dc_assets.emulator.schema import NULL_MARK

ID_FORM = "^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$"

ID_IN = {
    "insert": "INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --",
    "upsert": "INVALID_FIELD:The Id field should not be specified in the sobject data.:Id --",
}
"""Why a row may not bring an Id, where the Id is not what finds its record."""

Error = tuple[pl.Expr, pl.Expr]
"""Which rows have it, and its text."""


def given(cell: pl.Expr) -> pl.Expr:
    """Whether the cell holds a value."""
    return (cell != "") & (cell != NULL_MARK)


def id_errors(plan: QueryPlan, column: BoundColumn) -> Iterator[Error]:
    """What is wrong with the ids of one column; nothing for a column without ids."""
    cell, field = pl.col(column.cell), column.field
    if field.type == "id" and column is not plan.key:
        yield given(cell), pl.lit(ID_IN[plan.job.operation])
    elif field.type == "id":
        # The label of the Id of a standard object; one of a custom object is "Record".
        label = "Record" if plan.item.name.endswith("__c") else plan.item.label
        is_one = cell.str.contains(ID_FORM) & cell.str.starts_with(plan.item.key_prefix)
        yield given(cell) & ~is_one, _wrong_id("MALFORMED_ID", f"{label} ID", column)
    elif column.parents and _holds_ids(column):
        yield (
            given(cell) & ~cell.str.contains(ID_FORM),
            _wrong_id("MALFORMED_ID", field.label, column),
        )
        of_parent = cell.str.slice(0, 3).is_in([parent.key_prefix for parent in column.parents])
        yield given(cell) & ~of_parent, _wrong_id("FIELD_INTEGRITY_EXCEPTION", field.label, column)


def _wrong_id(code: str, label: str, column: BoundColumn) -> pl.Expr:
    head, tail = f"{code}:{label}: id value of incorrect type: ", f":{column.field.name} --"
    return pl.concat_str(pl.lit(head), pl.col(column.cell), pl.lit(tail))


def both_parents(plan: QueryPlan) -> Iterator[Error]:
    """Rows that name one parent by two columns."""
    by_field: dict[str, list[BoundColumn]] = defaultdict(list)
    for column in plan.columns:
        if column.parents:
            by_field[column.field.name].append(column)
    for name, columns in by_field.items():
        if len(columns) > 1:
            count = pl.sum_horizontal(given(pl.col(column.cell)) for column in columns)
            text = (
                "INVALID_FIELD:cannot specify both an external ID reference "
                f"{columns[0].field.relationship} and a salesforce id, {name}:{name} --"
            )
            yield count > 1, pl.lit(text)


def with_whole_ids(plan: QueryPlan, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with ids of 15 characters made whole, as the store has them."""
    for column in filter(_holds_ids, plan.columns):
        cell = pl.col(column.cell)
        is_short = cell.str.len_chars() == SHORT_ID
        if frame.select(is_short.any()).item():
            suffix = cell.map_elements(case_suffix, return_dtype=pl.String)
            frame = frame.with_columns(pl.when(is_short).then(cell + suffix).otherwise(cell))
    return frame


def _holds_ids(column: BoundColumn) -> bool:
    """Whether its cells are record ids: of the rows themselves, or of their parents."""
    return (column.parent_field or column.field).type == "id"
