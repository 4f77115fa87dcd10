"""Reads the rows of one partition from both sides, in canonical text, for comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar

import polars as pl

from dc_assets.core.errors import (
    TOO_MUCH,
    DcError,
    RejectedRequest,
    RemoteError,
    TransientRemoteError,
)
from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.frames.canon import (
    as_replayed,
    canonical,
    canonical_target,
    look_at_source,
    outer_blanks,
)
from dc_assets.frames.differences import (
    are_order_safe,
    digests,
    in_key_order,
    key_by_key,
    side_by_side,
)
from dc_assets.frames.rewritten import rewritten_values
from dc_assets.load.archive import ArrowPages, DiskArchive
from dc_assets.load.ports import Ports, Source, Target
from dc_assets.load.reading import ordered_pages

HALVINGS_MAX = 10
"""How often a range is halved before a query that is too slow for the org is given up."""

FAULT_HALVINGS_MAX = 2

T = TypeVar("T")

Reading = pl.DataFrame | DcError


def halvings_max(error: RemoteError) -> int:
    """Return how often a range is halved after an error.

    A fault of the org's own (HTTP 500 with a code) has climbed a ladder first, and its halves climb
    it too: two levels are all that may be waited for.
    """
    if isinstance(error, RejectedRequest) and error.code in TOO_MUCH:
        return HALVINGS_MAX
    return FAULT_HALVINGS_MAX if isinstance(error, TransientRemoteError) and error.code else 0


@dataclass(frozen=True)
class BothSides:
    """One id range of a spec on both sides; what is read is read once.

    Rows go to disk page by page, as they were read. Memory holds the external id and a digest of
    each row, so a range of millions of rows can be compared; the fields of rows that differ are
    read back.

    Attributes:
        whole_target: returns all target rows, by a reading that is as new as is asked for; what it
            is given makes one.
    """

    spec: LoadSpec
    id_range: IdRange
    ports: Ports
    archive: DiskArchive
    whole_target: Callable[[Callable[[ArrowPages], None]], ArrowPages]

    @property
    def source_digests(self) -> pl.DataFrame:
        """External id and digest of each source row."""
        return _told(self._source_reading)

    @property
    def source_rows(self) -> int:
        """How many rows the source gave, 0 if it could not be read."""
        reading = self._source_reading
        return reading.height if isinstance(reading, pl.DataFrame) else 0

    @property
    def target_digests(self) -> pl.DataFrame:
        """External id and digest of each target row of the range.

        All that the org answers for the range is kept: a record that sorts into it only without
        regard to case is one that it counts, and may double one of ours.
        """
        return _told(self._target_reading)

    @cached_property
    def _source_reading(self) -> Reading:
        """What came of reading the source, once for all checks; a failure is kept like rows."""
        pages = ordered_pages(self.spec, self.id_range, self.ports)
        rows = (self._canonical_source(page) for page in pages)
        return _attempt(lambda: self._kept(self._source_files, rows, self._source_blanks))

    def _canonical_source(self, page: pl.DataFrame) -> pl.DataFrame:
        seen = look_at_source(page, self.spec)
        self._rewritten.update(rewritten_values(page, self.spec, seen))
        return canonical(page, self.spec, seen)

    @cached_property
    def _rewritten(self) -> Counter[str]:
        return Counter()

    def rewritten(self) -> Mapping[str, int]:
        """Count the source's values that the canonical form changes, by field and way."""
        assert self.source_digests is not None, "the source is read"
        return dict(self._rewritten.most_common())

    def dropped_blanks(self) -> Mapping[str, int]:
        """Count the values by how many the source has more with blanks around them, by field."""
        assert self.keys is not None, "both sides are read"
        return dict((self._source_blanks - self._target_blanks).most_common())

    @cached_property
    def _source_blanks(self) -> Counter[str]:
        return Counter()

    @cached_property
    def _target_blanks(self) -> Counter[str]:
        return Counter()

    @cached_property
    def _target_reading(self) -> Reading:
        if _told(self._order):
            return self._range_reading
        self._target_blanks.clear()  # they are of the rows that are believed
        return _attempt(
            lambda: self._kept(self._whole_files, self._whole_pages(), self._target_blanks)
        )

    @cached_property
    def _range_reading(self) -> Reading:
        """What the org answers for the range, by its own order."""
        return _attempt(
            lambda: self._kept(self._range_files, self._records(self.id_range), self._target_blanks)
        )

    def _whole_pages(self) -> Iterator[pl.DataFrame]:
        whole = self.whole_target(self._read_whole)
        return (page.filter(self._inside) for page in whole.pages())

    @property
    def is_order_safe(self) -> bool:
        """Whether the org may be asked for the range, though it compares text without case.

        Where ids and answer do not prove that this makes no difference, all its rows are read, once
        for every partition that can share them, and the range is cut and counted here.
        """
        return _told(self._order)

    @cached_property
    def _order(self) -> bool | DcError:
        return _attempt(self._proves_its_order)

    def _proves_its_order(self) -> bool:
        """Judge by the ids of the source and all bounds, then by the rows that the org answers.

        A row beyond the range by bytes is another partition's, unless it doubles one of ours.
        """
        if self.id_range == EVERYTHING:
            return True
        ranges = (self.id_range, *self.spec.ranges.values())
        bounds = [one for ids in ranges for one in (ids.after, ids.upto) if one is not None]
        keys = self.source_digests.get_column(self._key)
        if not are_order_safe(pl.concat([keys, pl.Series(self._key, bounds, dtype=pl.String)])):
            return False
        answered = self._range_reading
        if isinstance(answered, DcError):  # a count may be asked all the same
            return True
        beyond = answered.filter(~self._inside).get_column(self._key).str.to_lowercase()
        return beyond.is_empty() or beyond.is_in(keys.str.to_lowercase().implode()).all()

    @cached_property
    def keys(self) -> pl.DataFrame:
        """One line for each external id: `IN_SOURCE`, `IN_TARGET`, `ALIKE`, sorted."""
        return key_by_key(self.source_digests, self.target_digests, self.spec)

    def rows_of(self, keys: pl.Series) -> pl.DataFrame:
        """Return all fields of some external ids from both sides, beside each other, to compare."""
        found = [as_replayed(rows, self.spec) for rows in self._read_back(keys)]
        return side_by_side(found[0], found[1], self.spec)

    def whole_rows_of(self, keys: pl.Series) -> pl.DataFrame:
        """Return the same as each side holds it, with what is not compared."""
        source, target = self._read_back(keys)
        return side_by_side(source, target, self.spec)

    def _read_back(self, keys: pl.Series) -> Sequence[pl.DataFrame]:
        assert self.keys is not None, "both sides are read"
        wanted = pl.col(self._key).is_in(keys.implode())
        return [
            no_records(self.spec) if rows is None else rows.filter(wanted).collect()
            for rows in (self._source_files.scan(), self._target_files.scan())
        ]

    def count_source(self) -> int:
        """Count the source rows of the range."""
        return self.ports.source.count(self.id_range)

    def count_target(self) -> int:
        """Count the target rows of the range, in halves if the org finds it too slow."""
        if not self.is_order_safe:
            return self.target_digests.height
        target = self.ports.target
        return sum(halving(self.ports.source, self.id_range, self._in_a_slot(target.count)))

    def _in_a_slot(self, ask: Callable[[IdRange], T]) -> Callable[[IdRange], T]:
        """Return a question that holds a slot of the org's; the bigger the range, the longer."""

        def asked(id_range: IdRange) -> T:
            with self.ports.long_query(self.source_digests.height):
                return ask(id_range)

        return asked

    def count_source_values(self, column: ColumnSpec) -> Mapping[str | None, int]:
        """Count the source rows of the range by the value of a column.

        A source that refuses to group is counted from the rows that are read anyway.
        """
        try:
            return self.ports.source.value_counts(column.source, self.id_range)
        except RejectedRequest:
            assert self.source_digests is not None, "the source is read"
            return self._counted(self._source_files, column.target)

    def count_target_values(self, field: str) -> Mapping[str | None, int]:
        """Count the target rows of the range by the value of a field.

        They are counted here, from the rows that are read anyway, where the order of ids asks for
        it, and where the org does not group: too many groups, a field that it cannot group by.
        """
        if self.is_order_safe:
            with suppress(RejectedRequest):
                return self._grouped_target(field)
        assert self.target_digests is not None, "the target is read"
        return self._counted(self._target_files, field)

    def _grouped_target(self, field: str) -> Mapping[str | None, int]:
        """Let the org group, in halves if it finds that too slow."""
        target = self.ports.target
        merged: Counter[str | None] = Counter()
        ask = self._in_a_slot(lambda ids: target.value_counts(field, ids))
        for part in halving(self.ports.source, self.id_range, ask):
            merged.update(part)
        return merged

    @property
    def _key(self) -> str:
        return self.spec.target.external_id

    @cached_property
    def _source_files(self) -> ArrowPages:
        return self.archive.scratch("source")

    @cached_property
    def _range_files(self) -> ArrowPages:
        return self.archive.scratch("target")

    @cached_property
    def _whole_files(self) -> ArrowPages:
        return self.archive.scratch("target-cut")

    def drop_rows(self) -> None:
        """Make room on disk, when nothing more is asked."""
        for files in (self._source_files, self._range_files, self._whole_files):
            files.drop()

    @property
    def _target_files(self) -> ArrowPages:
        return self._range_files if self.is_order_safe else self._whole_files

    @property
    def _inside(self) -> pl.Expr:
        key = pl.col(self._key)
        inside = pl.lit(value=True)
        if self.id_range.after is not None:
            inside &= key > self.id_range.after
        if self.id_range.upto is not None:
            inside &= key <= self.id_range.upto
        return inside

    def _kept(
        self, files: ArrowPages, pages: Iterable[pl.DataFrame], blanks: Counter[str]
    ) -> pl.DataFrame:
        """Write the rows of the range to disk and return their digests, in the order of ids."""
        kept = [digests(no_records(self.spec), self.spec)]
        for page in pages:
            if not page.is_empty():
                files.add(page)
                found = outer_blanks(page, self.spec)
                blanks.update(found)
                kept.append(digests(as_replayed(page, self.spec, found), self.spec))
        return in_key_order(pl.concat(kept), self.spec)

    def _counted(self, files: ArrowPages, field: str) -> Mapping[str | None, int]:
        rows = files.scan()
        if rows is None:
            return {}
        counted = rows.group_by(field).agg(pl.len()).collect(engine="streaming")
        return {value: int(number) for value, number in counted.iter_rows()}

    def _records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        pages = records_of(self.ports.source, self.ports.target, id_range)
        return (canonical_target(page, self.spec) for page in pages)

    def _read_whole(self, files: ArrowPages) -> None:
        for page in self._records(EVERYTHING):
            files.add(page)


