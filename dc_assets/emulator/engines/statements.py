"""The SQL of one internal batch, made once for a job from its plan."""
# ruff: noqa: S608  names come from the schema file or are numbers, values are bound or literals

from __future__ import annotations

from dc_assets.emulator.engines.binding import NULL_MARK, BoundColumn, QueryPlan
from dc_assets.emulator.engines.cells import not_writable
from dc_assets.emulator.engines.passing import error_sql
from dc_assets.emulator.schema import BLANKS, Field
from dc_assets.emulator.stores.duck import literal, quoted

OUTCOME = (
    "CREATE OR REPLACE TEMP TABLE outcome "
    "(n BIGINT, id VARCHAR, created BOOLEAN, key VARCHAR, error VARCHAR)"
)

GONE = "ENTITY_IS_DELETED:entity is deleted:--"
MANY = "more than one record found for external id field: ["
NO_RECORD = "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"

UPLOADED = "uploaded"
"""The name under which a batch's frame is given to the session."""


def staged_sql(plan: QueryPlan) -> str:
    """The rows of a batch, with the hash their keys are found by."""
    folded = plan.key.field.folded("folded") if plan.key is not None else "folded"
    return (
        f"CREATE OR REPLACE TEMP TABLE staged AS SELECT *, hash({folded}) AS key_hash "
        f"FROM {UPLOADED}"
    )


def _value(column: BoundColumn, cell: str) -> str:
    """The cell as a value of its field; it is neither empty nor the null mark, and valid."""
    if column.field.type == "datetime":
        # The offset +0000 becomes +00:00, the only form the cast reads.
        moment = f"regexp_replace({cell}, '([+-][0-9][0-9])([0-9][0-9])$', '\\1:\\2')"
        # A moment keeps its whole seconds: the fraction is dropped and not rounded.
        return f"date_trunc('second', CAST(TRY_CAST({moment} AS TIMESTAMPTZ) AS TIMESTAMP))"
    kind = column.field.sql_type()
    if kind != "VARCHAR":
        return f"TRY_CAST({cell} AS {kind})"
    return f"nullif(trim({cell}, {BLANKS}), '')" if column.field.trims else cell


def _null(column: BoundColumn) -> str:
    return "false" if column.field.type == "boolean" else "NULL"


def is_given(cell: str) -> str:
    """Whether the cell holds a value."""
    return f"({cell} <> '' AND {cell} <> '{NULL_MARK}')"


def near_sql(plan: QueryPlan, wave: int) -> str:
    """Places of the records whose key has the hash of a row's key.

    The join reads no text: with one text column in it every record's text would be read.
    """
    if plan.key is None:
        return "CREATE OR REPLACE TEMP TABLE near (n BIGINT, folded VARCHAR, place BIGINT)"
    key = quoted(plan.key.field.key_column)
    # A record in the bin is found by its id, to be told of; an external id does not find it.
    where = "" if plan.key.field.type == "id" else 'NOT t."IsDeleted" AND '
    return (
        "CREATE OR REPLACE TEMP TABLE near AS SELECT s.n, s.folded, t.rowid AS place "
        f"FROM staged s JOIN {quoted(plan.item.name)} t ON t.{key} = s.key_hash "
        f"WHERE {where}s.wave = {wave} AND s.error IS NULL"
    )


def hit_sql(plan: QueryPlan) -> str:
    """The records the keys of this wave find: place, id, how many."""
    equal = "true"
    if plan.key is not None:
        found = plan.key.field.folded(f"t.{quoted(plan.key.field.name)}")
        equal = f"{found} = {plan.key.field.folded('near.folded')}"
    return (
        "CREATE OR REPLACE TEMP TABLE hit AS SELECT near.n, min(near.place) AS place, "
        'min(t."Id") AS id, count(*) AS hits, string_agg(t."Id", \', \') AS ids, '
        'bool_and(t."IsDeleted") AS is_gone '
        f"FROM near JOIN {quoted(plan.item.name)} t ON t.rowid = near.place "
        f"WHERE {equal} GROUP BY near.n"
    )


def resolved_sql(plan: QueryPlan, wave: int) -> str:
    """The rows of one wave with all that the store says of them: record, parents, final error."""
    joins = "".join(_parent_join(c) for c in _with_parent(plan))
    joins += "".join(_unique_join(plan, c) for c in plan.unique)
    parents = "".join(f", {_alias(c)}.id AS {_alias(c)}_id" for c in _with_parent(plan))
    errors = ", ".join(["s.error", *_store_errors(plan)])
    return (
        "CREATE OR REPLACE TEMP TABLE resolved AS SELECT *, CASE WHEN final IS NULL AND "
        "place IS NULL THEN fresh_id END AS new_id FROM ("
        f"SELECT s.n, s.fresh_id, h.place, h.id AS old_id{parents}, coalesce({errors}) AS final "
        f"FROM staged s LEFT JOIN hit h ON h.n = s.n{joins} WHERE s.wave = {wave})"
    )


