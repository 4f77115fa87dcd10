"""The SQL of one internal batch, made once for a job from its plan."""
# ruff: noqa: S608  names come from the schema file or are numbers, values are bound or literals

from __future__ import annotations

from dc_assets.emulator.engines.binding import Column, Plan
from dc_assets.emulator.engines.cells import (
    NULL_MARK,
    cell_error,
    created_value,
    echoed,
    is_given,
    updated_value,
    value_sql,
)
from dc_assets.emulator.stores.duck import literal, quoted

OUTCOME = (
    "CREATE OR REPLACE TEMP TABLE outcome "
    "(n BIGINT, id VARCHAR, created BOOLEAN, key VARCHAR, error VARCHAR)"
)


def staged_sql(plan: Plan, path: str) -> str:
    """Rows with the error their cells give, their key, and their wave.

    Rows of one key go in waves, the first row in wave 1: what an earlier chunk made, a later
    chunk of the same batch finds.
    """
    key = _wave_key(plan)
    folded = key.field.folded(key.cell) if key else "NULL"
    errors = ", ".join(["ragged", _key_error(plan), *(cell_error(c) for c in plan.columns)])
    twice = _twice_error(plan)
    return (
        "CREATE OR REPLACE TEMP TABLE staged AS WITH told AS ("
        f"SELECT *, {folded} AS folded, coalesce({errors}) AS told FROM read_parquet("
        f"{literal(path)})), doubled AS ("
        f"SELECT *, coalesce(told, {twice}) AS error FROM told) "
        "SELECT *, hash(folded) AS key_hash, CASE WHEN coalesce(folded, '') = '' THEN 1 ELSE "
        "row_number() OVER (PARTITION BY folded, error IS NULL ORDER BY n) END AS wave FROM doubled"
    )


def _wave_key(plan: Plan) -> Column | None:
    return plan.key or next(iter(plan.unique), None)


def _key_error(plan: Plan) -> str:
    if plan.key is None:
        return "NULL"
    call = "" if plan.job.operation == "upsert" else f" in an {plan.job.operation} call"
    name = plan.key.field.name
    return f"CASE WHEN NOT {is_given(plan.key.cell)} THEN {literal(f'MISSING_ARGUMENT:{name} not specified{call}:--')} END"


def _twice_error(plan: Plan) -> str:
    if plan.job.operation != "upsert" or plan.key is None:
        return "NULL"
    tail = literal(f":{plan.key.field.name} --")
    return (
        "CASE WHEN folded <> '' AND count(*) OVER (PARTITION BY chunk, folded) > 1 THEN "
        f"'DUPLICATE_VALUE:Duplicate external id specified: ' || {plan.key.cell} || {tail} END"
    )


def hit_sql(plan: Plan, wave: int) -> str:
    """The records the keys of this wave find: place, id, how many."""
    if plan.key is None:
        return (
            "CREATE OR REPLACE TEMP TABLE hit (n BIGINT, place BIGINT, id VARCHAR, "
            "hits BIGINT, ids VARCHAR)"
        )
    field = plan.key.field
    stored = field.folded(f"t.{quoted(field.name)}")
    return (
        "CREATE OR REPLACE TEMP TABLE hit AS SELECT s.n, min(t.rowid) AS place, "
        'min(t."Id") AS id, count(*) AS hits, string_agg(t."Id", \', \') AS ids '
        f"FROM staged s JOIN {quoted(plan.item.name)} t ON t.{quoted(field.key_column)} = "
        f's.key_hash AND {stored} = s.folded AND NOT t."IsDeleted" '
        f"WHERE s.wave = {wave} AND s.error IS NULL GROUP BY s.n"
    )


