"""What the modelled org is like: its speed, and the sizes of what it works on.

A model fitted to the four success rates of the earlier system (21, 89, 90.16 and 99.93 %); not
measured on an org. Limits that Salesforce documents are marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OrgModel:
    """How the org works through ingest jobs.

    Attributes:
        workers: internal batches processed at the same time (fitted).
        row_s: seconds of work for a row whose chunk has its locks (fitted).
        chunk_overhead_s: seconds of work for each chunk, with its locks held (assumed).
        batch_overhead_s: seconds of work for each internal batch, without locks (assumed).
        queue_latency_s: mean time from the close of a job until it queues for a worker; Gamma
            distributed, shape 4 (assumed).
        chunk_rows: rows of one transaction (documented).
        internal_batch_rows: rows of one internal batch (documented).
    """

    workers: int = 16
    row_s: float = 0.012
    chunk_overhead_s: float = 0.1
    batch_overhead_s: float = 1.5
    queue_latency_s: float = 1.0
    chunk_rows: int = 200
    internal_batch_rows: int = 10_000


def bound_s(org: OrgModel, parents: Sequence[int]) -> float:
    """Return the least time the org can need: all work over all workers, or the biggest parent.

    Rows of one parent are never written side by side, so the biggest parent is a limit of its own.
    Negative numbers are rows without a parent.

    >>> bound_s(OrgModel(workers=2, batch_overhead_s=0.0), [0] * 10 + [1] * 10)
    0.125
    """
    chunk_row_s = org.row_s + org.chunk_overhead_s / org.chunk_rows
    row_s = chunk_row_s + org.batch_overhead_s / org.internal_batch_rows
    rows_of = Counter(parents)
    biggest = max((rows for parent, rows in rows_of.items() if parent >= 0), default=0)
    return max(len(parents) * row_s / org.workers, biggest * chunk_row_s)