def _with_parent(plan: QueryPlan) -> list[BoundColumn]:
    return [c for c in plan.written if c.parents]


def _alias(column: BoundColumn) -> str:
    return f"p{column.number}"


def _parent_join(column: BoundColumn) -> str:
    """A join with the parents the batch names, each key once, with how many have it."""
    if column.parent_field is None:
        return ""
    field = column.parent_field
    folded = field.folded(quoted(field.name))
    named = field.folded(column.cell)
    return (
        f' LEFT JOIN (SELECT {folded} AS k, min("Id") AS id, count(*) AS hits, '
        f"string_agg(\"Id\", ', ') AS ids FROM {_parents(column, field)} "
        f'WHERE NOT "IsDeleted" AND {quoted(field.key_column)} IN '
        f"(SELECT hash({named}) FROM staged) GROUP BY k) {_alias(column)} "
        f"ON {_alias(column)}.k = {field.folded('s.' + column.cell)}"
    )


def _parents(column: BoundColumn, field: Field) -> str:
    """The records a column may name, as a table."""
    names = ", ".join(map(quoted, dict.fromkeys(["Id", "IsDeleted", field.name, field.key_column])))
    tables = [f"SELECT {names} FROM {quoted(parent.name)}" for parent in column.parents]
    return f"({' UNION ALL '.join(tables)})"


def _unique_join(plan: QueryPlan, column: BoundColumn) -> str:
    field = column.field
    folded = field.folded(quoted(field.name))
    return (
        f' LEFT JOIN (SELECT {folded} AS k, min("Id") AS id FROM {quoted(plan.item.name)} '
        f'WHERE NOT "IsDeleted" AND {quoted(field.key_column)} IN '
        f"(SELECT hash({field.folded(column.cell)}) FROM staged) GROUP BY k) u{column.number} "
        f"ON u{column.number}.k = {field.folded('s.' + column.cell)}"
    )


def _store_errors(plan: QueryPlan) -> list[str]:
    errors: list[str] = []
    if plan.key is not None and plan.key.field.type == "id":
        gone, none = literal(GONE), literal(NO_RECORD)
        errors.append(f"CASE WHEN h.is_gone THEN {gone} END")
        asked = is_given(f"s.{plan.key.cell}")
        errors.append(f"CASE WHEN h.place IS NULL AND {asked} THEN {none} END")
    elif plan.key is not None:
        head = literal(f"DUPLICATE_EXTERNAL_ID:{plan.key.field.label}: {MANY}")
        errors.append(f"CASE WHEN h.hits > 1 THEN {head} || h.ids || ']:--' END")
    if plan.job.operation != "delete":
        errors += _denied_errors(plan)
        errors += [_access_error(c) for c in plan.written]
        errors += [_parent_error(c) for c in _with_parent(plan)]
        errors += [_unique_error(c) for c in plan.unique]
        errors.append(_required_error(plan))
    # Last: a row that is wrong never comes to a lock.
    return [*errors, _passing_error(plan)]


def _passing_error(plan: QueryPlan) -> str:
    ids = [f"{_alias(column)}.id" for column in _with_parent(plan)]
    listed = ", ".join(["s.locked_id", *ids, "h.id", "s.fresh_id"])
    return error_sql("s.met", f"coalesce({listed})")


def _denied_errors(plan: QueryPlan) -> list[str]:
    """Rows that would make or change records which the user may not."""
    errors: list[str] = []
    if not plan.item.may("create"):
        text = f"{NOT_INSERTED}:entity type cannot be inserted: {plan.item.label}:--"
        errors.append(f"CASE WHEN h.place IS NULL THEN {literal(text)} END")
    if not plan.item.may("edit"):
        errors.append(f"CASE WHEN h.place IS NOT NULL THEN {literal(NO_ACCESS)} END")
    return errors


NOT_INSERTED = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
NO_ACCESS = "INSUFFICIENT_ACCESS_OR_READONLY:insufficient access rights on object id:--"


def _access_error(column: BoundColumn) -> str:
    """A field that can be set only when the record is made, or only later."""
    field = column.field
    if field.createable == field.updateable:
        return "NULL"
    occasion = "h.place IS NOT NULL" if field.createable else "h.place IS NULL"
    text = literal(not_writable(field))
    return f"CASE WHEN {is_given(f's.{column.cell}')} AND {occasion} THEN {text} END"


def _parent_error(column: BoundColumn) -> str:
    if column.parent_field is None:
        return "NULL"
    cell, found = f"s.{column.cell}", _alias(column)
    missing = f"WHEN {is_given(cell)} AND {found}.id IS NULL THEN"
    if column.parent_field.type == "id":
        return f"CASE {missing} {literal(NO_RECORD)} END"
    tail = literal(
        f" not found for field {column.parent_field.name} in entity {column.parents[0].name}:--"
    )
    several = literal(f"DUPLICATE_EXTERNAL_ID:{column.field.label}: {MANY}")
    return (
        f"CASE {missing} 'INVALID_FIELD:Foreign key external ID: ' || {cell} || {tail} "
        f"WHEN {found}.hits > 1 THEN {several} || {found}.ids || ']:--' END"
    )


