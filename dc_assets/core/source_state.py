"""What the source looked like at one moment, as a short text: equal texts mean nothing changed.

With a modification column it is a source cursor: the newest change, and how many rows changed since
shortly before it. Changes may show up late, behind newer ones; then the number grows. Without one
it is a fingerprint of all rows, which the source computes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dc_assets.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SourceCursor:
    """The newest change of some rows.

    Attributes:
        newest: its time as the source writes it; None when no row has one.
        rows: rows that changed at or after `newest` minus the overlap.
    """

    newest: str | None
    rows: int

    @classmethod
    def of(cls, text: str) -> SourceCursor | None:
        """Read a text that `text` wrote; None for a fingerprint or a text of nobody's.

        >>> SourceCursor.of(SourceCursor("2026-01-01 00:00:00+00", 3).text)
        SourceCursor(newest='2026-01-01 00:00:00+00', rows=3)
        """
        kind, _, rest = text.partition(" ")
        rows, _, newest = rest.partition(" ")
        if kind != "cursor" or not rows.isdigit():
            return None
        return cls(newest or None, int(rows))

    @property
    def text(self) -> str:
        """The cursor as the ledger keeps it."""
        return f"cursor {self.rows} {self.newest or ''}"

    def since(self, overlap_s: float) -> str | None:
        """Return the time from which rows count, written as the source compares it.

        >>> SourceCursor("2026-01-01 00:00:00+00", 3).since(60)
        '2025-12-31 23:59:00+00:00'

        Raises:
            ConfigError: the newest value is no time.
        """
        if self.newest is None:
            return None
        newest = time_of(self.newest)
        try:
            return (newest - timedelta(seconds=overlap_s)).isoformat(sep=" ")
        except OverflowError:  # there is no time before the year 1
            return newest.isoformat(sep=" ")


def time_of(text: str) -> datetime:
    """Read a time of the source.

    Raises:
        ConfigError: it is none.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"refresh.modified names a column that holds {text!r}, which is no time. Name a column "
            "with the time of a row's last change, or leave the setting out."
        ) from None


def fingerprint(rows: int, sums: str) -> str:
    """Return the text of a fingerprint: how many rows, and a digest of sums over all of them.

    >>> fingerprint(3, "12 15")
    'fingerprint 3 616e1e0bd37e1012'
    """
    return f"fingerprint {rows} {hashlib.sha256(sums.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class SourceLook:
    """The states of some partitions, seen by one query.

    Attributes:
        states: by partition key; equal to the known state where nothing changed.
        rows_scanned: rows that the source had to read for it, as far as it is known.
        rows: rows of these partitions; None where the look does not count them all.
    """

    states: Mapping[str, str]
    rows_scanned: int
    rows: int | None = None
