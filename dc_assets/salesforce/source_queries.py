"""Every query that the reader sends to Data Cloud, as text.

The engine behind Query API V2 is Hyper or Trino ("Query API V2" of Data Cloud names neither), so a
query says only what both know: `varchar`, not `text`; quoted names; an alias for each column. Two
forms go further and say so in `SQLForm.engine`: `md5` of a text and `ascii` are Hyper's.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.row_digests import BETWEEN_COLUMNS, NO_VALUE
from dc_assets.load.preflight.measured import FieldRule
from dc_assets.salesforce import sql

MD5_CHARS = 5
"""Hexadecimal characters in one sum: 7 bits each, so that 2^28 rows fit into 64 bits."""

SUMS = 3


@dataclass(frozen=True, slots=True)
class SourceQueries:
    """The queries about one object, seen through a load spec."""

    spec: LoadSpec

    def no_rows(self) -> str:
        """Ask for no rows of all columns: the names are checked, nothing is read."""
        return f"{sql.rows(self.spec, EVERYTHING)} LIMIT 0"

    def no_columns_named(self) -> str:
        """Ask for no rows of whatever columns the object has: their types are in the answer."""
        return no_columns_of(self.spec.source.object or "")

    def rows(self, id_range: IdRange) -> str:
        """Ask for the rows of a range, every column as text, in key order."""
        return sql.rows(self.spec, id_range, term=fresh())

    def count(self, id_range: IdRange) -> str:
        """Count the rows of a range."""
        return f'SELECT COUNT(*) AS "rows" FROM {self._fresh(id_range)}'

    def totals(self) -> str:
        """Count all selected rows, and those among them that have a key."""
        return f'SELECT COUNT(*) AS "rows", COUNT({self.key}) AS "keys" FROM {self._fresh()}'

    def parents_above(self, rows: int) -> str:
        """Ask for parents with more than the given number of rows, biggest first."""
        return (
            f'SELECT {sql.as_text(self._parent_name)} AS "parent", COUNT(*) AS "rows" FROM '
            f"{self._of(EVERYTHING, f'{self._parent} IS NOT NULL')} GROUP BY {self._parent} "
            f'HAVING COUNT(*) > {rows:d} ORDER BY "rows" DESC, "parent"'
        )

    def rows_per_parent(self) -> str:
        """Ask how many parents have how many rows, biggest first."""
        return (
            'SELECT "rows", COUNT(*) AS "parents" FROM (SELECT COUNT(*) AS "rows" FROM '
            f"{self._of(EVERYTHING, f'{self._parent} IS NOT NULL AND {fresh()}')} "
            f'GROUP BY {self._parent}) AS "parent" GROUP BY "rows" ORDER BY "rows" DESC'
        )

    def key_ends(self) -> str:
        """Ask for the first and the last key."""
        return (
            f'SELECT CAST(MIN({self.key}) AS varchar) AS "first", '
            f'CAST(MAX({self.key}) AS varchar) AS "last" FROM {self._fresh()}'
        )

    def breaking(self, rules: Sequence[FieldRule]) -> str:
        """Count the rows that break each rule, in the order of the rules."""
        sums = ", ".join(
            f'SUM(CASE WHEN {sql.breaks(rule)} THEN 1 ELSE 0 END) AS "n{number}"'
            for number, rule in enumerate(rules)
        )
        return f"SELECT {sums} FROM {self._fresh()}"

    def distinctness(self, columns: Sequence[str]) -> str:
        """Count all rows, and of each column the rows with a value and the values, any case."""
        counts = [
            f"SUM(CASE WHEN {sql.as_text(one)} <> '' THEN 1 ELSE 0 END) AS \"f{number}\", "
            f'COUNT(DISTINCT lower({sql.as_text(one)})) AS "d{number}"'
            for number, one in enumerate(columns)
        ]
        chosen = ", ".join(['COUNT(*) AS "rows"', *counts])
        return f"SELECT {chosen} FROM {self._fresh()}"

    def most_frequent(self, column: str, values_max: int) -> str:
        """Ask for some values of a column with their rows, the most frequent first."""
        name = sql.name(column)
        return (
            f'SELECT {sql.as_text(column)} AS "value", COUNT(*) AS "rows" FROM '
            f"{self._of(EVERYTHING, f'{name} IS NOT NULL AND {fresh()}')} GROUP BY {name} "
            f'ORDER BY "rows" DESC, "value" LIMIT {values_max:d}'
        )

    def keys(self) -> str:
        """Ask for all keys."""
        selected = self._of(EVERYTHING, f"{self.key} IS NOT NULL AND {fresh()}")
        return f'SELECT {sql.as_text(self.spec.source.key)} AS "key" FROM {selected}'

    def ambiguous_keys(self, *, with_case: bool) -> str:
        """Ask for the keys that stand twice: lower-cased, unless those of other case are others."""
        folded = self.key if with_case else f"lower({self.key})"
        return (
            f'SELECT {folded} AS "folded" FROM {self._of(EVERYTHING)} '
            f"GROUP BY {folded} HAVING COUNT(*) > 1"
        )

    def keys_numbered(self, id_range: IdRange, numbers: Sequence[int]) -> str:
        """Ask for the keys at some places of a range, counted from 1 in key order."""
        return (
            f'SELECT "key" FROM (SELECT {sql.as_text(self.spec.source.key)} AS "key", '
            f'ROW_NUMBER() OVER (ORDER BY {self.key}) AS "number" FROM {self._fresh(id_range)}) '
            f'AS "numbered" WHERE "number" IN ({", ".join(map(str, numbers))}) ORDER BY "key"'
        )

    def value_counts(self, column: str, id_range: IdRange) -> str:
        """Count the rows of a range by the value of a source column."""
        return (
            f'SELECT {sql.as_text(column)} AS "value", COUNT(*) AS "rows" FROM '
            f"{self._fresh(id_range)} GROUP BY {sql.name(column)}"
        )

    def newest(self, id_range: IdRange) -> str:
        """Ask for the newest modification time of a range."""
        newest = f"CAST(MAX({self._modified}) AS varchar)"
        return f'SELECT {newest} AS "newest" FROM {self._of(id_range)}'

    def count_since(self, id_range: IdRange, since: str) -> str:
        """Count the rows of a range that changed at or after a time."""
        return f'SELECT COUNT(*) AS "rows" FROM {self._of(id_range, self._changed(since))}'

    def cursors(self, ranges: Mapping[str, IdRange], since: Mapping[str, str | None]) -> str:
        """Ask for number, newest time, count of the rows that changed lately, and of all rows.

        In a range without a time ``since`` all rows that have a modification time changed lately.
        """
        lately = " OR ".join(
            f"({' AND '.join([*sql.bounds(ids, self.key), self._changed(since.get(key))])})"
            for key, ids in ranges.items()
        )
        return (
            f'SELECT {part_of(ranges, self.key)} AS "part", '
            f'CAST(MAX({self._modified}) AS varchar) AS "newest", '
            f'CAST(COUNT(CASE WHEN {lately} THEN 1 END) AS varchar) AS "recent", '
            f'CAST(COUNT(*) AS varchar) AS "rows" FROM {self._of(_bounding(ranges))} GROUP BY 1'
        )

    def fingerprints(self, ranges: Mapping[str, IdRange]) -> str:
        """Ask for number, count and sums of the digests of the rows of each range."""
        row = "||".join(
            f"COALESCE({sql.as_text(column.source)}, {sql.text(NO_VALUE)})"
            f"||{sql.text(BETWEEN_COLUMNS)}"
            for column in self.spec.columns
        )
        sums = ", ".join(
            f'CAST(SUM({_digest_part(part)}) AS varchar) AS "s{part}"' for part in range(SUMS)
        )
        return (
            f'SELECT "part", CAST(COUNT(*) AS varchar) AS "rows", {sums} FROM '
            f'(SELECT {part_of(ranges, self.key)} AS "part", md5({row}) AS "digest" FROM '
            f'{self._of(_bounding(ranges))}) AS "digests" GROUP BY "part"'
        )

    @property
    def key(self) -> str:
        """The quoted key column."""
        return sql.name(self.spec.source.key)

    @property
    def _parent_name(self) -> str:
        assert self.spec.source.parent is not None, "the caller asked the spec"
        return self.spec.source.parent

    @property
    def _parent(self) -> str:
        return sql.name(self._parent_name)

    @property
    def _modified(self) -> str:
        assert self.spec.refresh.modified is not None, "the caller asked the spec"
        return sql.name(self.spec.refresh.modified)

    def _changed(self, since: str | None) -> str:
        if since is None:
            return f"{self._modified} IS NOT NULL"
        return f"{self._modified} >= {sql.text(since)}"

    def _fresh(self, id_range: IdRange = EVERYTHING) -> str:
        return self._of(id_range, fresh())

    def _of(self, id_range: IdRange, term: str = "") -> str:
        """Return the object and the WHERE clause of a range, with one more condition."""
        where = sql.where(self.spec, id_range)
        return f"{sql.source_object(self.spec)}{sql.also(where, term) if term else where}"


def no_columns_of(name: str) -> str:
    """Ask for no rows of whatever columns an object has: their types are in the answer."""
    return f"SELECT * FROM {sql.name(name)} LIMIT 0"


def fresh() -> str:
    """Return a true term that differs each time: an equal query may be answered from a cache."""
    nonce = sql.text(uuid.uuid4().hex)
    return f"{nonce} = {nonce}"


def part_of(ranges: Mapping[str, IdRange], key: str) -> str:
    """Return the number of the range that a row lies in, NULL for none of them."""
    cases = " ".join(
        f"WHEN {' AND '.join(sql.bounds(id_range, key)) or '1 = 1'} THEN {number}"
        for number, id_range in enumerate(ranges.values())
    )
    return f"CASE {cases} END"


def _bounding(ranges: Mapping[str, IdRange]) -> IdRange:
    """Select the rows of all ranges; those of one range alone are bounded by it."""
    return next(iter(ranges.values())) if len(ranges) == 1 else EVERYTHING


def _digest_part(part: int) -> str:
    """Return a part of the digest as a number below 2^35."""
    first = 1 + part * MD5_CHARS
    places = (
        f'CAST(ascii(substring("digest", {first + place}, 1)) AS bigint) * {128**place}'
        for place in range(MD5_CHARS)
    )
    return " + ".join(places)


Engine = Literal["any", "hyper"]


@dataclass(frozen=True, slots=True)
class SQLForm:
    """One form of query that the reader sends for a spec.

    Attributes:
        engine: `hyper` if Trino does not know a function of it.
    """

    name: str
    text: str
    engine: Engine = "any"

    @property
    def of_nothing(self) -> str:
        """The same query for no rows."""
        return f'SELECT * FROM ({self.text}) AS "form" LIMIT 0'


SOME_RULES = tuple(
    FieldRule("", "", kind, bound=2, values=("a", "b"), strips=kind == "required")
    for kind in sql.RULES_OF_TEXT
)
"""One rule of each kind; a form asks them of the key."""

SOME_TIME = "2026-01-01 00:00:00+00:00"


def sql_forms(spec: LoadSpec) -> Sequence[SQLForm]:
    """Return every form of query that the reader can send for a spec, with values of its own.

    They can be run as they are; wrapped in ``SELECT * FROM (…) AS "form" LIMIT 0`` they read
    nothing.
    """
    return [*_forms_of_rows(spec), *_forms_of_plans(spec), *_forms_of_states(spec)]


def _forms_of_rows(spec: LoadSpec) -> Iterator[SQLForm]:
    ask, some = SourceQueries(spec), IdRange(after="a", upto="b'")
    yield SQLForm("no rows", ask.no_rows())
    yield SQLForm("columns", ask.no_columns_named())
    yield SQLForm("rows", ask.rows(some))
    yield SQLForm("all rows", ask.rows(EVERYTHING))
    yield SQLForm("count", ask.count(some))
    yield SQLForm("keys numbered", ask.keys_numbered(some, [1, 2]))
    for column in spec.columns:
        yield SQLForm(f"value counts of {column.source}", ask.value_counts(column.source, some))


def _forms_of_plans(spec: LoadSpec) -> Iterator[SQLForm]:
    ask = SourceQueries(spec)
    yield SQLForm("totals", ask.totals())
    yield SQLForm("key ends", ask.key_ends())
    yield SQLForm("ambiguous keys", ask.ambiguous_keys(with_case=False))
    yield SQLForm("doubled keys", ask.ambiguous_keys(with_case=True))
    yield SQLForm("keys", ask.keys())
    yield SQLForm("distinctness", ask.distinctness([spec.source.key]))
    yield SQLForm("most frequent", ask.most_frequent(spec.columns[0].source, 9))
    yield SQLForm(
        "breaking", ask.breaking([replace(r, column=spec.source.key) for r in SOME_RULES])
    )
    if spec.source.parent is not None:
        yield SQLForm("parents above", ask.parents_above(1))
        yield SQLForm("rows per parent", ask.rows_per_parent())


def _forms_of_states(spec: LoadSpec) -> Iterator[SQLForm]:
    ask, some = SourceQueries(spec), IdRange(after="a", upto="b'")
    looks = {
        "everything": {"all": EVERYTHING},
        "one range": {"one": some},
        "two ranges": {"one": some, "two": IdRange(after="b'", upto=None)},
    }
    for of, ranges in looks.items():
        if spec.refresh.modified is None:
            yield SQLForm(f"fingerprints of {of}", ask.fingerprints(ranges), "hyper")
        else:
            times = dict.fromkeys(list(ranges)[:1], SOME_TIME)
            yield SQLForm(f"cursors of {of}", ask.cursors(ranges, times))
    if spec.refresh.modified is not None:
        yield SQLForm("newest", ask.newest(some))
        yield SQLForm("count since", ask.count_since(some, SOME_TIME))