def resolved_sql(plan: Plan, wave: int) -> str:
    """The rows of one wave with all that the store says of them: record, parents, final error."""
    joins = "".join(_parent_join(c) for c in _with_parent(plan))
    joins += "".join(_unique_join(plan, c) for c in plan.unique)
    parents = "".join(f", {_alias(c)}.id AS {_alias(c)}_id" for c in _with_parent(plan))
    errors = ", ".join(["s.error", *_store_errors(plan)])
    prefix = literal(plan.item.key_prefix)
    sequence = literal(quoted("seq_" + plan.item.name))
    return (
        "CREATE OR REPLACE TEMP TABLE resolved AS SELECT *, CASE WHEN final IS NULL AND "
        f"place IS NULL THEN sf_id({prefix}, nextval({sequence})) END AS new_id FROM ("
        f"SELECT s.*, h.place, h.id AS old_id{parents}, coalesce({errors}) AS final "
        f"FROM staged s LEFT JOIN hit h ON h.n = s.n{joins} WHERE s.wave = {wave} ORDER BY s.n)"
    )


def _with_parent(plan: Plan) -> list[Column]:
    return [c for c in plan.written if c.parent is not None]


def _alias(column: Column) -> str:
    return f"p{column.number}"


def _parent_join(column: Column) -> str:
    """A join with the parents the batch names, each key once even if the store has it twice."""
    if column.parent is None or column.parent_field is None:
        return ""
    field = column.parent_field
    folded = field.folded(quoted(field.name))
    named = field.folded(column.cell)
    return (
        f' LEFT JOIN (SELECT {folded} AS k, min("Id") AS id FROM {quoted(column.parent.name)} '
        f'WHERE NOT "IsDeleted" AND {quoted(field.key_column)} IN '
        f"(SELECT hash({named}) FROM staged) GROUP BY k) {_alias(column)} "
        f"ON {_alias(column)}.k = {field.folded('s.' + column.cell)}"
    )


def _unique_join(plan: Plan, column: Column) -> str:
    field = column.field
    folded = field.folded(quoted(field.name))
    return (
        f' LEFT JOIN (SELECT {folded} AS k, min("Id") AS id FROM {quoted(plan.item.name)} '
        f'WHERE NOT "IsDeleted" AND {quoted(field.key_column)} IN '
        f"(SELECT hash({field.folded(column.cell)}) FROM staged) GROUP BY k) u{column.number} "
        f"ON u{column.number}.k = {field.folded('s.' + column.cell)}"
    )


def _store_errors(plan: Plan) -> list[str]:
    errors: list[str] = []
    if plan.key is not None and plan.job.operation == "upsert":
        label = literal(
            f"DUPLICATE_EXTERNAL_ID:{plan.key.field.label}: more than one record found "
        )
        errors.append(
            f"CASE WHEN h.hits > 1 THEN {label} || 'for external id field: [' || h.ids || ']:--' END"
        )
    elif plan.key is not None:
        text = literal("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--")
        errors.append(f"CASE WHEN h.place IS NULL THEN {text} END")
    if plan.job.operation != "delete":
        errors += [_parent_error(c) for c in _with_parent(plan)]
        errors += [_unique_error(c) for c in plan.unique]
        errors.append(_required_error(plan))
    return errors


def _parent_error(column: Column) -> str:
    if column.parent is None or column.parent_field is None:
        return "NULL"
    cell = f"s.{column.cell}"
    missing = f"CASE WHEN {is_given(cell)} AND {_alias(column)}.id IS NULL THEN "
    if column.parent_field.type == "id":
        text = literal("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--")
        return f"{missing}{text} END"
    tail = literal(
        f" not found for field {column.parent_field.name} in entity {column.parent.name}:--"
    )
    return f"{missing}'INVALID_FIELD:Foreign key external ID: ' || {cell} || {tail} END"


def _unique_error(column: Column) -> str:
    alias = f"u{column.number}"
    name = column.field.name
    head = literal(f"DUPLICATE_VALUE:duplicate value found: {name} duplicates value on record ")
    return (
        f"CASE WHEN {alias}.id IS NOT NULL AND {alias}.id IS DISTINCT FROM h.id THEN "
        f"{head} || 'with id: ' || {alias}.id || ':--' END"
    )


