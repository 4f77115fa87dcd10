"""Reads the rows of one partition from both sides, in canonical text, for comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar

import polars as pl

from dc_assets.core.errors import RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.canon import as_replayed, canonical, canonical_target
from dc_assets.frames.differences import are_order_safe, digests, key_by_key, side_by_side
from dc_assets.load.archive import DiskArchive, ParquetPages
from dc_assets.load.ports import Ports, Source
from dc_assets.load.reading import ordered_pages

HALVINGS_MAX = 10
"""How often a range is halved before a query that is too slow for the org is given up."""

T = TypeVar("T")


@dataclass(frozen=True)
class BothSides:
    """One id range of a spec on both sides; what is read is read once.

    Rows go to disk page by page. Memory holds the external id and a digest of each row, so a range
    of millions of rows can be compared; the fields of rows that differ are read back.

    Attributes:
        mark: the state of the ledger; it changes whenever a batch is settled.
    """

    spec: LoadSpec
    id_range: IdRange
    ports: Ports
    archive: DiskArchive
    mark: str

    @cached_property
    def source_digests(self) -> pl.DataFrame:
        """External id and digest of each source row."""
        pages = ordered_pages(self.spec, self.id_range, self.ports)
        return self._kept(self._source_files, (canonical(page, self.spec) for page in pages))

    @cached_property
    def target_digests(self) -> pl.DataFrame:
        """External id and digest of each target row of the range.

        All that the org answers for the range is kept: a record that sorts into it only without
        regard to case is one that it counts, and may double one of ours.
        """
        if self.is_order_safe:
            pages = self._records(self.id_range)
        else:
            pages = (page.filter(self._inside) for page in self._whole_target().pages())
        return self._kept(self._target_files, pages)

    @cached_property
    def is_order_safe(self) -> bool:
        """Whether the org may be asked for the range, though it compares text without case.

        Where the ids do not prove that this makes no difference, all its rows are read once for
        every partition, and the range is cut and counted here.
        """
        bounds = [b for b in (self.id_range.after, self.id_range.upto) if b is not None]
        keys = self.source_digests.get_column(self._key)
        return are_order_safe(pl.concat([keys, pl.Series(self._key, bounds, dtype=pl.String)]))

    @cached_property
    def keys(self) -> pl.DataFrame:
        """One line for each external id: `IN_SOURCE`, `IN_TARGET`, `ALIKE`, sorted."""
        return key_by_key(self.source_digests, self.target_digests, self.spec)

    def rows_of(self, keys: pl.Series) -> pl.DataFrame:
        """Return all fields of some external ids from both sides, beside each other."""
        assert self.keys is not None, "both sides are read"
        wanted = pl.col(self._key).is_in(keys.implode())
        found = [
            _no_rows(self.spec) if rows is None else rows.filter(wanted).collect()
            for rows in (self._source_files.scan(), self._target_files.scan())
        ]
        return side_by_side(found[0], found[1], self.spec)

    def count_source(self) -> int:
        """Count the source rows of the range."""
        return self.ports.source.count(self.id_range)

    def count_target(self) -> int:
        """Count the target rows of the range, in halves if the org finds it too slow."""
        if not self.is_order_safe:
            return self.target_digests.height
        ports = self.ports
        return sum(halving(ports.source, self.id_range, ports.target.count))

    def count_target_values(self, field: str) -> Mapping[str | None, int]:
        """Count the target rows of the range by the value of a field, likewise."""
        if not self.is_order_safe:
            rows = self._target_rows()
            counted = rows.group_by(field).agg(pl.len()).collect(engine="streaming")
            return {value: int(number) for value, number in counted.iter_rows()}
        target = self.ports.target
        merged: Counter[str | None] = Counter()
        for part in halving(
            self.ports.source, self.id_range, lambda ids: target.value_counts(field, ids)
        ):
            merged.update(part)
        return merged

    @property
    def _key(self) -> str:
        return self.spec.target.external_id

    @cached_property
    def _source_files(self) -> ParquetPages:
        return self.archive.scratch("source")

    @cached_property
    def _target_files(self) -> ParquetPages:
        return self.archive.scratch("target")

    @property
    def _inside(self) -> pl.Expr:
        key = pl.col(self._key)
        inside = pl.lit(value=True)
        if self.id_range.after is not None:
            inside &= key > self.id_range.after
        if self.id_range.upto is not None:
            inside &= key <= self.id_range.upto
        return inside

    def _kept(self, files: ParquetPages, pages: Iterable[pl.DataFrame]) -> pl.DataFrame:
        """Write the rows of the range to disk and return their digests."""
        kept = [digests(_no_rows(self.spec), self.spec)]
        for page in pages:
            rows = as_replayed(page, self.spec)
            if not rows.is_empty():
                files.add(rows)
                kept.append(digests(rows, self.spec))
        return pl.concat(kept)

    def _target_rows(self) -> pl.LazyFrame:
        assert self.target_digests is not None, "the target is read"
        rows = self._target_files.scan()
        return _no_rows(self.spec).lazy() if rows is None else rows

    def _records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        parts = halving(self.ports.source, id_range, self._records_of_part)
        for part in parts:
            yield from part

    def _records_of_part(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Return the records of a range; a query that is too slow fails here, not later."""
        pages = self.ports.target.records(id_range)
        first = next(pages, None)
        rest = chain([] if first is None else [first], pages)
        return (canonical_target(page, self.spec) for page in rest)

    def _whole_target(self) -> ParquetPages:
        kept = self.archive.kept_target(self.mark)
        if kept is not None:
            return kept
        files = self.archive.scratch("whole-target")
        for page in self._records_of_part(IdRange(after=None, upto=None)):
            files.add(page)
        self.archive.keep_target(self.mark, files)
        return files


def _no_rows(spec: LoadSpec) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys((c.target for c in spec.columns), pl.String))


def halving(
    source: Source, id_range: IdRange, ask: Callable[[IdRange], T], depth: int = 0
) -> list[T]:
    """Ask about a range; where the org answers QUERY_TIMEOUT, ask about its two halves.

    Returns the answers for the parts, in order. The middle is the middle key of the source,
    because the org cannot be asked for its own.
    """
    try:
        return [ask(id_range)]
    except RejectedRequest as error:
        if error.code != "QUERY_TIMEOUT" or depth >= HALVINGS_MAX:
            raise
        middle = source.key_quantiles(2, id_range)
        if not middle or middle[0] == id_range.upto:
            raise
    lower = IdRange(after=id_range.after, upto=middle[0])
    upper = IdRange(after=middle[0], upto=id_range.upto)
    return halving(source, lower, ask, depth + 1) + halving(source, upper, ask, depth + 1)
