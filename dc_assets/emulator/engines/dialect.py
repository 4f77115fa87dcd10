"""Refuse what Hyper, the engine of Data Cloud, refuses and DuckDB would answer."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import cast

from dc_assets.emulator.engines.hyper.errors import (
    NOT_SUPPORTED,
    SYNTAX,
    refusal,
    syntax_error,
    translate,
)
from dc_assets.emulator.engines.hyper.scope import Catalog, Columns, Node, Scope
from dc_assets.emulator.engines.hyper.selects import Selects
from dc_assets.emulator.engines.hyper.texts import as_hyper_writes
from dc_assets.emulator.engines.hyper.words import check_words
from dc_assets.emulator.stores.data_cloud import DataCloudStore, columns_of
from dc_assets.emulator.stores.duck import DatabaseError, Session, reason_of
from dc_assets.emulator.stores.held import Result, Shelf

TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
AGGREGATES = frozenset(
    {"count", "count_star", "sum", "min", "max", "avg", "string_agg", "approx_count_distinct"}
)


V2_NAMES, HYPER_NAMES = "_col{place}", "{called}"
"""What columns without a name are called: Query API V2 counts them from 0."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A query Hyper takes: the text DuckDB is to run, and its columns if they can be told."""

    sql: str
    columns: Columns | None

    def names(self, unnamed: str = V2_NAMES) -> list[str] | None:
        """The names of the columns, those without one as the service calls them."""
        if self.columns is None:
            return None
        found: list[str] = []
        taken: set[str] = set()
        for place, column in enumerate(self.columns):
            called = unnamed.format(place=place, called=column.name)
            name = column.name if column.is_named else called
            # An answer of JSON has each name once, and DuckDB makes no difference of case.
            while name.lower() in taken:
                name += "_1"
            taken.add(name.lower())
            found.append(name)
        return found


def checked(sql: str, session: Session, catalog: Catalog) -> Checked:
    """Check a query; the text to run has words that are not quoted in lower case.

    Raises:
        TenantError: 400 with the SQLSTATE Hyper gives.
    """
    folded = _fold(sql)
    check_words(folded)
    statement = cast("Node", _tree(folded, session))
    selects = Selects(folded, catalog)
    columns = selects.columns(cast("Node", statement["node"]), Scope())
    if selects.unlike:
        raise selects.unlike[0]
    text = as_hyper_writes(folded, selects.texts)
    return Checked(text.rstrip().rstrip(";"), columns)


def answer(sql: str, store: DataCloudStore, shelf: Shelf, *, unnamed: str = V2_NAMES) -> Result:
    """The rows of a query.

    Raises:
        TenantError: 400 with the SQLSTATE Hyper gives, whichever engine refuses it.
    """
    try:
        with store.database.session() as session:
            query = checked(sql, session, columns_of(session))
        result = shelf.compute(query.sql, names=query.names(unnamed) or ())
    except DatabaseError as error:
        raise translate(reason_of(error)) from error
    if "INTERVAL" in result.columns.values():
        # It has no form in Arrow, and its text is another one than that of Hyper.
        result.close()
        raise refusal(NOT_SUPPORTED, "the emulated tenant gives no columns of the type interval")
    return result


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


def _fold(sql: str) -> str:
    """The text with all words in lower case but the quoted ones, and blanks for comments."""
    out: list[str] = []
    for match in TOKEN.finditer(sql):
        kind, text = match.lastgroup, match.group()
        blank = re.sub(r"[^\n]", " ", text)
        out.append({"comment": blank, "word": text.lower()}.get(kind or "", text))
    return "".join(out)


def _signs(sql: str) -> list[int]:
    """The byte at which each sign of the text begins: the parser counts bytes."""
    return list(accumulate((len(sign.encode()) for sign in sql), initial=0))


def _in_signs(begins: list[int], node: dict[str, object]) -> dict[str, object]:
    """A node of the tree with its place counted in signs."""
    start, length = node.get("query_location"), node.get("query_location_length")
    if isinstance(start, int) and 0 <= start <= begins[-1]:
        node["query_location"] = bisect_left(begins, start)
        if isinstance(length, int):
            end = bisect_left(begins, start + length)
            node["query_location_length"] = end - bisect_left(begins, start)
    return node


def _tree(sql: str, session: Session) -> object:
    text = str(session.one("SELECT json_serialize_sql(?)", sql)[0])
    hook = None if sql.isascii() else partial(_in_signs, _signs(sql))
    parsed = cast("dict[str, object]", json.loads(text, object_hook=hook))
    if parsed.get("error"):
        if parsed.get("error_type") == "not implemented":
            raise refusal(NOT_SUPPORTED, "only queries are allowed")
        position = str(parsed.get("position") or "")
        place = int(position) if position.isdigit() else len(sql.rstrip().encode())
        raise syntax_error(sql, bisect_left(_signs(sql), place))
    statements = cast("list[object]", parsed["statements"])
    if len(statements) > 1:
        raise refusal(NOT_SUPPORTED, "multi-part queries are disabled")
    if not statements:
        raise refusal(SYNTAX, "syntax error: got end of input")
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
