"""Every query that the reader sends to a database, built by SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.databases.dialects import Query, SQLDialect, Text, Value, choose
from dc_assets.databases.rules import Condition, breaks
from dc_assets.frames.row_digests import BETWEEN_COLUMNS, NO_VALUE
from dc_assets.load.preflight.measured import FieldRule


class DatabaseQueries:
    """The queries about one table or query, seen through a load spec.

    Every text is compared by its bytes: key, parent and values alike. A column's own collation
    counts in the conditions that the spec's author wrote, and nowhere else.
    """

    def __init__(self, spec: LoadSpec, dialect: SQLDialect) -> None:
        self._spec = spec
        self._dialect = dialect
        self._from = _from(spec)
        self.key = self._text(spec.source.key)

    def no_columns_named(self) -> Query:
        """Ask for no rows of whatever columns there are."""
        return choose(sa.literal_column("*", sa.Text())).select_from(self._from).limit(0)

    def no_rows(self) -> Query:
        """Ask for no rows of the spec's columns under its condition."""
        return self.rows(EVERYTHING).limit(0)

    def rows(self, id_range: IdRange) -> Query:
        """Ask for the rows of a range, every column as text, in key order."""
        names = [column.source for column in self._spec.columns]
        chosen = [self._text(name).label(f"c{number}") for number, name in enumerate(names)]
        return self._of(id_range, *chosen).order_by(self.key)

    def keys(self) -> Query:
        """Ask for all keys."""
        return self._of(EVERYTHING, self.key.label("key")).where(self._key_column.is_not(None))

    def count(self, id_range: IdRange) -> Query:
        """Count the rows of a range."""
        return self._of(id_range, sa.func.count())

    def totals(self) -> Query:
        """Count all selected rows, and those among them that have a key."""
        return self._of(EVERYTHING, sa.func.count(), sa.func.count(self._key_column))

    def parents_above(self, rows: int) -> Query:
        """Ask for parents with more than the given number of rows, biggest first."""
        counted = self._per_parent()
        return (
            choose(counted.c.parent, counted.c.rows)
            .where(counted.c.rows > rows)
            .order_by(counted.c.rows.desc(), self._dialect.ordered(counted.c.parent))
        )

    def rows_per_parent(self) -> Query:
        """Ask how many parents have how many rows, biggest first."""
        rows = self._per_parent().c.rows
        return choose(rows, sa.func.count()).group_by(rows).order_by(rows.desc())

    def _per_parent(self) -> sa.Subquery:
        assert self._spec.source.parent is not None, "the caller asked the spec"
        return self._counted(self._spec.source.parent, "parent")

    def _counted(self, column: str, name: str, id_range: IdRange = EVERYTHING) -> sa.Subquery:
        """Count the rows with a value by a column's value."""
        value = self._text(column).label("value")
        values = self._of(id_range, value).where(sa.column(column).is_not(None)).subquery("v")
        by_bytes = self._dialect.ordered(values.c.value)
        counted = choose(by_bytes.label(name), sa.func.count().label("rows"))
        return counted.group_by(by_bytes).subquery("counted")

    def key_ends(self) -> Query:
        """Ask for the first and the last key."""
        return self._of(EVERYTHING, sa.func.min(self.key), sa.func.max(self.key))

    def breaking(self, rules: Sequence[FieldRule]) -> Query:
        """Count the rows that break each rule, in the order of the rules."""
        cases = (sa.case((breaks(rule, self._dialect), 1), else_=0) for rule in rules)
        return self._of(EVERYTHING, *(sa.func.sum(case) for case in cases))

    def distinctness(self, columns: Sequence[str]) -> Query:
        """Count all rows, and of each column the rows with a value and the values, any case."""
        counts: list[Value] = [sa.func.count()]
        for name in columns:
            value = sa.func.nullif(self._text(name), "")
            counts += [sa.func.count(value), sa.func.count(sa.distinct(sa.func.lower(value)))]
        return self._of(EVERYTHING, *counts)

    def most_frequent(self, column: str, values_max: int) -> Query:
        """Ask for some values of a column with their rows, the most frequent first."""
        counted = self._counted(column, "value")
        ordered = (counted.c.rows.desc(), self._dialect.ordered(counted.c.value))
        return choose(counted.c.value, counted.c.rows).order_by(*ordered).limit(values_max)

    def doubled_keys(self) -> Query:
        """Ask for the keys that stand twice."""
        counted = self._counted(self._spec.source.key, "key")
        return choose(counted.c.key).where(counted.c.rows > 1)

    def keys_numbered(self, id_range: IdRange, numbers: Sequence[int]) -> Query:
        """Ask for the keys at some places of a range, counted from 1 in key order."""
        number = sa.func.row_number().over(order_by=self.key)
        numbered = self._of(id_range, self.key.label("key"), number.label("number")).subquery("n")
        found = numbered.c.number.in_(numbers)
        return choose(numbered.c.key).where(found).order_by(numbered.c.number)

    def value_counts(self, column: str, id_range: IdRange) -> Query:
        """Count the rows with a value of a range by the value of a source column."""
        counted = self._counted(column, "value", id_range)
        return choose(counted.c.value, counted.c.rows)

    def without_value(self, column: str, id_range: IdRange) -> Query:
        """Count the rows of a range that have no value in a column."""
        return self.count(id_range).where(sa.column(column).is_(None))

    def cursors(self, ranges: Mapping[str, IdRange], since: Mapping[str, str | None]) -> Query:
        """Ask for number, newest time, count, and times that are none, of each range's rows.

        Only rows that changed at or after the time ``since`` of their range count; all of them
        with a time, where it has none.
        """
        name = self._spec.refresh.modified
        assert name is not None, "the caller asked the spec"
        moment = self._dialect.moment(sa.column(name))
        recent = [
            sa.and_(sa.true(), *self._bounds(one), *self._since(moment, since.get(key)))
            for key, one in ranges.items()
        ]
        dated = sa.and_(sa.column(name).is_not(None), sa.or_(*recent))
        rows = self._of(EVERYTHING, self._part(ranges), moment.label("moment")).where(dated)
        seen = rows.subquery("seen")
        newest = self._dialect.as_text(sa.func.max(seen.c.moment))
        times = sa.func.count(seen.c.moment)
        return choose(seen.c.part, newest, sa.func.count(), times).group_by(seen.c.part)

    def _since(self, moment: Value, since: str | None) -> list[Condition]:
        if since is None:
            return []
        recent = moment >= self._dialect.moment(sa.literal(since, sa.Text()))
        return [recent if self._dialect.is_strict else sa.or_(recent, moment.is_(None))]

    def fingerprints(self, ranges: Mapping[str, IdRange]) -> Query:
        """Ask for number, count and sums of the hashes of the rows of each range."""
        assert self._dialect.row_hashes is not None, "the caller asked the dialect"
        row: Text = sa.literal("")
        for column in self._spec.columns:
            value = sa.func.coalesce(self._text(column.source), NO_VALUE, type_=sa.Text())
            row = row + value + sa.literal(BETWEEN_COLUMNS)
        hashes = self._dialect.row_hashes(row)
        chosen = [one.label(f"h{number}") for number, one in enumerate(hashes)]
        rows = self._of(EVERYTHING, self._part(ranges), *chosen).subquery("hashed")
        sums = [
            self._dialect.as_text(sa.func.sum(rows.c[f"h{number}"]))
            for number in range(len(hashes))
        ]
        return choose(rows.c.part, sa.func.count(), *sums).group_by(rows.c.part)

    def _part(self, ranges: Mapping[str, IdRange]) -> sa.Label[Any]:
        """Return the number of the range that a row lies in, NULL for none of them."""
        cases = [
            (sa.and_(sa.true(), *self._bounds(one)), number)
            for number, one in enumerate(ranges.values())
        ]
        return sa.case(*cases).label("part")

    def _of(self, id_range: IdRange, *chosen: Value) -> Query:
        """Choose of the selected rows of a range."""
        query = choose(*chosen).select_from(self._from)
        if self._spec.source.where:
            query = query.where(sa.literal_column(f"({self._spec.source.where})", sa.Boolean()))
        return query.where(*self._bounds(id_range))

    def _bounds(self, id_range: IdRange) -> list[Condition]:
        bounds: list[Condition] = []
        if id_range.after is not None:
            bounds.append(self.key > id_range.after)
        if id_range.upto is not None:
            bounds.append(self.key <= id_range.upto)
        return bounds

    def _text(self, name: str) -> Text:
        return self._dialect.text(sa.column(name))

    @property
    def _key_column(self) -> Value:
        return sa.column(self._spec.source.key)


def _from(spec: LoadSpec) -> sa.FromClause:
    """Return the table, or the query in brackets; a point parts a table from its schema."""
    place = spec.source.sql
    assert place is not None, "whoever opens a database looked at the spec"
    if place.query is not None:
        written = place.query.replace(":", r"\:")  # it has no parameters
        return sa.text(f"({written}\n) AS source")  # pyright: ignore[reportReturnType] - Core takes it
    schema, _, table = (place.table or "").rpartition(".")
    return sa.table(table, schema=schema or None)
