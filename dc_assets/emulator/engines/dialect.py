"""Refuse what Hyper, the engine of Data Cloud, refuses and DuckDB would answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NoReturn, cast

from dc_assets.emulator.errors import TenantError
from dc_assets.emulator.stores.duck import Session

Node = Mapping[str, object]
Catalog = Mapping[str, Mapping[str, str]]

TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
TABLE_FUNCTIONS = frozenset({"generate_series", "unnest"})
TEXT_TYPES = frozenset({"VARCHAR"})
NUMBER_LITERALS = frozenset({"INTEGER", "DECIMAL", "DOUBLE", "BIGINT", "HUGEINT", "NUMERIC"})
COMPARISONS = frozenset({"COMPARISON"})
AGGREGATES = frozenset(
    {"count", "count_star", "sum", "min", "max", "avg", "string_agg", "approx_count_distinct"}
)


def checked(sql: str, session: Session, catalog: Catalog) -> str:
    """The query as DuckDB is to run it: words that are not quoted are in lower case.

    Raises:
        TenantError: 400 with the SQLSTATE Hyper gives.
    """
    folded = _fold(sql)
    nodes = list(_nodes(_tree(folded, session)))
    named = {name for node in nodes for name in _given_names(node)}
    for node in nodes:
        _check_table(node, catalog, named)
        _check_column(node, catalog, named)
        _check_rows(node)
        _check_compare(node, catalog)
    return folded.rstrip().rstrip(";")


def is_aggregate(sql: str, session: Session) -> bool:
    """Whether the rows of the answer are groups: the outermost select counts or sums."""
    node = cast("dict[str, Node]", _tree(_fold(sql), session)).get("node", {})
    if node.get("group_expressions"):
        return True
    chosen = _nodes(_without_subqueries(node.get("select_list")))
    return any(
        n.get("class") == "FUNCTION" and n.get("function_name") in AGGREGATES for n in chosen
    )


def _without_subqueries(tree: object) -> object:
    if isinstance(tree, list):
        return [_without_subqueries(value) for value in cast("list[object]", tree)]
    if not isinstance(tree, dict):
        return tree
    node = cast("dict[str, object]", tree)
    if node.get("class") == "SUBQUERY":
        return None
    return {name: _without_subqueries(value) for name, value in node.items()}


def _refuse(sqlstate: str, message: str) -> NoReturn:
    raise TenantError(400, message, sqlstate=sqlstate)


def _fold(sql: str) -> str:
    """The text without comments and with all words in lower case but the quoted ones."""
    out: list[str] = []
    for match in TOKEN.finditer(sql):
        kind, text = match.lastgroup, match.group()
        out.append({"comment": " ", "word": text.lower()}.get(kind or "", text))
    return "".join(out)


def _tree(sql: str, session: Session) -> object:
    text = str(session.one("SELECT json_serialize_sql(?)", sql)[0])
    parsed = cast("dict[str, object]", json.loads(text))
    if parsed.get("error"):
        if parsed.get("error_type") == "not implemented":
            _refuse("0A000", "only queries are allowed")
        _refuse("42601", f"syntax error: {parsed.get('error_message')}")
    statements = cast("list[object]", parsed["statements"])
    if len(statements) != 1:
        _refuse("42601", "exactly one statement is allowed")
    return statements[0]


def _nodes(tree: object) -> Iterator[Node]:
    waiting: list[object] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            node = cast("dict[str, object]", value)
            yield node
            waiting.extend(node.values())
        elif isinstance(value, list):
            waiting.extend(cast("list[object]", value))


def _given_names(node: Node) -> Iterator[str]:
    """Names the query itself gives: aliases and common tables."""
    if node.get("alias"):
        yield str(node["alias"])
    entries = node.get("cte_map")
    if isinstance(entries, dict):
        for entry in cast("dict[str, list[dict[str, object]]]", entries).get("map", []):
            yield str(entry["key"])
    listed = node.get("column_name_alias")
    if isinstance(listed, list):
        yield from (str(name) for name in cast("list[object]", listed))


def _check_table(node: Node, catalog: Catalog, named: set[str]) -> None:
    if node.get("type") == "TABLE_FUNCTION":
        function = cast("Node", node["function"])
        name = str(function.get("function_name"))
        if name not in TABLE_FUNCTIONS:
            _refuse("42883", f"unknown table function '{name}'")
    if node.get("type") == "BASE_TABLE":
        name = str(node.get("table_name"))
        if name not in catalog and name not in named:
            _refuse("42P01", f'table "{name}" does not exist')


def _check_column(node: Node, catalog: Catalog, named: set[str]) -> None:
    """Refuse a name that is that of a column but for its case: the engine below would take it."""
    if node.get("class") != "COLUMN_REF":
        return
    columns = {name for table in catalog.values() for name in table}
    folded = {name.lower() for name in columns}
    for name in cast("list[str]", node["column_names"]):
        known = name in columns or name in catalog or name in named
        if not known and name.lower() in folded:
            _refuse("42703", f'unknown column "{name}"')


def _check_rows(node: Node) -> None:
    if node.get("class") == "FUNCTION" and node.get("function_name") == "row":
        _refuse("0A000", "ROW types are disabled")


def _check_compare(node: Node, catalog: Catalog) -> None:
    if node.get("class") in COMPARISONS:
        sides = [node.get("left"), node.get("right")]
    elif node.get("type") == "COMPARE_BETWEEN":
        sides = [node.get("input"), node.get("lower"), node.get("upper")]
    elif node.get("type") in {"COMPARE_IN", "COMPARE_NOT_IN"}:
        sides = cast("list[object]", node.get("children") or [])
    else:
        return
    kinds = {_kind(cast("Node", side), catalog) for side in sides}
    if {"text", "number"} <= kinds:
        _refuse("42601", "operator does not exist: text and numeric are not comparable")


def _kind(side: Node, catalog: Catalog) -> str:
    """Whether a side of a comparison is surely text or surely a number."""
    if side.get("class") == "COLUMN_REF":
        name = cast("list[str]", side["column_names"])[-1]
        types = {table[name] for table in catalog.values() if name in table}
        if types and types <= TEXT_TYPES:
            return "text"
        return "number" if types and all(_is_number(kind) for kind in types) else ""
    literal = side.get("literal")
    if isinstance(literal, dict):
        kind = str(cast("dict[str, object]", literal).get("kind"))
        return "number" if kind in NUMBER_LITERALS else ""
    return ""


def _is_number(kind: str) -> bool:
    return kind.partition("(")[0] in {"DECIMAL", "DOUBLE", "INTEGER", "BIGINT", "HUGEINT"}