def _required_error(plan: Plan) -> str:
    by_name = {c.field.name: c for c in plan.columns}
    missing: list[str] = []
    for field in plan.item.fields:
        if not (field.required and field.writable):
            continue
        name = literal(field.name)
        column = by_name.get(field.name)
        if column is None:
            missing.append(f"CASE WHEN h.place IS NULL THEN {name} END")
            continue
        cell = f"s.{column.cell}"
        empty = f"{cell} = '{NULL_MARK}' OR (h.place IS NULL AND {cell} = '')"
        missing.append(f"CASE WHEN {empty} THEN {name} END")
    if not missing:
        return "NULL"
    listed = ", ".join(missing)
    return (
        f"CASE WHEN concat_ws(',', {listed}) <> '' THEN "
        f"'REQUIRED_FIELD_MISSING:Required fields are missing: [' || concat_ws(', ', {listed}) "
        f"|| ']:' || concat_ws(',', {listed}) || ' --' END"
    )


def _source(column: Column, prefix: str = "") -> str:
    if column.parent is not None:
        return f"{prefix}{_alias(column)}_id"
    return value_sql(column.field, f"{prefix}{column.cell}")


def insert_sql(plan: Plan) -> str:
    """Write the records that were not there; the parameter is the time of the commit, thrice."""
    values = {'"Id"': "new_id", '"IsDeleted"': "false"}
    for field in plan.item.fields:
        if field.type == "boolean" and field.writable:
            values[quoted(field.name)] = "false"
    for column in plan.written:
        if column.field.writable:
            values[quoted(column.field.name)] = created_value(column, _source(column))
    for field in plan.item.fields:
        if field.has_key and quoted(field.name) in values:
            folded = field.folded(f"({values[quoted(field.name)]})")
            values[quoted(field.key_column)] = f"hash({folded})"
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        values[quoted(name)] = "?"
    return (
        f"INSERT INTO {quoted(plan.item.name)} ({', '.join(values)}) "
        f"SELECT {', '.join(values.values())} FROM resolved "
        "WHERE new_id IS NOT NULL ORDER BY n"
    )


def update_sql(plan: Plan) -> str:
    """Change the records that were there; the parameter is the time of the commit, twice."""
    if plan.job.operation == "delete":
        changes = {'"IsDeleted"': "true"}
    else:
        changes = _changes(plan)
    for name in ("LastModifiedDate", "SystemModstamp"):
        changes[quoted(name)] = "?"
    listed = ", ".join(f"{name} = {value}" for name, value in changes.items())
    return (
        f"UPDATE {quoted(plan.item.name)} AS t SET {listed} FROM resolved r "
        "WHERE t.rowid = r.place AND r.final IS NULL"
    )


def _changes(plan: Plan) -> dict[str, str]:
    changes: dict[str, str] = {}
    for column in plan.written:
        field = column.field
        if column is plan.key or not field.writable:
            continue
        old = f"t.{quoted(field.name)}"
        value = updated_value(column, _source(column, "r."), old)
        changes[quoted(field.name)] = value
        if field.has_key:
            changes[quoted(field.key_column)] = f"hash({field.folded(f'({value})')})"
    return changes


def outcome_sql(plan: Plan) -> str:
    """Keep what became of the rows of one wave."""
    key = plan.key.cell if plan.key else "new_id"
    return (
        "INSERT INTO outcome SELECT n, CASE WHEN final IS NULL THEN coalesce(old_id, new_id) "
        f"ELSE coalesce(old_id, '') END, new_id IS NOT NULL, {key}, final FROM resolved"
    )


def result_sql(plan: Plan, result: str, path: str, delimiter: str) -> str:
    """Write the part of one result file that this batch fills.

    Rows stand in an order that depends on the job and not on the upload: the real service
    promises none, and a client that joins by position must be caught.
    """
    cells = ", ".join(echoed(c) for c in plan.columns)
    told = "error" if result == "failed" else "created::VARCHAR"
    where = "IS NOT NULL" if result == "failed" else "IS NULL"
    query = (
        f"SELECT coalesce(o.id, '') AS id, {told} AS told, {cells} FROM outcome o "
        f"JOIN (SELECT n AS row_n, * EXCLUDE (n, error) FROM staged) s ON s.row_n = o.n "
        f"WHERE o.error {where} ORDER BY hash(o.n, {literal(plan.job.id)})"
    )
    return (
        f"COPY ({query}) TO {literal(path)} (FORMAT csv, HEADER false, FORCE_QUOTE *, "
        f"DELIMITER {literal(delimiter)}, QUOTE '\"', ESCAPE '\"')"
    )
