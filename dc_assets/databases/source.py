"""The source: a table or a query of a SQL database, read as text in the order of its keys' bytes.

The rows of a range are one query, read page by page. A reader who lost it asks again behind the
last key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.sides import Distinctness
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceLook
from dc_assets.core.spec import LoadSpec
from dc_assets.core.value_kinds import ValueKind, kind_in_sql
from dc_assets.databases.connection import Database
from dc_assets.databases.order import prove_order
from dc_assets.databases.queries import DatabaseQueries
from dc_assets.databases.states import DatabaseStates
from dc_assets.load.preflight.measured import FieldRule

BYTES = frozenset({"bytea", "blob", "bytes", "binary", "varbinary"})
FLOATS = frozenset({"real", "double", "float", "float4", "float8"})


class DatabaseSource:
    """A table or a query of one load spec."""

    def __init__(self, spec: LoadSpec, url: str) -> None:
        """Make ready to connect.

        Raises:
            ConfigError: the URL is none, its database is not known, or its driver is not installed.
        """
        self._spec = spec
        self._database = Database(spec, url)
        self._queries = DatabaseQueries(spec, self._database.dialect)
        self._states = DatabaseStates(spec, self._database, self._queries, self.pages)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def prove(self) -> None:
        """Let the database prove how it orders keys, and look at the types of the spec's columns.

        Raises:
            ConfigError: rows could be missed, or a column cannot be read as text.
        """
        prove_order(self._database, self._queries.keys())
        types = {name: _word(of) for name, of in self._types()}
        for column in self._spec.columns:
            if types.get(column.source, "") in BYTES:
                raise ConfigError(
                    f"{column.source} of {self._spec.source.place} holds bytes, and a load carries "
                    "text. Write it as text in source.sql.query, such as encode(column, 'hex')."
                )
        key = self._spec.source.key
        if types.get(key, "") in FLOATS:
            raise ConfigError(
                f"The key {key} of {self._spec.source.place} is a floating-point number, of which "
                "two may look alike. Name a text or integer column as source.key."
            )

    @property
    def dialect(self) -> str:
        """The kind of database."""
        return self._database.dialect.name

    @property
    def note(self) -> str:
        """What our tests do not answer for, "" for nothing."""
        if self._database.dialect.is_exercised:
            return ""
        return f"{self.dialect} is not exercised by the tests of dc-assets"

    def columns(self) -> Mapping[str, ValueKind]:
        """Return the kind of each column; of SQLite, whose types bind no value, all is text.

        Raises:
            ConfigError: there is no such table that our user can see.
        """
        if self.dialect == "sqlite":
            return {name: "text" for name, _ in self._types()}
        return {name: kind_in_sql(of) for name, of in self._types()}

    def _types(self) -> Sequence[tuple[str, str]]:
        return self._database.types(self._queries.no_columns_named())

    def check_columns(self) -> None:
        """Ask for no rows of the spec's columns under its condition.

        Raises:
            ConfigError: they are refused.
        """
        self._database.rows(self._queries.no_rows())

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range in ascending key order, as source columns of text.

        Raises:
            TransientRemoteError: the stream broke; ask again from the last key that was yielded.
        """
        names = [column.source for column in self._spec.columns]
        for rows in self._database.pages(self._queries.rows(id_range)):
            columns = zip(names, zip(*rows, strict=True), strict=True)
            yield pl.DataFrame([pl.Series(name, texts, pl.String) for name, texts in columns])

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range, asked fresh."""
        return int(self._database.row(self._queries.count(id_range))[0])

    def rows_total(self) -> tuple[int, int]:
        """Count all selected rows, and those among them that have no key."""
        rows, keys = self._database.row(self._queries.totals())
        return int(rows), int(rows - keys)

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more than the given number of rows, biggest first."""
        found = self._database.rows(self._queries.parents_above(rows))
        return [(str(name), int(count)) for name, count in found]

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key; None when there is no row with a key."""
        first, last = self._database.row(self._queries.key_ends())
        return None if first is None or last is None else (str(first), str(last))

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return (rows of one parent, how many parents have so many), biggest first."""
        found = self._database.rows(self._queries.rows_per_parent())
        return [(int(rows), int(parents)) for rows, parents in found]

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule, in the order of the rules, by one query."""
        return [int(count or 0) for count in self._database.row(self._queries.breaking(rules))]

    def distinctness(self, columns: Sequence[str]) -> Mapping[str, Distinctness]:
        """Measure how far some columns tell rows apart, by one query."""
        found = self._database.row(self._queries.distinctness(columns))
        return Distinctness.of(columns, [int(count) for count in found])

    def most_frequent(self, column: str, values_max: int) -> Sequence[tuple[str, int]]:
        """Return some values of a column with their rows, the most frequent first."""
        found = self._database.rows(self._queries.most_frequent(column, values_max))
        return [(str(value), int(rows)) for value, rows in found]

    def external_ids(self) -> Sequence[str]:
        """Return all keys."""
        return self._keys().to_list()

    def _keys(self) -> pl.Series:
        pages = self._database.pages(self._queries.keys())
        columns = [pl.Series("key", [row[0] for row in page], pl.String) for page in pages]
        return pl.concat([pl.Series("key", [], pl.String), *columns])

    def ambiguous_keys(self, *, with_case: bool = False) -> Sequence[str]:
        """Return the keys that stand twice: lower-cased, unless those of other case are others.

        Letters are lower-cased here: SQLite and a locale of C do so with those of ASCII alone.
        """
        if with_case:
            return [str(row[0]) for row in self._database.rows(self._queries.doubled_keys())]
        folded = self._keys().str.to_lowercase()
        return folded.filter(folded.is_duplicated()).unique().to_list()

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut a range into nearly equal parts, one less than parts."""
        rows = self.count(id_range)
        cuts = sorted({rows * number // parts for number in range(1, parts)} - {0})
        return self._keys_numbered(id_range, cuts) if cuts else []

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range in key order; None when it has fewer rows."""
        return next(iter(self._keys_numbered(id_range, [rows])), None)

    def _keys_numbered(self, id_range: IdRange, numbers: Sequence[int]) -> Sequence[str]:
        found = self._database.rows(self._queries.keys_numbered(id_range, numbers))
        return [str(row[0]) for row in found]

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the value of a source column."""
        counts: dict[str | None, int] = {
            str(value): int(rows)
            for value, rows in self._database.rows(self._queries.value_counts(column, id_range))
        }
        empty = self._database.row(self._queries.without_value(column, id_range))[0]
        return {**counts, None: int(empty)} if empty else counts

    def state(self, id_range: IdRange) -> str:
        """Return a short text that differs when rows of a range changed."""
        return self._states.of(id_range)

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges; those of known cursors are comparable."""
        return self._states.look(ranges, known)

    @property
    def calls(self) -> None:
        """Nothing: it takes as many as there are."""


def _word(type_name: str) -> str:
    """Return the first word of a type."""
    return type_name.lower().replace("(", " ").partition(" ")[0]
