"""The columns of a select as Hyper tells them, or why it refuses the select."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from dc_assets.emulator.engines.hyper.calls import common
from dc_assets.emulator.engines.hyper.errors import (
    SYNTAX,
    Place,
    Unlike,
    misplaced,
    refusal,
    syntax_error,
)
from dc_assets.emulator.engines.hyper.list import CONSTANT
from dc_assets.emulator.engines.hyper.scope import (
    Catalog,
    Column,
    Columns,
    Node,
    Scope,
    place_of,
)
from dc_assets.emulator.engines.hyper.tables import Tables, renamed
from dc_assets.emulator.engines.hyper.texts import Written
from dc_assets.emulator.engines.hyper.values import Values

CALLED = {"count_star": "count", "trim": "btrim"}
"""What Hyper calls a column of a function without a name, where it is not the function's."""


@dataclass(frozen=True, slots=True)
class Selects:
    """Reads the selects of one query over the tables of a catalogue."""

    sql: str
    catalog: Catalog
    texts: set[Written] = field(default_factory=set[Written])
    """Casts to be written as Hyper writes them, which is filled by the reading."""
    unlike: list[Unlike] = field(default_factory=list[Unlike])
    """What DuckDB would answer otherwise than Hyper, which is filled too."""

    def columns(self, node: Node, outer: Scope) -> Columns | None:
        """The columns of a query; None when they cannot be told.

        Raises:
            TenantError: Hyper refuses the query.
        """
        scope = self._with_tables(node, outer)
        match node.get("type"):
            case "SELECT_NODE":
                return self._select(node, scope)
            case "SET_OPERATION_NODE":
                return self._set_operation(node, scope)
            case "RECURSIVE_CTE_NODE":
                return self._recursive(node, scope)
            case _:
                raise syntax_error(self.sql, 0)

    @property
    def values(self) -> Values:
        """Reads the expressions."""
        return Values(self.sql, self.columns, self.texts, self.unlike)

    def _with_tables(self, node: Node, outer: Scope) -> Scope:
        """The scope with the common tables of this query, each of which sees those before it."""
        scope = Scope(outer=outer)
        common = cast("dict[str, list[dict[str, object]]]", node.get("cte_map") or {})
        for entry in common.get("map") or []:
            value = cast("Node", entry["value"])
            inner = cast("Node", value.get("query_node") or cast("Node", value["query"])["node"])
            columns = renamed(self.columns(inner, scope), value.get("aliases"))
            scope = replace(scope, tables={**scope.tables, str(entry["key"]): columns})
        return scope

    def _recursive(self, node: Node, scope: Scope) -> Columns | None:
        columns = self.columns(cast("Node", node["left"]), scope)
        name = str(node["cte_name"])
        # The names of its columns stand outside of it, so the inner query is not looked into.
        within = replace(scope, tables={**scope.tables, name: None})
        self.columns(cast("Node", node["right"]), within)
        return columns

    def _set_operation(self, node: Node, scope: Scope) -> Columns | None:
        if "BY_NAME" in str(node.get("setop_type")):
            at = self.sql.lower().find(" by ")
            raise syntax_error(self.sql, max(at, 0) + 1)
        sides = [self.columns(side, scope) for side in _sides(node)]
        self._modifiers(node, scope, sides[0])
        found = sides[0]
        for side in sides[1:]:
            found = self._unified(found, side, node)
        return found

    def _unified(self, left: Columns | None, right: Columns | None, node: Node) -> Columns | None:
        if left is None or right is None:
            return None
        text = "set operations require an identical schema on both sides"
        if len(left) != len(right):
            raise refusal(SYNTAX, text, self.sql, place_of(node))
        pairs = zip(left, right, strict=True)
        return tuple(
            replace(one, kind=common(self.sql, node, [one.kind, other.kind], text))
            for one, other in pairs
        )

    def _select(self, node: Node, scope: Scope) -> Columns | None:
        if node.get("qualify"):
            start = (place_of(cast("Node", node["qualify"])) or Place(0)).start
            raise syntax_error(self.sql, start)
        if node.get("sample"):
            raise misplaced(self.sql, "using")
        scope = Tables(self.catalog, self.values).scope(
            cast("Node", node.get("from_table") or {}), scope
        )
        for name, clause in (("where_clause", "where"), ("having", "having")):
            if node.get(name):
                text = f"boolean expression requires as argument for {clause}"
                self.values.require_boolean(cast("Node", node[name]), scope, text)
        columns = self._chosen(node, scope)
        for expression in cast("list[Node]", node.get("group_expressions") or []):
            self._sorted(expression, scope, columns)
        self._modifiers(node, scope, columns)
        return columns

    def _chosen(self, node: Node, scope: Scope) -> Columns | None:
        found: list[Column] = []
        is_whole = True
        for one in cast("list[Node]", node.get("select_list") or []):
            if one.get("class") == "STAR" and not one.get("columns"):
                starred = self._starred(one, scope)
                is_whole = is_whole and starred is not None
                found.extend(starred or ())
                continue
            found.append(self._column(one, scope, len(found) + 1))
        return tuple(found) if is_whole else None

    def _column(self, node: Node, scope: Scope, number: int) -> Column:
        kind = self.values.kind(node, scope)
        kind = "text" if kind == CONSTANT else kind
        if node.get("alias"):
            return Column(str(node["alias"]), kind)
        if node.get("class") == "COLUMN_REF":
            return Column(cast("list[str]", node["column_names"])[-1], kind)
        return Column(self._called(node) or str(number), kind, is_named=False)

    def _called(self, node: Node) -> str:
        """What Hyper calls a value without a name; empty for its number."""
        if node.get("class") == "CAST":
            child = cast("Node", node["child"])
            if child.get("class") == "COLUMN_REF":
                return cast("list[str]", child["column_names"])[-1]
            return self._called(child)
        if node.get("class") in {"FUNCTION", "WINDOW"} and not node.get("is_operator"):
            name = str(node["function_name"])
            return CALLED.get(name, name)
        return {"OPERATOR_COALESCE": "coalesce", "CASE_EXPR": "case"}.get(str(node["type"]), "")

    def _starred(self, node: Node, scope: Scope) -> Columns | None:
        if node.get("replace_list"):
            raise misplaced(self.sql, "replace")
        if node.get("rename_list"):
            raise misplaced(self.sql, "rename")
        columns = scope.all_columns(str(node.get("relation_name") or ""))
        left_out = {str(name) for name in cast("list[object]", node.get("exclude_list") or [])}
        if columns is None or not left_out:
            return columns
        return tuple(column for column in columns if column.name not in left_out)

    def _modifiers(self, node: Node, scope: Scope, columns: Columns | None) -> None:
        for modifier in cast("list[Node]", node.get("modifiers") or []):
            for order in cast("list[dict[str, Node]]", modifier.get("orders") or []):
                self._sorted(order["expression"], scope, columns)
            for target in cast("list[Node]", modifier.get("distinct_on_targets") or []):
                self._sorted(target, scope, columns)
            if modifier.get("limit_type") == "PERCENTAGE":
                start = (place_of(cast("Node", modifier["limit"])) or Place(0)).start
                raise syntax_error(self.sql, start)
            for name in ("limit", "offset"):
                if modifier.get(name):
                    self._count(cast("Node", modifier[name]), scope, name)

    def _count(self, node: Node, scope: Scope, name: str) -> None:
        literal = cast("dict[str, object]", node.get("literal") or {})
        if literal.get("kind") == "INTEGER":
            self.values.kind(node, scope)
            return
        if node.get("function_name") == "-":
            text = f"the {name} clause must not be negative"
            raise refusal(SYNTAX, text, self.sql, place_of(node))
        if literal.get("kind") not in {"NUMERIC", "NULL_LITERAL"}:
            text = f"{name.upper()} requires an integer argument"
            raise refusal(SYNTAX, text, self.sql, place_of(node))

    def _sorted(self, node: Node, scope: Scope, columns: Columns | None) -> None:
        """Read an expression of GROUP BY or ORDER BY, which may name what the select names."""
        if node.get("class") in {"CONSTANT", "STAR"}:
            return
        if node.get("class") == "COLUMN_REF" and columns is not None:
            names = cast("list[str]", node["column_names"])
            if len(names) == 1 and any(column.name == names[0] for column in columns):
                return
        if columns is None and node.get("class") == "COLUMN_REF":
            return
        self.values.kind(node, scope)


def _sides(node: Node) -> Iterator[Node]:
    children = node.get("children")
    if isinstance(children, list):
        yield from cast("list[Node]", children)
        return
    yield from (cast("Node", node[side]) for side in ("left", "right"))
