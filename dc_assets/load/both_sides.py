"""Reads the rows of one partition from both sides, in canonical text, for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import polars as pl

from dc_assets.core.errors import RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.canon import canonical, canonical_target
from dc_assets.frames.differences import are_order_safe, side_by_side
from dc_assets.load.ports import Source, Target

HALVINGS_MAX = 10
"""How often a range is halved before a query that is too slow for the org is given up."""

T = TypeVar("T")


class Archive(Protocol):
    """Where the reading of a whole target is kept, and the evidence of checks."""

    def kept_target(self, mark: str) -> pl.LazyFrame | None:
        """Scan the target rows that were read at a state of the ledger, if they were kept."""
        ...

    def keep_target(self, mark: str, pages: Iterator[pl.DataFrame]) -> pl.LazyFrame:
        """Keep the target rows of a state of the ledger, drop older ones, and scan them."""
        ...

    def keep_evidence(self, partition_key: str, check: str, rows: pl.DataFrame) -> str:
        """Write what a check found as Parquet and return the path."""
        ...


@dataclass(frozen=True)
class BothSides:
    """One id range of a spec on both sides; what is read is read once.

    Attributes:
        mark: the state of the ledger; it changes whenever a batch is settled.
    """

    spec: LoadSpec
    id_range: IdRange
    source: Source
    target: Target
    archive: Archive
    mark: str

    @cached_property
    def source_rows(self) -> pl.DataFrame:
        """All source rows, as target fields."""
        pages = [canonical(page, self.spec) for page in self.source.pages(self.id_range)]
        return pl.concat(pages) if pages else _no_rows(self.spec)

    @cached_property
    def target_rows(self) -> pl.DataFrame:
        """All target rows whose id lies in the range by bytes.

        An org compares text without regard to case. Where the ids prove that this makes no
        difference it is asked for the range; else all its rows are read once for every partition,
        and the range is cut here.
        """
        bounds = [b for b in (self.id_range.after, self.id_range.upto) if b is not None]
        keys = pl.concat([self.source_rows.get_column(self._key), pl.Series(self._key, bounds)])
        if are_order_safe(keys):
            pages = halving(self.source, self.id_range, self._records, _joined)
            rows = pl.concat(pages) if pages else _no_rows(self.spec)
            return rows.filter(self._inside)
        return self._whole_target().filter(self._inside).collect()

    @cached_property
    def joined(self) -> pl.DataFrame:
        """Both sides beside each other, by external id."""
        return side_by_side(self.source_rows, self.target_rows, self.spec)

    def count_target(self) -> int:
        """Count the target rows of the range, in halves if the org finds it too slow."""
        return halving(self.source, self.id_range, self.target.count, lambda a, b: a + b)

    @property
    def _key(self) -> str:
        return self.spec.target.external_id

    @property
    def _inside(self) -> pl.Expr:
        key = pl.col(self._key)
        inside = pl.lit(value=True)
        if self.id_range.after is not None:
            inside &= key > self.id_range.after
        return inside if self.id_range.upto is None else inside & (key <= self.id_range.upto)

    def _records(self, id_range: IdRange) -> list[pl.DataFrame]:
        return [canonical_target(page, self.spec) for page in self.target.records(id_range)]

    def _whole_target(self) -> pl.LazyFrame:
        kept = self.archive.kept_target(self.mark)
        if kept is not None:
            return kept
        everything = IdRange(after=None, upto=None)
        pages = (canonical_target(p, self.spec) for p in self.target.records(everything))
        return self.archive.keep_target(self.mark, pages)


def _joined(first: list[pl.DataFrame], second: list[pl.DataFrame]) -> list[pl.DataFrame]:
    return [*first, *second]


def _no_rows(spec: LoadSpec) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys((c.target for c in spec.columns), pl.String))


def halving(
    source: Source,
    id_range: IdRange,
    ask: Callable[[IdRange], T],
    join: Callable[[T, T], T],
    depth: int = 0,
) -> T:
    """Ask about a range; where the org answers QUERY_TIMEOUT, ask about its two halves.

    The middle is the middle key of the source, because the org cannot be asked for its own.
    """
    try:
        return ask(id_range)
    except RejectedRequest as error:
        if error.code != "QUERY_TIMEOUT" or depth >= HALVINGS_MAX:
            raise
        middle: Sequence[str] = source.key_quantiles(2, id_range)
        if not middle or middle[0] == id_range.upto:
            raise
        lower = IdRange(after=id_range.after, upto=middle[0])
        upper = IdRange(after=middle[0], upto=id_range.upto)
    below = halving(source, lower, ask, join, depth + 1)
    return join(below, halving(source, upper, ask, join, depth + 1))
