"""How many records may be deleted because the source has their rows no more."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class DeletionObservation:
    """Rows of one partition that we landed and the source has no more, seen at one moment.

    Attributes:
        source_rows: rows of the range; the source counted as many as it gave.
        rows: rows that are in the target, landed by us, and not in the source.
        keys_sha256: digest of their external ids.
    """

    source_rows: int
    rows: int
    keys_sha256: str


def why_kept(
    refresh: RefreshSpec, before: DeletionObservation | None, now: DeletionObservation | None
) -> str:
    """Return why the records of gone rows are not deleted; "" when they may be.

    Two observations must agree, because a source may answer too few rows once.
    """
    if now is None:
        return "the source counts other than it gives: this reading is not believed"
    if now.rows == 0:
        return "nothing is gone from the source"
    rows_max = deletes_rows_max(refresh, now.source_rows + now.rows)
    if now.rows > rows_max:
        return f"more than {rows_max:,} (refresh.deletes_rows_max): the source may be incomplete"
    if before != now:
        return "seen so for the first time: it must be seen twice alike"
    return "" if refresh.deletes == "apply" else "reported only (refresh.deletes: report)"
