"""Which columns a name may mean at a place of a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from dc_assets.emulator.engines.hyper.errors import (
    NO_COLUMN,
    NO_TABLE,
    SYNTAX,
    Place,
    refusal,
)
from dc_assets.emulator.engines.hyper.list import OTHER, UNKNOWN

Node = Mapping[str, object]
Catalog = Mapping[str, Mapping[str, str]]

NOWHERE = 2**32
"""Places from here on mean none: the parser made this part of the tree itself."""

NO_COLUMNS = frozenset({"current_date", "current_timestamp", "localtimestamp", "current_time"})
"""Words that stand for a value of the moment and look like columns in DuckDB's tree."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or of an answer: its name, its type, what Hyper calls it unnamed."""

    name: str
    kind: str
    is_named: bool = True


Columns = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """One table of a FROM clause; ``columns`` is None when they cannot be told."""

    name: str
    columns: Columns | None


@dataclass(frozen=True, slots=True)
class Scope:
    """The tables of one select, its common tables, and the select it stands in."""

    relations: tuple[Relation, ...] = ()
    shared: frozenset[str] = frozenset()
    """Columns of a join by USING, which are one though several tables have them."""
    tables: Mapping[str, Columns | None] = field(default_factory=dict[str, "Columns | None"])
    outer: Scope | None = None

    def kind_of(self, names: Sequence[str]) -> str | None:
        """The type of a column, unknown when it may be one that cannot be told, None for none.

        Raises:
            LookupError: the name may mean several columns.
        """
        kinds = list(self._kinds(names))
        if len(kinds) > 1 and names[-1] not in self.shared:
            raise LookupError(names[-1])
        if kinds:
            return kinds[0]
        if any(relation.columns is None for relation in self.relations):
            return UNKNOWN
        return self.outer.kind_of(names) if self.outer is not None else None

    def _kinds(self, names: Sequence[str]) -> Iterator[str]:
        for relation in self.relations:
            if len(names) > 1 and relation.name != names[-2]:
                continue
            for column in relation.columns or ():
                if column.name == names[-1]:
                    yield column.kind

    def has_table(self, name: str) -> bool:
        """Whether a table of this select, or of one around it, has this name."""
        if any(relation.name == name for relation in self.relations):
            return True
        return self.outer is not None and self.outer.has_table(name)

    def all_columns(self, table: str = "") -> Columns | None:
        """What a star stands for, or None when it cannot be told."""
        found: list[Column] = []
        seen: set[str] = set()
        for relation in self.relations:
            if table and relation.name != table:
                continue
            if relation.columns is None:
                return None
            for column in relation.columns:
                if column.name in self.shared and column.name in seen:
                    continue
                seen.add(column.name)
                found.append(column)
        return tuple(found)

    def table(self, name: str) -> Columns | None:
        """The columns of a common table.

        Raises:
            KeyError: there is none of this name.
        """
        if name in self.tables:
            return self.tables[name]
        if self.outer is None:
            raise KeyError(name)
        return self.outer.table(name)


def place_of(node: Node) -> Place | None:
    """Where a part of the query stands, if the parser tells."""
    start = node.get("query_location")
    if not isinstance(start, int) or not 0 <= start < NOWHERE:
        return None
    length = node.get("query_location_length")
    return Place(start, length if isinstance(length, int) and length > 0 else 1)


def column_kind(sql: str, node: Node, scope: Scope) -> str:
    """The type of the column a name means.

    Raises:
        TenantError: it means none, or several.
    """
    names = cast("list[str]", node["column_names"])
    place = place_of(node)
    if len(names) == 1 and names[0] in NO_COLUMNS:
        return OTHER
    try:
        kind = scope.kind_of(names)
    except LookupError as error:
        raise refusal(SYNTAX, f"'{names[-1]}' is ambiguous", sql, place) from error
    if kind is not None:
        return kind
    if len(names) == 1:
        raise refusal(NO_COLUMN, f"unknown column '{names[0]}'", sql, place)
    if not scope.has_table(names[0]):
        if scope.kind_of(names[:1]) is not None:
            text = f"invalid '.{names[1]}' access into expression"
            raise refusal(SYNTAX, text, sql, place)
        raise refusal(NO_TABLE, f'unknown table "{names[0]}"', sql, place)
    listed = ".".join(f'"{name}"' for name in names)
    raise refusal(NO_COLUMN, f"unknown column {listed}", sql, place)
