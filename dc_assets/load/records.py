"""Reads the records of the org that rows with some external ids are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.differences import are_order_safe
from dc_assets.load.archive import ArrowPages
from dc_assets.load.both_sides import records_of
from dc_assets.load.ports import Slot, Source, Target


@dataclass(frozen=True)
class NamedRecords:
    """Finds records by external ids, as the fields of one spec.

    Attributes:
        source: halves the ranges that the org finds too slow.
        has_case: whether external ids that differ in case only are those of two records.
        whole_target: returns all records, by a reading that begins now or later.
    """

    spec: LoadSpec
    source: Source
    target: Target
    has_case: bool
    whole_target: Callable[[Callable[[ArrowPages], None]], ArrowPages]
    long_query: Slot

    def of(self, id_range: IdRange, keys: pl.Series) -> Iterator[pl.DataFrame]:
        """Yield the records that rows of a range with some external ids are about.

        They are asked for by range where ids and bounds sort in the org as they do here.
        """
        if keys.is_empty():
            return
        key = pl.col(self.spec.target.external_id)
        key, wanted = (
            (key, keys) if self.has_case else (key.str.to_lowercase(), keys.str.to_lowercase())
        )
        is_meant = key.is_in(wanted.unique().implode())
        ranges = (id_range, *self.spec.ranges.values())
        bounds = [one for ids in ranges for one in (ids.after, ids.upto) if one is not None]
        if are_order_safe(pl.concat([keys, pl.Series(keys.name, bounds, dtype=pl.String)])):
            with self.long_query(keys.len()):
                for page in records_of(self.source, self.target, id_range):
                    yield page.filter(is_meant)
        else:
            for page in self.whole_target(self._read_whole).pages():
                yield page.filter(is_meant)

    def _read_whole(self, files: ArrowPages) -> None:
        for page in records_of(self.source, self.target, EVERYTHING):
            files.add(page)
