"""Holds records against a snapshot of them, and says which are to be written back.

A restore is a load whose source is the snapshot: `docs/adr/0057-a-restore-is-a-load.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import polars as pl

from dc_assets.core.errors import RejectedRequest
from dc_assets.core.ranges import IdRange
from dc_assets.core.restoring import RECORD_ID
from dc_assets.frames.differences import IN_TARGET, at_source
from dc_assets.load.explanations import NO_VALUES
from dc_assets.load.ports import Target
from dc_assets.load.reconcile import Audit


class OnlyRecords:
    """A target of which only some records are looked at, by their record ids."""

    def __init__(self, target: Target, ids: pl.Series) -> None:
        self._target = target
        self._ids = ids.implode()

    @property
    def org_id(self) -> str:
        """The org's own id."""
        return self._target.org_id

    def count(self, id_range: IdRange) -> int:
        """Count those of the records whose external id lies in a range."""
        return sum(page.height for page in self.records(id_range))

    def value_counts(self, field_name: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Refuse: the org groups all records. Whoever asks counts the rows that are read anyway."""
        raise RejectedRequest(f"{field_name} in {id_range} is counted from the records themselves")

    def records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield those of the records whose external id lies in a range."""
        for page in self._target.records(id_range):
            yield page.filter(pl.col(RECORD_ID).is_in(self._ids))


@dataclass(frozen=True, slots=True)
class Restorable:
    """What a partition needs to be as it was.

    Attributes:
        differing: external ids of records that are there and otherwise than they were.
        gone: how many records are not there any more; an update brings none of them back.
    """

    differing: pl.Series
    gone: int


def restorable(
    audit: Audit, still_there: Callable[[Sequence[str]], AbstractSet[str]]
) -> Restorable:
    """Compare the records of a partition with their snapshot.

    A record that is not found by its external id is asked for by its record id: it may have
    another external id by now.
    """
    key = audit.sides.spec.target.external_id
    missing = audit.sides.keys.filter(~pl.col(IN_TARGET)).get_column(key)
    found = audit.keys_to_send("changed")
    differing = found.filter(~found.is_in(missing.implode()))
    if missing.is_empty():
        return Restorable(differing, 0)
    rows = audit.sides.whole_rows_of(missing).select(key, at_source(RECORD_ID)).drop_nulls()
    there = still_there(rows.get_column(at_source(RECORD_ID)).to_list())
    moved = rows.filter(pl.col(at_source(RECORD_ID)).is_in(list(there))).get_column(key)
    return Restorable(pl.concat([differing, moved]), rows.height - moved.len())


@dataclass(frozen=True, slots=True)
class RestoreExplanations:
    """What explains that records are not as they were: rows that the org refused."""

    refused: Collection[str]
    rows_pending: int

    def refused_keys(self, _: str) -> Collection[str]:
        """Return the external ids that the restore could not write back."""
        return self.refused

    def landed_keys(self, keys: Collection[str]) -> Collection[str]:  # noqa: ARG002 - the protocol
        """Return none: no record counts as deleted in the source, which is a file."""
        return set()

    def pending(self, _: str) -> int:
        """Count the rows of the restore that have no outcome."""
        return self.rows_pending

    def selected(self, _: str) -> int:
        """Return 0: there is no share of refused rows that would be too many."""
        return 0

    def resent_values(self, _: str) -> pl.DataFrame:
        """Return none: nothing is repaired."""
        return NO_VALUES

    def partition_rows(self) -> Mapping[str, int]:
        """Return none: a snapshot has no size to outgrow."""
        return {}
