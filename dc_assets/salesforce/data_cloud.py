"""The source: a data model object, read through Data Cloud's Query API V2.

An answer holds at most 49,999 rows and the id of the next batch, which works once; a batch that
got lost on the way cannot be asked for again, so the caller reads on behind the last key it has.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import polars as pl
from polars.exceptions import PolarsError

from dc_assets.core.errors import ConfigError, RejectedRequest, TransientRemoteError
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceLook
from dc_assets.core.spec import LoadSpec
from dc_assets.load.survey import FieldRule
from dc_assets.salesforce import sql
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.source_states import SourceStates

QUERY_URL = "/api/v2/query"
EVERYTHING = IdRange(after=None, upto=None)


class DataCloudSource:
    """One object of a Data Cloud tenant, seen through a load spec."""

    def __init__(self, tenant: Host, spec: LoadSpec) -> None:
        self._tenant = tenant
        self._spec = spec
        self._states = SourceStates(spec, self._rows)

    def check_columns(self) -> None:
        """Ask for no rows of all columns.

        Raises:
            ConfigError: the object or a column does not exist.
        """
        try:
            list(self._pages(self._tenant, f"{sql.rows(self._spec, EVERYTHING)} LIMIT 0"))
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
        return self._pages(self._tenant, sql.rows(self._spec, id_range, term=_fresh()))

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range, asked fresh."""
        where = sql.also(sql.where(self._spec, id_range), _fresh())
        (count,) = self._one_row(f'SELECT COUNT(*) AS "rows" FROM {self._object}{where}')
        return int(count or 0)

    def rows_total(self) -> tuple[int, int]:
        """Count all selected rows, and those among them that have no key."""
        where = sql.also(sql.where(self._spec, EVERYTHING), _fresh())
        key = sql.name(self._spec.source.key)
        rows, keys = self._one_row(
            f'SELECT COUNT(*) AS "rows", COUNT({key}) AS "keys" FROM {self._object}{where}'
        )
        return int(rows or 0), int(rows or 0) - int(keys or 0)

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more than the given number of rows, biggest first."""
        assert self._spec.source.parent is not None
        parent = sql.name(self._spec.source.parent)
        where = sql.also(sql.where(self._spec, EVERYTHING), f"{parent} IS NOT NULL")
        found = self._rows(
            f'SELECT CAST({parent} AS text) AS "parent", COUNT(*) AS "rows" FROM {self._object}'
            f'{where} GROUP BY {parent} HAVING COUNT(*) > {rows} ORDER BY "rows" DESC, "parent"'
        )
        return [(str(name), int(count or 0)) for name, count in found]

    def key_ends(self) -> tuple[str, str] | None:
        """Return the first and the last key; None when there is no row with a key."""
        key = sql.name(self._spec.source.key)
        where = sql.also(sql.where(self._spec, EVERYTHING), _fresh())
        first, last = self._one_row(
            f'SELECT CAST(MIN({key}) AS text) AS "first", CAST(MAX({key}) AS text) AS "last" '
            f"FROM {self._object}{where}"
        )
        return None if first is None or last is None else (first, last)

    def rows_per_parent(self) -> Sequence[tuple[int, int]]:
        """Return (rows of one parent, how many parents have so many), biggest first."""
        assert self._spec.source.parent is not None
        parent = sql.name(self._spec.source.parent)
        terms = f"{parent} IS NOT NULL AND {_fresh()}"
        where = sql.also(sql.where(self._spec, EVERYTHING), terms)
        found = self._rows(
            'SELECT "rows", COUNT(*) AS "parents" FROM '
            f'(SELECT COUNT(*) AS "rows" FROM {self._object}{where} GROUP BY {parent}) AS "parent" '
            'GROUP BY "rows" ORDER BY "rows" DESC'
        )
        return [(int(rows or 0), int(parents or 0)) for rows, parents in found]

    def count_breaking(self, rules: Sequence[FieldRule]) -> Sequence[int]:
        """Count the rows that break each rule, in the order of the rules, by one query."""
        sums = ", ".join(
            f'SUM(CASE WHEN {sql.breaks(rule)} THEN 1 ELSE 0 END) AS "n{number}"'
            for number, rule in enumerate(rules)
        )
        where = sql.also(sql.where(self._spec, EVERYTHING), _fresh())
        counts = self._one_row(f"SELECT {sums} FROM {self._object}{where}")
        return [int(float(count or 0)) for count in counts]

    def ambiguous_keys(self) -> Sequence[str]:
        """Return the lower-cased keys that stand twice or differ in case only."""
        folded = f"lower({sql.name(self._spec.source.key)})"
        where = sql.where(self._spec, EVERYTHING)
        found = self._rows(
            f'SELECT {folded} AS "folded" FROM {self._object}{where} '
            f"GROUP BY {folded} HAVING COUNT(*) > 1"
        )
        return [str(row[0]) for row in found]

    def key_quantiles(self, parts: int, id_range: IdRange) -> Sequence[str]:
        """Return the keys that cut a range into nearly equal parts, one less than parts."""
        key = sql.name(self._spec.source.key)
        rows = self.count(id_range)
        cuts = sorted({rows * number // parts for number in range(1, parts)} - {0})
        if not cuts:
            return []
        found = self._rows(
            f'SELECT "key" FROM (SELECT CAST({key} AS text) AS "key", '
            f'ROW_NUMBER() OVER (ORDER BY {key}) AS "number" FROM {self._object}'
            f'{sql.where(self._spec, id_range)}) AS "numbered" '
            f'WHERE "number" IN ({", ".join(map(str, cuts))}) ORDER BY "key"'
        )
        return [str(row[0]) for row in found]

    def key_at(self, id_range: IdRange, rows: int) -> str | None:
        """Return the key of the n-th row of a range in key order; None when it has fewer rows."""
        key = sql.name(self._spec.source.key)
        where = sql.also(sql.where(self._spec, id_range), _fresh())
        found = self._rows(
            f'SELECT "key" FROM (SELECT CAST({key} AS text) AS "key", '
            f'ROW_NUMBER() OVER (ORDER BY {key}) AS "number" FROM {self._object}{where}) '
            f'AS "numbered" WHERE "number" = {rows:d}'
        )
        return str(found[0][0]) if found else None

    def value_counts(self, column: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by the value of a source column."""
        where = sql.also(sql.where(self._spec, id_range), _fresh())
        value = sql.name(column)
        found = self._rows(
            f'SELECT CAST({value} AS text) AS "value", COUNT(*) AS "rows" FROM {self._object}'
            f"{where} GROUP BY {value}"
        )
        return {row[0]: int(row[1] or 0) for row in found}

    def state(self, id_range: IdRange) -> str:
        """Return a short text that differs when rows of a range changed."""
        return self._states.of(id_range)

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges by one query; those of known cursors are comparable."""
        return self._states.look(ranges, known)

    @property
    def _object(self) -> str:
        return sql.source_object(self._spec)

    def _rows(self, query: str) -> list[tuple[str | None, ...]]:
        """Return all rows of a small answer; asked again whole when a part of it is lost."""
        patient = self._tenant.patient()

        def ask() -> list[tuple[str | None, ...]]:
            return [row for page in self._pages(patient, query) for row in page.iter_rows()]

        return self._tenant.patient().repeat(ask)

    def _one_row(self, query: str) -> tuple[str | None, ...]:
        """Return the row of an aggregate; an answer without it is no answer."""

        def ask() -> tuple[str | None, ...]:
            rows = self._rows(query)
            if len(rows) != 1:
                raise TransientRemoteError(f"Data Cloud answered a count with {len(rows)} rows")
            return rows[0]

        return self._tenant.patient().repeat(ask)

    def _pages(self, tenant: Host, query: str) -> Iterator[pl.DataFrame]:
        answer = _ask(tenant, "POST", QUERY_URL, json={"sql": query})
        yield _frame(answer)
        while not answer.get("done", True):
            if not answer.get("nextBatchId"):
                raise TransientRemoteError("an answer that is not done names no next batch")
            batch_url = f"{QUERY_URL}/{quote(str(answer['nextBatchId']), safe='')}"
            try:
                answer = _ask(tenant, "GET", batch_url)
            except RejectedRequest as error:  # used, expired or lost: only a new query helps
                raise TransientRemoteError(f"a batch of the query was lost: {error}") from error
            yield _frame(answer)


def _ask(tenant: Host, method: str, url: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own options
    # Arrow halves the client's CPU for a page; a server that does not know it sends JSON.
    headers = {"enable-arrow-stream": "true"}
    return tenant.ask(method, url, changes_nothing=True, headers=headers, **options)


def _fresh() -> str:
    """Return a true term that differs each time: an equal query may be answered from a cache."""
    nonce = sql.text(uuid.uuid4().hex)
    return f"{nonce} = {nonce}"


def _frame(answer: dict[str, Any]) -> pl.DataFrame:
    """Read one answer into text columns, in the order of the query.

    The metadata is an object whose order means nothing; ``placeInOrder`` does.
    """
    metadata: dict[str, dict[str, Any]] = answer.get("metadata") or {}
    names = sorted(metadata, key=lambda column: metadata[column]["placeInOrder"])
    schema = dict.fromkeys(names, pl.String)
    if answer.get("arrowStream"):
        try:
            frame = pl.read_ipc_stream(base64.b64decode(answer["arrowStream"], validate=True))
        except (ValueError, OSError, PolarsError) as error:
            raise TransientRemoteError("Data Cloud's Arrow stream cannot be read") from error
        return frame.select(pl.col(column).cast(pl.String) for column in names)
    rows: list[list[Any]] = answer.get("data") or []
    texts = [[None if cell is None else str(cell) for cell in row] for row in rows]
    return pl.DataFrame(texts, schema=schema, orient="row")
