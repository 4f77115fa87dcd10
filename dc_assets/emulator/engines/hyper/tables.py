"""The tables of a FROM clause as Hyper tells them, or why it refuses the clause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from dc_assets.emulator.engines.hyper.calls import common
from dc_assets.emulator.engines.hyper.errors import (
    NO_SCHEMA,
    NO_TABLE,
    SYNTAX,
    Unlike,
    misplaced,
    refusal,
    syntax_error,
)
from dc_assets.emulator.engines.hyper.list import UNKNOWN
from dc_assets.emulator.engines.hyper.scope import (
    Catalog,
    Column,
    Columns,
    Node,
    Relation,
    Scope,
    place_of,
)
from dc_assets.emulator.engines.hyper.values import Values, parts

KINDS = {
    "VARCHAR": "text",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DECIMAL": "numeric",
    "FLOAT": "double precision",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    "BOOLEAN": "boolean",
    "BLOB": "bytea",
}
"""Types of Hyper for the types of the stored columns."""

TABLE_FUNCTIONS = frozenset({"generate_series", "unnest"})
JOINS = frozenset({"INNER", "LEFT", "RIGHT", "OUTER", "FULL"})
JOIN_FORMS = frozenset({"REGULAR", "CROSS", "NATURAL", "DEPENDENT"})


@dataclass(frozen=True, slots=True)
class Tables:
    """Reads the FROM clauses of one query over the tables of a catalogue."""

    catalog: Catalog
    values: Values

    @property
    def sql(self) -> str:
        """The query."""
        return self.values.sql

    def scope(self, node: Node, scope: Scope) -> Scope:
        """The scope with the tables of a FROM clause.

        Raises:
            TenantError: Hyper refuses it.
        """
        match node.get("type"):
            case "EMPTY" | None:
                return scope
            case "JOIN":
                return self._join(node, scope)
            case _:
                return _joined(scope, Relation(self._name(node), self._relation(node, scope)))

    def _name(self, node: Node) -> str:
        return str(node.get("alias") or node.get("table_name") or "")

    def _relation(self, node: Node, scope: Scope) -> Columns | None:
        if node.get("sample"):
            raise misplaced(self.sql, "tablesample")
        names = node.get("column_name_alias")
        match node.get("type"):
            case "BASE_TABLE":
                return renamed(self._table(node, scope), names)
            case "SUBQUERY":
                inner = cast("Node", cast("Node", node["subquery"])["node"])
                return renamed(self.values.columns_of(inner, scope), names)
            case "EXPRESSION_LIST":
                return renamed(self._listed(node, scope), names)
            case "TABLE_FUNCTION":
                return self._table_function(node, scope)
            case _:
                raise syntax_error(self.sql, 0)

    def _table(self, node: Node, scope: Scope) -> Columns | None:
        name, place = str(node.get("table_name")), place_of(node)
        if place is not None and self.sql[place.start] == "'":
            raise syntax_error(self.sql, place.start)
        schema = str(node.get("schema_name") or _schema(node))
        if schema == "public":
            text = "the emulated tenant takes no name of a schema"
            self.values.unlike.append(Unlike(text, UNKNOWN))
        elif schema:
            raise refusal(NO_SCHEMA, f'schema "{schema}" does not exist', self.sql, place)
        try:
            return scope.table(name)
        except KeyError:
            pass
        if name not in self.catalog:
            raise refusal(NO_TABLE, f'table "{name}" does not exist', self.sql, place)
        return tuple(Column(column, kind_of(kind)) for column, kind in self.catalog[name].items())

    def _listed(self, node: Node, scope: Scope) -> Columns | None:
        rows = cast("list[list[Node]]", node["values"])
        text = "'values' elements must have identical types"
        kinds = [[self.values.kind(cell, scope) for cell in row] for row in rows]
        if len({len(row) for row in kinds}) > 1:
            raise refusal(SYNTAX, text, self.sql, place_of(node))
        return tuple(
            Column(f"column{number}", common(self.sql, node, list(column), text))
            for number, column in enumerate(zip(*kinds, strict=True), start=1)
        )

    def _table_function(self, node: Node, scope: Scope) -> Columns | None:
        function = cast("Node", node["function"])
        name = str(function.get("function_name"))
        if name not in TABLE_FUNCTIONS:
            raise refusal(SYNTAX, f'"{name}" is not a table function', self.sql, place_of(node))
        for part in parts(function):
            self.values.kind(part, scope)
        return None

    def _join(self, node: Node, scope: Scope) -> Scope:
        if node.get("join_type") not in JOINS or node.get("ref_type") not in JOIN_FORMS:
            words = str(node.get("ref_type") if node.get("ref_type") != "REGULAR" else "")
            raise misplaced(self.sql, (words or str(node.get("join_type"))).lower())
        scope = self.scope(cast("Node", node["left"]), scope)
        before = {column.name for column in scope.all_columns() or ()}
        right = self.scope(cast("Node", node["right"]), replace(scope, shared=frozenset()))
        shared = {str(name) for name in cast("list[object]", node.get("using_columns") or [])}
        if node.get("ref_type") == "NATURAL":
            added = Scope(right.relations[len(scope.relations) :]).all_columns() or ()
            shared |= before & {column.name for column in added}
        joined = replace(right, shared=scope.shared | right.shared | shared)
        if node.get("condition"):
            text = "type of join condition must be boolean"
            self.values.require_boolean(cast("Node", node["condition"]), joined, text)
        return joined


def kind_of(kind: str) -> str:
    """The type of Hyper for a stored type; unknown for lists and the like.

    >>> kind_of("DECIMAL(18,2)"), kind_of("INTEGER[]")
    ('numeric', '')
    """
    if kind.endswith("]"):
        return UNKNOWN
    return KINDS.get(kind.partition("(")[0], UNKNOWN)


def renamed(columns: Columns | None, names: object) -> Columns | None:
    """The columns under the names given after a table's name."""
    if columns is None or not isinstance(names, list):
        return columns
    given = [str(name) for name in cast("list[object]", names)]
    return tuple(
        Column(given[place], column.kind) if place < len(given) else column
        for place, column in enumerate(columns)
    )


def _joined(scope: Scope, relation: Relation) -> Scope:
    return replace(scope, relations=(*scope.relations, relation))


def _schema(node: Node) -> str:
    path = cast("Mapping[str, list[str]]", node.get("qualified_name") or {}).get("path") or []
    return path[-2] if len(path) > 1 else ""
