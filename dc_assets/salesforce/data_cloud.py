"""The source: a data model object, read through Data Cloud's Query API V2."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from dc_assets.core.errors import ConfigError, RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceLook
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight import FieldRule
from dc_assets.salesforce import sql
from dc_assets.salesforce.data_pages import SmallAnswers, read_pages
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.source_states import SourceStates

EVERYTHING = IdRange(after=None, upto=None)


class DataCloudSource:
    """One object of a Data Cloud tenant, seen through a load spec."""

    def __init__(self, tenant: Host, spec: LoadSpec) -> None:
        self._tenant = tenant
        self._spec = spec
        self._asked = SmallAnswers(tenant)
        self._states = SourceStates(spec, self._asked)

    def check_columns(self) -> None:
        """Ask for no rows of all columns.

        Raises:
            ConfigError: the object or a column does not exist.
        """
        try:
            query = f"{sql.rows(self._spec, EVERYTHING)} LIMIT 0"
            list(read_pages(self._tenant, query, self._columns))
        except RejectedRequest as error:
            raise ConfigError(
                f"Data Cloud refuses the query for {self._spec.source.place}: {error}. Correct "
                "source.object, source.where and the source columns of the spec "
                f"{self._spec.name}."
            ) from error

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range in ascending key order, as source columns of text.

        Raises:
            TransientRemoteError: the stream broke; ask again from the last key that was yielded.
        """
        query = sql.rows(self._spec, id_range, term=_fresh())
        return read_pages(self._tenant, query, self._columns)

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range, asked fresh."""
        where = sql.also(sql.where(self._spec, id_range), _fresh())
        (count,) = self._asked.counts(f'SELECT COUNT(*) AS "rows" FROM {self._object}{where}', 1)
        return count

    def rows_total(self) -> tuple[int, int]:
        """Count all selected rows, and those among them that have no key."""
        where = sql.also(sql.where(self._spec, EVERYTHING), _fresh())
        key = sql.name(self._spec.source.key)
        rows, keys = self._asked.counts(
            f'SELECT COUNT(*) AS "rows", COUNT({key}) AS "keys" FROM {self._object}{where}', 2
        )
        return rows, rows - keys

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more than the given number of rows, biggest first."""
        assert self._spec.source.parent is not None
        parent = sql.name(self._spec.source.parent)
        where = sql.also(sql.where(self._spec, EVERYTHING), f"{parent} IS NOT NULL")
        found = self._asked.rows(
            f'SELECT CAST({parent} AS text) AS "parent", COUNT(*) AS "rows" FROM {self._object}'
            f'{where} GROUP BY {parent} HAVING COUNT(*) > {rows} ORDER BY "rows" DESC, "parent"',
            2,
        )
        return [(str(name), self._asked.whole(count)) for name, count in found]

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key; None when there is no row with a key."""
        key = sql.name(self._spec.source.key)
        where = sql.also(sql.where(self._spec, EVERYTHING), _fresh())
        first, last = self._asked.one_row(
            f'SELECT CAST(MIN({key}) AS text) AS "first", CAST(MAX({key}) AS text) AS "last" '
            f"FROM {self._object}{where}",
            2,
        )
        return None if first is None or last is None else (first, last)

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return (rows of one parent, how many parents have so many), biggest first."""
        assert self._spec.source.parent is not None
        parent = sql.name(self._spec.source.parent)
        terms = f"{parent} IS NOT NULL AND {_fresh()}"
        where = sql.also(sql.where(self._spec, EVERYTHING), terms)
        found = self._asked.rows(
            'SELECT "rows", COUNT(*) AS "parents" FROM '
            f'(SELECT COUNT(*) AS "rows" FROM {self._object}{where} GROUP BY {parent}) AS "parent" '
            'GROUP BY "rows" ORDER BY "rows" DESC',
            2,
        )
        return [(self._asked.whole(rows), self._asked.whole(parents)) for rows, parents in found]

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule, in the order of the rules, by one query."""
        sums = ", ".join(
            f'SUM(CASE WHEN {sql.breaks(rule)} THEN 1 ELSE 0 END) AS "n{number}"'
            for number, rule in enumerate(rules)
        )
        where = sql.also(sql.where(self._spec, EVERYTHING), _fresh())
        return self._asked.counts(
            f"SELECT {sums} FROM {self._object}{where}", len(rules), sums=True
        )

    def ambiguous_keys(self) -> Sequence[str]:
        """Return the lower-cased keys that stand twice or differ in case only."""
        folded = f"lower({sql.name(self._spec.source.key)})"
        where = sql.where(self._spec, EVERYTHING)
        found = self._asked.rows(
            f'SELECT {folded} AS "folded" FROM {self._object}{where} '
            f"GROUP BY {folded} HAVING COUNT(*) > 1",
            1,
        )
        return [str(row[0]) for row in found]

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut a range into nearly equal parts, one less than parts."""
        key = sql.name(self._spec.source.key)
        rows = self.count(id_range)
        cuts = sorted({rows * number // parts for number in range(1, parts)} - {0})
        if not cuts:
            return []
        found = self._asked.rows(
            f'SELECT "key" FROM (SELECT CAST({key} AS text) AS "key", '
            f'ROW_NUMBER() OVER (ORDER BY {key}) AS "number" FROM {self._object}'
            f'{sql.where(self._spec, id_range)}) AS "numbered" '
            f'WHERE "number" IN ({", ".join(map(str, cuts))}) ORDER BY "key"',
            1,
        )
        return [str(row[0]) for row in found]

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range in key order; None when it has fewer rows."""
        key = sql.name(self._spec.source.key)
        where = sql.also(sql.where(self._spec, id_range), _fresh())
        found = self._asked.rows(
            f'SELECT "key" FROM (SELECT CAST({key} AS text) AS "key", '
            f'ROW_NUMBER() OVER (ORDER BY {key}) AS "number" FROM {self._object}{where}) '
            f'AS "numbered" WHERE "number" = {rows:d}',
            1,
        )
        return str(found[0][0]) if found else None

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the value of a source column."""
        where = sql.also(sql.where(self._spec, id_range), _fresh())
        value = sql.name(column)
        found = self._asked.rows(
            f'SELECT CAST({value} AS text) AS "value", COUNT(*) AS "rows" FROM {self._object}'
            f"{where} GROUP BY {value}",
            2,
        )
        return {row[0]: self._asked.whole(row[1]) for row in found}

    def state(self, id_range: IdRange) -> str:
        """Return a short text that differs when rows of a range changed."""
        return self._states.of(id_range)

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges by one query; those of known cursors are comparable."""
        return self._states.look(ranges, known)

    @property
    def _object(self) -> str:
        return sql.source_object(self._spec)

    @property
    def _columns(self) -> Sequence[str]:
        return [column.source for column in self._spec.columns]


def _fresh() -> str:
    """Return a true term that differs each time: an equal query may be answered from a cache."""
    nonce = sql.text(uuid.uuid4().hex)
    return f"{nonce} = {nonce}"