def _attempt(effect: Callable[[], T]) -> T | DcError:
    try:
        return effect()
    except DcError as error:
        return error


def _told(attempted: T | DcError) -> T:
    """Return what an attempt gave, or raise what it met, again for each that asks."""
    if isinstance(attempted, DcError):
        raise attempted
    return attempted


def no_records(spec: LoadSpec) -> pl.DataFrame:
    """Return no records, with the fields that a spec fills."""
    return pl.DataFrame(schema=dict.fromkeys((c.target for c in spec.columns), pl.String))


def halving(
    source: Source, id_range: IdRange, ask: Callable[[IdRange], T], depth: int = 0
) -> list[T]:
    """Ask about a range; where that is too much for the org, ask about its two halves.

    Returns the answers for the parts, in order. The middle is the middle key of the source,
    because the org cannot be asked for its own.
    """
    try:
        return [ask(id_range)]
    except RemoteError as error:
        if depth >= halvings_max(error):
            raise
        middle = source.key_quantiles(2, id_range)
        if not middle or middle[0] == id_range.upto:
            raise
    lower = IdRange(after=id_range.after, upto=middle[0])
    upper = IdRange(after=middle[0], upto=id_range.upto)
    return halving(source, lower, ask, depth + 1) + halving(source, upper, ask, depth + 1)


def records_of(source: Source, target: Target, id_range: IdRange) -> Iterator[pl.DataFrame]:
    """Yield the target rows of a range as the org answers them, in halves if it is too slow."""

    def begun(part: IdRange) -> Iterator[pl.DataFrame]:
        """Return the records of a part; a query that is too slow fails here, not later."""
        pages = target.records(part)
        first = next(pages, None)
        return chain([] if first is None else [first], pages)

    for part in halving(source, id_range, begun):
        yield from part
