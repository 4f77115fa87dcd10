"""States of a table: cursors of a modification column, or fingerprints of all rows.

A database that can hash sums the hashes of its rows. Of the others the rows are read and hashed
here, so a look at them costs as much as reading them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.core.source_state import SourceCursor, SourceLook, fingerprint
from dc_assets.core.spec import LoadSpec
from dc_assets.databases.connection import Database
from dc_assets.databases.queries import DatabaseQueries
from dc_assets.frames.row_digests import DigestSums

Pages = Callable[[IdRange], Iterator[pl.DataFrame]]


class DatabaseStates:
    """The states of one table, seen through a load spec."""

    def __init__(
        self, spec: LoadSpec, database: Database, queries: DatabaseQueries, pages: Pages
    ) -> None:
        self._spec = spec
        self._database = database
        self._queries = queries
        self._pages = pages

    def of(self, id_range: IdRange) -> str:
        """Return the state of one range."""
        ranges = {"range": id_range}
        if self._spec.refresh.modified is None:
            return self.look(ranges, {}).states["range"]
        newest = self._cursors(ranges, {})["range"].newest
        since = SourceCursor(newest, 0).since(self._spec.refresh.overlap_s)
        return self._cursors(ranges, {"range": since})["range"].text

    def look(self, ranges: Mapping[str, IdRange], known: Mapping[str, str]) -> SourceLook:
        """Return the states of some ranges; those of known cursors are comparable."""
        if self._spec.refresh.modified is None:
            return self._fingerprints(ranges)
        cursors = self._cursors(ranges, {key: self._since(known.get(key)) for key in ranges})
        states = {key: one.text for key, one in cursors.items()}
        return SourceLook(states, sum(one.rows for one in cursors.values()))

    def _since(self, known: str | None) -> str | None:
        cursor = SourceCursor.of(known) if known is not None else None
        return cursor.since(self._spec.refresh.overlap_s) if cursor is not None else None

    def _cursors(
        self, ranges: Mapping[str, IdRange], since: Mapping[str, str | None]
    ) -> dict[str, SourceCursor]:
        found = {row[0]: row for row in self._database.rows(self._queries.cursors(ranges, since))}
        cursors = dict.fromkeys(ranges, SourceCursor(None, 0))
        for number, key in enumerate(ranges):
            if number not in found:
                continue
            _, newest, rows, times = found[number]
            if times != rows:
                raise ConfigError(
                    f"refresh.modified of the spec {self._spec.name} names a column that holds "
                    f"{rows - times:,} values that are no time. Name a column with the time of a "
                    "row's last change, or leave the setting out."
                )
            cursors[key] = SourceCursor(newest, int(rows))
        return cursors

    def _fingerprints(self, ranges: Mapping[str, IdRange]) -> SourceLook:
        if self._database.dialect.row_hashes is None:
            summed = {key: self._summed(one) for key, one in ranges.items()}
        else:
            summed = self._summed_there(ranges)
        states = {key: fingerprint(rows, sums) for key, (rows, sums) in summed.items()}
        rows = sum(rows for rows, _ in summed.values())
        return SourceLook(states, rows, rows)

    def _summed(self, id_range: IdRange) -> tuple[int, str]:
        digests = DigestSums()
        for page in self._pages(id_range):
            digests.add(page)
        return digests.rows, digests.text

    def _summed_there(self, ranges: Mapping[str, IdRange]) -> dict[str, tuple[int, str]]:
        found = {row[0]: row for row in self._database.rows(self._queries.fingerprints(ranges))}
        summed: dict[str, tuple[int, str]] = dict.fromkeys(ranges, (0, ""))
        for number, key in enumerate(ranges):
            if number in found:
                _, rows, *sums = found[number]
                summed[key] = int(rows), " ".join(map(str, sums))
        return summed
