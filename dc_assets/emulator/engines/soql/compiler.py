"""From a SOQL query to SQL over the Core store; every literal becomes a bound parameter."""
# ruff: noqa: S608  names come from the schema file, every literal of the query is bound

from __future__ import annotations

from dataclasses import dataclass

from dc_assets.emulator.engines.soql.conditions import aggregate_sql, condition_sql
from dc_assets.emulator.engines.soql.rules import check_shape
from dc_assets.emulator.engines.soql.scope import CUSTOM_HINT, Path, Scope
from dc_assets.emulator.engines.soql.tokens import fail
from dc_assets.emulator.engines.soql.tree import Aggregate, FieldRef, OrderItem, Query, SelectItem
from dc_assets.emulator.errors import APIError
from dc_assets.emulator.schema import ObjectType, Schema
from dc_assets.emulator.stores.duck import quoted

OFFSET_MAX = 2000
GROUPS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the answer: its place in a record.

    A hidden one is the id of the record at that place, for its ``attributes``.
    """

    path: Path
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """A query as SQL with its parameters and the meaning of its columns."""

    sql: str
    values: list[object]
    outputs: tuple[Output, ...]
    item: ObjectType
    counts_rows: bool
    is_aggregate: bool


def compile_soql(soql: str, query: Query, schema: Schema, *, with_deleted: bool) -> Compiled:
    """Look up every name of a parsed query and write it as SQL.

    Raises:
        APIError: INVALID_TYPE, INVALID_FIELD, MALFORMED_QUERY.
    """
    item = schema.find(query.object_name)
    if item is None:
        hint = CUSTOM_HINT.format(what="object", name="entity")
        text = f"sObject type '{query.object_name}' is not supported. {hint}"
        fail(soql, query.object_at, text, "INVALID_TYPE")
    check_shape(soql, query)
    scope = Scope(soql, schema, item, query.alias)
    columns, outputs = _columns(scope, query)
    where = [] if with_deleted else ['NOT t."IsDeleted"']
    if query.where is not None:
        where.append(condition_sql(scope, query.where))
    groups = [_group(scope, ref) for ref in query.group_by]
    scope.groups = frozenset(groups) if query.is_aggregate else None
    having = condition_sql(scope, query.having) if query.having is not None else ""
    order = [_order_term(scope, query, term) for term in query.order_by]
    # SOQL may name one column twice, so columns get numbers for names.
    named = ", ".join(f"{column} AS c{n}" for n, column in enumerate(columns))
    clauses = (
        f"SELECT {named} FROM {quoted(item.name)} t",
        "".join(scope.joins.values()),
        f" WHERE {' AND '.join(where)}" if where else "",
        f" GROUP BY {', '.join(groups)}" if groups else "",
        f" HAVING {having}" if having else "",
        f" ORDER BY {', '.join(order)}" if order else "",
        _limit(query),
    )
    return Compiled(
        sql="".join(clauses),
        values=scope.values,
        outputs=tuple(outputs),
        item=item,
        counts_rows=query.counts_rows,
        is_aggregate=query.is_aggregate,
    )


def _limit(query: Query) -> str:
    if query.offset > OFFSET_MAX:
        text = f"Maximum SOQL offset allowed is {OFFSET_MAX}"
        raise APIError(400, "NUMBER_OUTSIDE_VALID_RANGE", text)
    limit = f" LIMIT {query.limit}" if query.limit is not None else ""
    return limit + (f" OFFSET {query.offset}" if query.offset else "")


def _columns(scope: Scope, query: Query) -> tuple[list[str], list[Output]]:
    if query.counts_rows:
        # LIMIT cuts the rows that are counted, so they are counted outside.
        return ['t."Id"'], [Output(("Id",))]
    if query.is_aggregate:
        return _aggregate_columns(scope, query)
    columns, outputs = ['t."Id"'], [Output((), hidden=True)]
    for entry in query.items:
        if isinstance(entry.expression, Aggregate):
            continue
        expression, _, path = scope.resolve(entry.expression)
        columns.append(expression)
        outputs.append(Output(path))
    for record_id, path in scope.parents():
        columns.append(record_id)
        outputs.append(Output(path, hidden=True))
    return columns, outputs


def _aggregate_columns(scope: Scope, query: Query) -> tuple[list[str], list[Output]]:
    columns: list[str] = []
    outputs: list[Output] = []
    grouped = {scope.resolve(ref)[0] for ref in query.group_by}
    unnamed = 0
    for entry in query.items:
        name = entry.alias
        if isinstance(entry.expression, Aggregate):
            columns.append(aggregate_sql(scope, entry.expression))
            if not name:
                name = f"expr{unnamed}"
                unnamed += 1
        else:
            columns.append(_grouped_column(scope, entry, entry.expression, grouped))
            name = name or scope.resolve(entry.expression)[2][-1]
        if any(name.lower() == other.path[0].lower() for other in outputs):
            fail(scope.soql, entry.expression.at, f"duplicate alias: {name}")
        outputs.append(Output((name,)))
    return columns, outputs


def _grouped_column(scope: Scope, entry: SelectItem, ref: FieldRef, grouped: set[str]) -> str:
    expression, _, path = scope.resolve(ref)
    if expression not in grouped:
        text = f"Field must be grouped or aggregated: {'.'.join(path)}"
        fail(scope.soql, entry.expression.at, text)
    return expression


def _group(scope: Scope, ref: FieldRef) -> str:
    expression, field, _ = scope.resolve(ref)
    if not field.groupable:
        fail(scope.soql, ref.at, f"field '{field.name}' can not be grouped in a query call")
    return expression


def _order_term(scope: Scope, query: Query, term: OrderItem) -> str:
    if isinstance(term.expression, Aggregate):
        expression = aggregate_sql(scope, term.expression)
    else:
        expression = _order_field(scope, query, term.expression)
    way = "DESC" if term.descending else "ASC"
    return f"{expression} {way} NULLS {'FIRST' if term.nulls_first else 'LAST'}"


def _order_field(scope: Scope, query: Query, ref: FieldRef) -> str:
    expression, field, path = scope.resolve(ref)
    if query.is_aggregate and expression not in (scope.groups or ()):
        text = f"Ordered field must be grouped or aggregated: {'.'.join(path)}"
        fail(scope.soql, ref.at, text)
    if not field.sortable:
        fail(scope.soql, ref.at, f"field '{field.name}' can not be sorted in a query call")
    # A grouped text is ordered as it is: only grouped expressions may stand there.
    return field.folded(expression) if field.is_text and not query.is_aggregate else expression
