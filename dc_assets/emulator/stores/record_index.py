"""Which records of an object there are, and which of them have a key: found without the database.

A record is known by its number: the counter in its id, or a number far beyond all counters for an
id that the org never made. What is kept of a key is a hash of 64 bits.
"""

# ruff: noqa: S608  names come from the schema file

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping

import polars as pl

from dc_assets.emulator.schema import Field, ObjectType
from dc_assets.emulator.stores.duck import quoted
from dc_assets.emulator.stores.id_numbers import ids_of, numbers_of
from dc_assets.emulator.stores.sorted_runs import SortedRuns

NUMBER = "_number"
"""The hidden column of each table with the number of its records."""
ODD_FIRST = 1 << 40
"""The least number of a record whose id is not one that the org makes."""

Read = Callable[[str], pl.DataFrame]
"""The answer of the database to a query; all that was committed is in it."""


def fold(field: Field, cell: pl.Expr) -> pl.Expr:
    """A text made equal to each text this field takes as equal; an empty one is null."""
    if field.is_number:
        # One number may be written in many ways.
        text = cell.cast(pl.Float64, strict=False).cast(pl.String).fill_null(cell)
    else:
        cell = cell.str.strip_chars(" \t\n\r") if field.trims else cell
        text = cell if field.case_sensitive else cell.str.to_lowercase()
    return pl.when(cell != "").then(text)


def hashed(texts: pl.Series) -> pl.Series:
    """The hashes of folded texts; null stays null."""
    text = pl.lit(texts)
    return pl.select(pl.when(text.is_not_null()).then(text.hash())).to_series()


def _as_keys(numbers: pl.Series) -> pl.Series:
    return numbers.cast(pl.UInt64)


