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


def checked(sql: str, session: Session, catalog: Catalog) -> str:
    """The query as DuckDB is to run it: words that are not quoted are in lower case.

    Raises:
        TenantError: 400 with the SQLSTATE Hyper gives.
    """
    folded = _fold(sql, catalog)
    tree = _tree(folded, session)
    tables = {name for node in _nodes(tree) for name in _common_tables(node)}
    for node in _nodes(tree):
        _check_table(node, catalog, tables)
        _check_rows(node)
        _check_compare(node, catalog)
    return folded.rstrip().rstrip(";")


def _refuse(sqlstate: str, message: str) -> NoReturn:
    raise TenantError(400, message, sqlstate=sqlstate)


def _fold(sql: str, catalog: Catalog) -> str:
    columns = {name for table in catalog.values() for name in table}
    exact = columns | set(catalog)
    by_lower = {name.lower(): name for name in exact}
    out: list[str] = []
    aliases: set[str] = set()
    previous = ""
    for match in TOKEN.finditer(sql):
        kind, text = match.lastgroup, match.group()
        if kind == "comment":
            text = " "
        elif kind == "word":
            text = text.lower()
        name = text[1:-1].replace('""', '"') if kind == "quoted" else text
        if kind in {"word", "quoted"}:
            if previous in {"as", "with"}:
                aliases.add(name)
            known = by_lower.get(name.lower())
            if known is not None and name not in exact and name not in aliases:
                _unknown(name, is_table=known not in columns)
        if text.strip():
            previous = text
        out.append(text)
    return "".join(out)


def _unknown(name: str, *, is_table: bool) -> NoReturn:
    if is_table:
        _refuse("42P01", f'table "{name}" does not exist')
    _refuse("42703", f'unknown column "{name}"')


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


def _common_tables(node: Node) -> Iterator[str]:
    entries = node.get("cte_map")
    if isinstance(entries, dict):
        for entry in cast("dict[str, list[dict[str, object]]]", entries).get("map", []):
            yield str(entry["key"])


def _check_table(node: Node, catalog: Catalog, common: set[str]) -> None:
    if node.get("type") == "TABLE_FUNCTION":
        function = cast("Node", node["function"])
        name = str(function.get("function_name"))
        if name not in TABLE_FUNCTIONS:
            _refuse("42883", f"unknown table function '{name}'")
    if node.get("type") == "BASE_TABLE":
        name = str(node.get("table_name"))
        if name not in catalog and name not in common:
            _refuse("42P01", f'table "{name}" does not exist')


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
