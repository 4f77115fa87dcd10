"""A digest of many rows that does not depend on their order: sums of their hashes."""

from __future__ import annotations

import polars as pl

BETWEEN_COLUMNS, NO_VALUE = "\x1f", "\x1e"


def digest_sums() -> list[pl.Expr]:
    """Return the number of rows and the sums of the halves of their hashes, for a select.

    Every column of the frame is text.
    """
    digest = pl.concat_str(pl.all().fill_null(NO_VALUE), separator=BETWEEN_COLUMNS).hash(seed=0)
    low, high = (digest % 2**32).sum(), (digest // 2**32).sum()
    return [pl.len().alias("rows"), low.alias("low"), high.alias("high")]


class DigestSums:
    """The sums over pages of rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._low = 0
        self._high = 0

    def add(self, page: pl.DataFrame) -> None:
        """Count the rows of a page in."""
        rows, low, high = page.select(digest_sums()).row(0)
        self.rows += int(rows)
        self._low += int(low)
        self._high += int(high)

    @property
    def text(self) -> str:
        """The sums."""
        return f"{self._low} {self._high}"
