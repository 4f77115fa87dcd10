"""How many records may be deleted because the source has their rows no more."""

from __future__ import annotations

from dc_assets.core.spec import RefreshSpec

DELETES_ROWS_MAX = 1_000
DELETES_SHARE_MAX = 0.001


def deletes_rows_max(refresh: RefreshSpec, rows: int) -> int:
    """Return how many of the rows of ours in one partition may be deleted; more are an alarm.

    A source that suddenly answers half of its rows looks like many deletions.

    >>> [deletes_rows_max(RefreshSpec(), rows) for rows in (60, 400_000, 2_000_000)]
    [1, 400, 1000]
    """
    if refresh.deletes_rows_max is not None:
        return refresh.deletes_rows_max
    return max(1, min(DELETES_ROWS_MAX, int(rows * DELETES_SHARE_MAX)))
