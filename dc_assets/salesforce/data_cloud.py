"""The source: a data model object, read through one of Data Cloud's query APIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.sides import Distinctness
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_spec import SourceSpec
from dc_assets.core.source_state import SourceLook
from dc_assets.core.spec import LoadSpec
from dc_assets.core.value_kinds import ValueKind, kind_in_sql
from dc_assets.load.preflight.measured import FieldRule
from dc_assets.load.preflight.survey import SourceCalls
from dc_assets.salesforce.data_chunks import ChunkedQueries
from dc_assets.salesforce.data_pages import PagedQueries
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.metadata import object_meant
from dc_assets.salesforce.small_answers import QueryAPI, SmallAnswers, correctable
from dc_assets.salesforce.source_queries import SourceQueries
from dc_assets.salesforce.source_states import SourceStates


def query_api(tenant: Host, source: SourceSpec) -> QueryAPI:
    """Return the query API that a spec asks for."""
    if source.api == "v3":
        return ChunkedQueries(tenant, source.data_space)
    return PagedQueries(tenant)


class DataCloudSource:
    """One object of a Data Cloud tenant, seen through a load spec."""

    def __init__(self, tenant: Host, spec: LoadSpec) -> None:
        self._tenant = tenant
        self._spec = spec
        self._queries = SourceQueries(spec)
        self._api = query_api(tenant, spec.source)
        self._asked = SmallAnswers(tenant, self._api)
        self._states = SourceStates(spec, self._asked)

    def columns(self) -> Mapping[str, ValueKind]:
        """Return the kind of each column of the object.

        Raises:
            ConfigError: there is no such object that our user can see.
        """
        try:
            with self._refusals("source.object"):
                types = self._api.types(self._queries.no_columns_named())
        except ConfigError as error:
            hint = object_meant(self._tenant, self._spec.source.object or "")
            raise (ConfigError(f"{error} {hint}") if hint else error) from error
        return {self._spelt(types, name): kind_in_sql(of) for name, of in types.items()}

    def _spelt(self, types: Mapping[str, str], name: str) -> str:
        """Return a column as the spec spells it, where the server writes all in lower case."""
        if any(one != one.lower() for one in types):
            return name
        refresh = self._spec.refresh.modified
        spelt = (one for one in (*self._columns, refresh) if one and one.lower() == name)
        return next(spelt, name)

    def check_columns(self) -> None:
        """Ask for no rows of the spec's columns under its condition.

        Raises:
            ConfigError: they are refused.
        """
        with self._refusals("source.where and the source columns"):
            list(self._api.rows(self._queries.no_rows(), self._columns))

    def _refusals(self, settings: str) -> AbstractContextManager[None]:
        asked = f"the query for {self._spec.source.place}"
        return correctable(asked, f"Correct {settings} of the spec {self._spec.name}.")

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range in ascending key order, as source columns of text.

        Raises:
            TransientRemoteError: the stream broke; ask again from the last key that was yielded.
        """
        return self._api.rows(self._queries.rows(id_range), self._columns)

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range, asked fresh."""
        (count,) = self._asked.counts(self._queries.count(id_range), 1)
        return count

    def rows_total(self) -> tuple[int, int]:
        """Count all selected rows, and those among them that have no key."""
        rows, keys = self._asked.counts(self._queries.totals(), 2)
        return rows, rows - keys

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more than the given number of rows, biggest first."""
        found = self._asked.rows(self._queries.parents_above(rows), 2)
        return [(str(name), self._asked.whole(count)) for name, count in found]

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key; None when there is no row with a key."""
        first, last = self._asked.one_row(self._queries.key_ends(), 2)
        return None if first is None or last is None else (first, last)

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return (rows of one parent, how many parents have so many), biggest first."""
        found = self._asked.rows(self._queries.rows_per_parent(), 2)
        return [(self._asked.whole(rows), self._asked.whole(parents)) for rows, parents in found]

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule, in the order of the rules, by one query."""
        return self._asked.counts(self._queries.breaking(rules), len(rules))

    def distinctness(self, columns: Sequence[str]) -> Mapping[str, Distinctness]:
        """Measure how far some columns tell rows apart, by one query."""
        query = self._queries.distinctness(columns)
        return Distinctness.of(columns, self._asked.counts(query, 1 + 2 * len(columns)))

    def most_frequent(self, column: str, values_max: int) -> Sequence[tuple[str, int]]:
        """Return some values of a column with their rows, the most frequent first."""
        found = self._asked.rows(self._queries.most_frequent(column, values_max), 2)
        return [(str(value), self._asked.whole(rows)) for value, rows in found]

    def external_ids(self) -> Sequence[str]:
        """Return all keys."""
        return [str(row[0]) for row in self._asked.rows(self._queries.keys(), 1)]

    def ambiguous_keys(self, *, with_case: bool = False) -> Sequence[str]:
        """Return the keys that stand twice: lower-cased, unless those of other case are others."""
        query = self._queries.ambiguous_keys(with_case=with_case)
        return [str(row[0]) for row in self._asked.rows(query, 1)]

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut a range into nearly equal parts, one less than parts."""
        rows = self.count(id_range)
        cuts = sorted({rows * number // parts for number in range(1, parts)} - {0})
        return self._keys_numbered(id_range, cuts) if cuts else []

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range in key order; None when it has fewer rows."""
        return next(iter(self._keys_numbered(id_range, [rows])), None)

    def _keys_numbered(self, id_range: IdRange, numbers: Sequence[int]) -> Sequence[str]:
        found = self._asked.rows(self._queries.keys_numbered(id_range, numbers), 1)
        return [str(row[0]) for row in found]

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the value of a source column."""
        found = self._asked.rows(self._queries.value_counts(column, id_range), 2)
        return {row[0]: self._asked.whole(row[1]) for row in found}

    def state(self, id_range: IdRange) -> str:
        """Return a short text that differs when rows of a range changed."""
        return self._states.of(id_range)

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges by one query; those of known cursors are comparable."""
        return self._states.look(ranges, known)

    @property
    def calls(self) -> SourceCalls | None:
        """What the tenant last said is left of its calls, if it did."""
        limit = self._tenant.usage.rates.limit
        return None if limit is None else SourceCalls(limit.left, limit.stated)

    @property
    def _columns(self) -> Sequence[str]:
        return [column.source for column in self._spec.columns]