def _unique_error(column: BoundColumn) -> str:
    alias = f"u{column.number}"
    name = column.field.name
    head = literal(f"DUPLICATE_VALUE:duplicate value found: {name} duplicates value on record ")
    return (
        f"CASE WHEN {alias}.id IS NOT NULL AND {alias}.id IS DISTINCT FROM h.id THEN "
        f"{head} || 'with id: ' || {alias}.id || ':--' END"
    )


def _required_error(plan: QueryPlan) -> str:
    by_name = {c.field.name: c for c in plan.columns}
    missing: list[str] = []
    for field in plan.item.fields:
        if not (field.required and field.writable):
            continue
        name = literal(field.name)
        column = by_name.get(field.name)
        if column is None:
            absent = "false" if field.is_defaulted else "h.place IS NULL"
            missing.append(f"CASE WHEN {absent} THEN {name} END")
            continue
        cell = f"s.{column.cell}"
        absent = "false" if field.is_defaulted else f"(h.place IS NULL AND {cell} = '')"
        missing.append(f"CASE WHEN {cell} = '{NULL_MARK}' OR {absent} THEN {name} END")
    if not missing:
        return "NULL"
    listed = ", ".join(missing)
    return (
        f"CASE WHEN concat_ws(',', {listed}) <> '' THEN "
        f"'REQUIRED_FIELD_MISSING:Required fields are missing: [' || concat_ws(', ', {listed}) "
        f"|| ']:' || concat_ws(',', {listed}) || ' --' END"
    )


def _source(column: BoundColumn) -> str:
    return f"r.{_alias(column)}_id" if column.parents else _value(column, f"s.{column.cell}")


def insert_sql(plan: QueryPlan) -> str:
    """Write the records that were not there; the parameter is the time of the commit, thrice."""
    values = {'"Id"': "r.new_id", '"IsDeleted"': "false"}
    for column in plan.written:
        if column.field.createable:
            name, default = quoted(column.field.name), column.field.default_sql()
            # Two columns may name one parent: a row fills one of them at most.
            other = values.get(name, default) if column.parents else default
            values[name] = (
                f"CASE WHEN {is_given('s.' + column.cell)} THEN {_source(column)} ELSE {other} END"
            )
    for field in plan.item.fields:
        if field.has_key and quoted(field.name) in values:
            folded = field.folded(f"({values[quoted(field.name)]})")
            values[quoted(field.key_column)] = f"hash({folded})"
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        values[quoted(name)] = "?"
    return (
        f"INSERT INTO {quoted(plan.item.name)} ({', '.join(values)}) "
        f"SELECT {', '.join(values.values())} FROM resolved r "
        "JOIN staged s ON s.n = r.n WHERE r.new_id IS NOT NULL ORDER BY r.n"
    )


def update_sql(plan: QueryPlan) -> str:
    """Change the records that were there; the parameter is the time of the commit, twice."""
    is_delete = plan.job.operation == "delete"
    changes = {'"IsDeleted"': "true"} if is_delete else _changes(plan)
    for name in ("LastModifiedDate", "SystemModstamp"):
        changes[quoted(name)] = "?"
    listed = ", ".join(f"{name} = {value}" for name, value in changes.items())
    return (
        f"UPDATE {quoted(plan.item.name)} AS t SET {listed} FROM resolved r "
        "JOIN staged s ON s.n = r.n WHERE t.rowid = r.place AND r.final IS NULL"
    )


def _changes(plan: QueryPlan) -> dict[str, str]:
    changes: dict[str, str] = {}
    for column in plan.written:
        field = column.field
        if column is plan.key or not field.updateable:
            continue
        old = changes.get(quoted(field.name), f"t.{quoted(field.name)}")
        value = (
            f"CASE s.{column.cell} WHEN '' THEN {old} WHEN '{NULL_MARK}' THEN {_null(column)} "
            f"ELSE {_source(column)} END"
        )
        changes[quoted(field.name)] = value
        if field.has_key:
            changes[quoted(field.key_column)] = f"hash({field.folded(f'({value})')})"
    return changes


def outcome_sql(plan: QueryPlan) -> str:
    """Keep what became of the rows of one wave."""
    key = f"s.{plan.key.cell}" if plan.key else "r.new_id"
    return (
        "INSERT INTO outcome SELECT r.n, coalesce(r.old_id, r.new_id, ''), "
        f"r.new_id IS NOT NULL, {key}, r.final FROM resolved r JOIN staged s ON s.n = r.n"
    )
