"""From a SOQL query to SQL over the Core store; every literal becomes a bound parameter."""
# ruff: noqa: S608  names come from the schema file, every literal of the query is bound

from __future__ import annotations

from dataclasses import dataclass

from dc_assets.emulator.engines.soql_ast import Aggregate, FieldRef, OrderItem, Query, SelectItem
from dc_assets.emulator.engines.soql_conditions import aggregate_sql, condition_sql
from dc_assets.emulator.engines.soql_scope import CUSTOM_HINT, Scope
from dc_assets.emulator.engines.soql_tokens import fail
from dc_assets.emulator.errors import APIError
from dc_assets.emulator.schema import ObjectType, Schema
from dc_assets.emulator.stores.duck import quoted

OFFSET_MAX = 2000
GROUPS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the answer: its place in a record. A hidden one is an id for ``attributes``."""

    path: tuple[str, ...]
    parent: str = ""
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
    is_limited: bool


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
    scope = Scope(soql, schema, item)
    columns, outputs = _columns(scope, query)
    where = [] if with_deleted else ['NOT t."IsDeleted"']
    if query.where is not None:
        where.append(condition_sql(scope, query.where))
    groups = [scope.resolve(ref)[0] for ref in query.group_by]
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
        is_limited=query.limit is not None,
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
    for alias, parent, relationship in scope.parents():
        columns.append(f'{quoted(alias)}."Id"')
        outputs.append(Output((relationship,), parent=parent, hidden=True))
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
        outputs.append(Output((name,)))
    return columns, outputs


def _grouped_column(scope: Scope, entry: SelectItem, ref: FieldRef, grouped: set[str]) -> str:
    expression, _, path = scope.resolve(ref)
    if expression not in grouped:
        text = f"Field must be grouped or aggregated: {'.'.join(path)}"
        fail(scope.soql, entry.expression.at, text)
    return expression


def _order_term(scope: Scope, query: Query, term: OrderItem) -> str:
    if isinstance(term.expression, Aggregate):
        expression = aggregate_sql(scope, term.expression)
    else:
        expression, field, _ = scope.resolve(term.expression)
        # A grouped text is ordered as it is: only grouped expressions may stand there.
        if field.is_text and not query.is_aggregate:
            expression = field.folded(expression)
    way = "DESC" if term.descending else "ASC"
    return f"{expression} {way} NULLS {'FIRST' if term.nulls_first else 'LAST'}"
