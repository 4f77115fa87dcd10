"""What the modelled org is like: its speed, its limits, and what else continues in it.

A model fitted to the four success rates of the earlier system (21, 89, 90.16 and 99.93 %); not
measured on an org. Limits that Salesforce documents are marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


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
        lock_wait_s: how long a transaction waits for one lock before it fails (documented).
        batch_limit_s: how long an internal batch may keep its worker (documented).
        requeues_max: how often a batch is queued again before its rest stays unprocessed
            (documented).
        requeue_delay_s: wait of a batch before it queues again (assumed).
        fail_scope: what fails when a lock is not had in time: all rows of the chunk, or the rows of
            the parents that were not had (fitted).
        lock_order: parents are locked in the order of the rows, or sorted (fitted).
    """

    workers: int = 16
    row_s: float = 0.012
    chunk_overhead_s: float = 0.1
    batch_overhead_s: float = 1.5
    queue_latency_s: float = 1.0
    chunk_rows: int = 200
    internal_batch_rows: int = 10_000
    lock_wait_s: float = 10.0
    batch_limit_s: float = 300.0
    requeues_max: int = 20
    requeue_delay_s: float = 30.0
    fail_scope: Literal["chunk", "rows"] = "chunk"
    lock_order: Literal["row", "sorted"] = "row"


@dataclass(frozen=True, slots=True)
class Background:
    """What else locks parents while a load runs. All of it is invented: no org was measured.

    Attributes:
        saves_per_s: saves of users; each locks one parent.
        save_s: how long a save holds its lock, on average.
        batches_per_s: transactions of other integrations.
        batch_parents: parents that one of those locks.
        batch_s: how long it holds them: the median.
        batch_spread: how unlike those times are: sigma of a lognormal distribution.
    """

    saves_per_s: float = 0.0
    save_s: float = 0.4
    batches_per_s: float = 0.0
    batch_parents: int = 200
    batch_s: float = 15.0
    batch_spread: float = 0.5


BACKGROUNDS: Mapping[str, Background] = {
    "none": Background(),
    "normal": Background(saves_per_s=2.0, batches_per_s=1 / 60),
    "heavy": Background(saves_per_s=10.0, batches_per_s=1 / 15, batch_s=18.0),
}


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