class RecordIndex:
    """The records of one object; whoever asks or changes it holds the lock of the writers.

    Args:
        item: the object.
        read: asked once for the records, and once for each field records are found by.
        first_number: the least number a new record may get.
    """

    def __init__(self, item: ObjectType, read: Read, first_number: int) -> None:
        self._item = item
        self._read = read
        table = quoted(item.name)
        there = read(f"SELECT DISTINCT {NUMBER} FROM {table} ORDER BY 1").to_series()
        self._firsts, self._stops = _ranges(there)
        self.total = there.len()
        odd = read(f'SELECT {NUMBER}, "Id" FROM {table} WHERE {NUMBER} >= {ODD_FIRST}')
        self._odd: Mapping[int, str] = dict(odd.iter_rows())
        last = there.filter(there < ODD_FIRST).max()
        self.next_number = max(first_number, last + 1 if isinstance(last, int) else 0)
        self._gone = SortedRuns()
        self.gone_count = 0
        self.remove(read(f'SELECT {NUMBER} FROM {table} WHERE "IsDeleted"').to_series())
        self._runs: dict[str, SortedRuns] = {}
        self._moved: dict[str, pl.DataFrame] = {}

    @property
    def live_count(self) -> int:
        """Records that are not deleted."""
        return self.total - self.gone_count

    def ids(self, numbers: pl.Series) -> pl.Series:
        """The ids of records; null stays null."""
        ids = ids_of(self._item.key_prefix, numbers)
        if not self._odd:
            return ids
        is_odd = numbers >= ODD_FIRST
        odd = numbers.replace_strict(self._odd, default=None, return_dtype=pl.String)
        return pl.select(pl.when(is_odd).then(odd).otherwise(ids)).to_series()

    def of_ids(self, ids: pl.Series) -> pl.Series:
        """The numbers of the records with these whole ids, deleted ones too; null for no record."""
        numbers = numbers_of(self._item.key_prefix, ids)
        if self._odd:
            known = {text: number for number, text in self._odd.items()}
            odd = ids.replace_strict(known, default=None, return_dtype=pl.Int64)
            numbers = pl.select(pl.coalesce(numbers, odd)).to_series()
        return pl.select(pl.when(self._exist(numbers)).then(numbers)).to_series()

    def are_gone(self, numbers: pl.Series) -> pl.Series:
        """Whether the records are deleted; false for null."""
        if not self.gone_count:
            return pl.repeat(value=False, n=numbers.len(), eager=True)
        return pl.int_range(numbers.len(), eager=True, dtype=pl.get_index_type()).is_in(
            self._gone.find(_as_keys(numbers))["at"].implode()
        )

    def alone(self, field: Field, folded: pl.Series) -> pl.Series | None:
        """The number of the one record `find` finds for each text; None if there may be two."""
        found = None if field.name in self._moved else self._runs_of(field).alone(hashed(folded))
        if found is None or not self.gone_count:
            return found
        return pl.select(pl.when(~self.are_gone(found)).then(found)).to_series()

    def find(self, field: Field, folded: pl.Series) -> pl.DataFrame:
        """The records that have these folded texts in a field and are not deleted.

        Returns:
            ``at``, the place in `folded`, and ``number``; as many lines as there are records.
        """
        keys = hashed(folded)
        found = self._runs_of(field).find(keys)
        moved = self._moved.get(field.name)
        if moved is not None:
            asked = found.with_columns(asked=keys.gather(found["at"]))
            is_here = pl.col("is_moved").is_null() | (pl.col("key") == pl.col("asked"))
            met = asked.join(moved, on="number", how="left").filter(is_here)
            # A text that was taken again stands there twice.
            found = met.select("at", "number").unique()
        return found.filter(~self.are_gone(found["number"])) if self.gone_count else found

    def insert(self, numbers: pl.Series, folded: Callable[[Field], pl.Series]) -> None:
        """Keep new records, whose numbers follow the last one; `folded` gives their texts."""
        if not numbers.len():
            return
        first, stop = int(numbers[0]), int(numbers[-1]) + 1
        place = bisect_left(self._firsts, first)
        if place and self._stops[place - 1] == first:
            self._stops[place - 1] = stop
        else:
            self._firsts.insert(place, first)
            self._stops.insert(place, stop)
        self.total += numbers.len()
        self.next_number = stop
        for name, runs in self._runs.items():
            field = self._item.field(name)
            assert field is not None  # noqa: S101  it was loaded by it
            runs.add(hashed(folded(field)), numbers)

    def remove(self, numbers: pl.Series) -> None:
        """Let records be deleted."""
        self._gone.add(_as_keys(numbers), numbers)
        self.gone_count += numbers.len()

    def move(self, field: Field, numbers: pl.Series, folded: pl.Series) -> None:
        """Let records have another text in a field they are found by, or none."""
        runs = self._runs.get(field.name)
        if runs is None or not numbers.len():
            return
        own = pl.DataFrame({"number": numbers, "key": hashed(folded)}).with_row_index("at")
        # Most texts are the ones that were there.
        moved = own.join(self.find(field, folded), on=("at", "number"), how="anti").drop("at")
        moved = moved.with_columns(is_moved=True)
        if not moved.height:
            return
        before = self._moved.get(field.name)
        every = moved if before is None else pl.concat([before, moved])
        self._moved[field.name] = every.unique("number", keep="last")
        runs.add(moved["key"], moved["number"])

    def _exist(self, numbers: pl.Series) -> pl.Series:
        firsts = pl.Series(self._firsts, dtype=pl.Int64)
        if not firsts.len():
            return pl.repeat(value=False, n=numbers.len(), eager=True)
        place = firsts.search_sorted(numbers, "right").cast(pl.Int64) - 1
        stop = pl.Series(self._stops, dtype=pl.Int64).gather(place.clip(0))
        return ((place >= 0) & (numbers < stop)).fill_null(value=False)

    def _runs_of(self, field: Field) -> SortedRuns:
        runs = self._runs.get(field.name)
        if runs is None:
            text = quoted(field.name)
            rows = self._read(
                f"SELECT {NUMBER}, {text}::VARCHAR AS text FROM {quoted(self._item.name)} "
                f"WHERE {text} IS NOT NULL"
            )
            runs = self._runs[field.name] = SortedRuns()
            folded = rows.select(fold(field, pl.col("text"))).to_series()
            runs.add(hashed(folded), rows[NUMBER])
        return runs


def _ranges(numbers: pl.Series) -> tuple[list[int], list[int]]:
    """First and stop of each run of numbers without a gap; the numbers stand in order."""
    is_first = (numbers - numbers.shift(1) != 1).fill_null(value=True)
    is_last = (numbers.shift(-1) - numbers != 1).fill_null(value=True)
    return numbers.filter(is_first).to_list(), (numbers.filter(is_last) + 1).to_list()


def wanted_numbers(item: ObjectType, ids: pl.Series) -> pl.Series:
    """The numbers of records with these ids, whoever made them."""
    odd = (ids.hash() % ODD_FIRST).cast(pl.Int64) + ODD_FIRST
    return pl.select(pl.coalesce(numbers_of(item.key_prefix, ids), odd)).to_series()
