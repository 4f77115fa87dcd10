"""What the rows of an upload lock: their parents and themselves, each under one name.

A record is named ``Object.Field:text`` by the first external id its object has, folded as the
field is compared. A parent that is given by its id is looked up, so that both ways of naming it
give the same lock; a record without an external id is named by its id.
"""
# ruff: noqa: S608  names come from the schema file, values are bound or literals

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from dc_assets.emulator.engines.binding import BoundColumn, QueryPlan
from dc_assets.emulator.ids import SHORT_ID, case_suffix
from dc_assets.emulator.schema import NULL_MARK, Field, ObjectType
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.duck import literal, quoted
from dc_assets.emulator.stores.record_index import fold

EMPTY = frozenset({"", NULL_MARK})


@dataclass(frozen=True, slots=True)
class LockKeys:
    """Locks of rows in the order of the file; the last of each row is the row itself."""

    rows: int
    per_row: int
    keys: Sequence[str | None]
    parents: frozenset[str]


def lock_keys(plan: QueryPlan, rows: pl.DataFrame, core: CoreStore) -> LockKeys:
    """The locks of rows as uploaded.

    Args:
        plan: the columns of the job.
        rows: of an `Upload`.
        core: where records that are given by their id are looked up.
    """
    # Nobody waits for a user whose records he owns: what belongs to the org itself is not locked.
    named = [c for c in plan.written if any(not parent.is_setup for parent in c.parents)]
    per_row = len(named) + 1
    keys: list[str | None] = [None] * (rows.height * per_row)
    parents: set[str] = set()
    for place, column in enumerate(named):
        found = _of_column(column, column.parents, rows, core)
        keys[place::per_row] = found
        parents.update(key for key in found if key is not None)
    if plan.key is not None:
        keys[per_row - 1 :: per_row] = _of_column(plan.key, (plan.item,), rows, core)
    return LockKeys(rows.height, per_row, keys, frozenset(parents))


def _of_column(
    column: BoundColumn,
    items: Sequence[ObjectType],
    rows: pl.DataFrame,
    core: CoreStore,
) -> list[str | None]:
    cells = rows[column.cell].to_list()
    field = column.parent_field or column.field
    distinct = set(cells) - EMPTY
    if field.type == "id":
        names: dict[str, str] = {}
        for item in items:
            of_item = (cell for cell in distinct if cell.startswith(item.key_prefix))
            names |= _by_id(item, of_item, core)
    else:
        fold = _fold(field)
        names = {cell: f"{items[0].name}.{field.name}:{fold(cell)}" for cell in distinct}
    return [names.get(cell) for cell in cells]


def _fold(field: Field) -> Callable[[str], str]:
    if field.is_number:
        return _as_number
    return str if field.case_sensitive else str.lower


def _as_number(cell: str) -> str:
    try:
        return str(float(cell))
    except ValueError:
        return cell


def naming_field(item: ObjectType) -> Field:
    """The field by which records of an object are named: an external id, else the id."""
    return next((field for field in item.fields if field.external_id), item.id_field)


def _by_id(item: ObjectType, cells: Iterable[str], core: CoreStore) -> dict[str, str]:
    whole = {cell: _whole_id(cell) for cell in cells}
    field = naming_field(item)
    names = {id_: f"{item.name}.{item.id_field.name}:{id_}" for id_ in whole.values()}
    if field is not item.id_field and whole:
        listed = ", ".join(literal(id_) for id_ in set(whole.values()))
        text = quoted(field.name)
        sql = (
            f'SELECT "Id", {field.folded(text)} FROM {quoted(item.name)} '
            f'WHERE "Id" IN ({listed}) AND {text} IS NOT NULL'
        )
        with core.database.session() as session:
            for id_, key in session.rows(sql):
                names[str(id_)] = f"{item.name}.{field.name}:{key}"
    return {cell: names[id_] for cell, id_ in whole.items()}


def _whole_id(cell: str) -> str:
    return cell + case_suffix(cell) if len(cell) == SHORT_ID else cell


def ids_of(keys: Iterable[str], core: CoreStore) -> dict[str, str]:
    """The ids of the records that bear these names; names of no record are left out."""
    by_field: dict[str, list[str]] = {}
    for key in keys:
        name, _, text = key.partition(":")
        by_field.setdefault(name, []).append(text)
    found: dict[str, str] = {}
    for name, texts in by_field.items():
        item = core.schema.whole(name.partition(".")[0])
        field = item.field(name.partition(".")[2]) if item is not None else None
        assert item is not None  # noqa: S101  we made the name
        assert field is not None  # noqa: S101
        if field.type == "id":
            found |= {f"{name}:{text}": text for text in texts}
            continue
        with core.writing:
            index = core.index(item)
            folded = pl.select(fold(field, pl.lit(pl.Series(texts)))).to_series()
            lines = index.find(field, folded).sort("number").unique("at", keep="first")
            ids = index.ids(lines["number"]).to_list()
        found |= {f"{name}:{texts[at]}": id_ for at, id_ in zip(lines["at"], ids, strict=True)}
    return found


def parents_of(item: ObjectType, core: CoreStore) -> list[str]:
    """The names of all records of an object that something refers to, in order."""
    field = naming_field(item)
    column = quoted(field.name)
    sql = (
        f'SELECT {field.folded(column)} FROM {quoted(item.name)} WHERE NOT "IsDeleted" '
        f"AND {column} IS NOT NULL ORDER BY 1"
    )
    with core.database.session() as session:
        return [f"{item.name}.{field.name}:{key}" for (key,) in session.rows(sql)]
