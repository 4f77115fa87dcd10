"""States of one of our batches, and what a run does with a batch that a dead run left behind.

All transitions live here. This module does not know who makes them: a first run, a resumed run
and a rescuer follow the same table.
"""

from __future__ import annotations

from enum import Enum


class BatchState(Enum):
    """Where a batch stands."""

    PLANNED = "planned"
    """Its rows are on disk. Nothing was sent."""
    OPENING = "opening"
    """The intent is in the ledger, the create call may have reached the org; no job id is known."""
    OPEN = "open"
    """The job id is in the ledger; upload and close may or may not have happened."""
    UPLOADED = "uploaded"
    """The close was acknowledged: the org owns the rows now."""
    SETTLED = "settled"
    """Every row has an outcome and the receipt is written. Final."""
    ABANDONED = "abandoned"
    """No row of it may land any more; its rows are in another batch. Final."""


TRANSITIONS: dict[BatchState, frozenset[BatchState]] = {
    BatchState.PLANNED: frozenset({BatchState.OPENING, BatchState.ABANDONED}),
    BatchState.OPENING: frozenset({BatchState.OPEN, BatchState.ABANDONED}),
    BatchState.OPEN: frozenset({BatchState.UPLOADED, BatchState.ABANDONED}),
    # Abandoned: the org dropped the job's results, so nobody can say what became of its rows.
    BatchState.UPLOADED: frozenset({BatchState.SETTLED, BatchState.ABANDONED}),
    BatchState.SETTLED: frozenset(),
    BatchState.ABANDONED: frozenset(),
}
assert set(TRANSITIONS) == set(BatchState)

IN_FLIGHT = frozenset({BatchState.OPENING, BatchState.OPEN, BatchState.UPLOADED})
"""A batch in one of these states holds its lane and a slot of the window."""


class Rescue(Enum):
    """What to do with a batch whose run is dead."""

    NOTHING = "nothing"
    """Final, or not begun: it is claimed like any other."""
    RESEND = "plan the rows again; an orphan job is swept at the end"
    """The org may hold an Open job whose id was never heard: it has no rows and no id here."""
    ASK = "ask the org: Open is aborted and sent again, anything else continues as uploaded"
    """The job id is known, so the org can say how far it came."""
    FOLLOW = "poll and settle; plan the rows again only if the org dropped the job or its results"
    """The org owns the rows; sending them again would send rows whose success is known."""


RESCUE: dict[BatchState, Rescue] = {
    BatchState.PLANNED: Rescue.NOTHING,
    BatchState.OPENING: Rescue.RESEND,
    BatchState.OPEN: Rescue.ASK,
    BatchState.UPLOADED: Rescue.FOLLOW,
    BatchState.SETTLED: Rescue.NOTHING,
    BatchState.ABANDONED: Rescue.NOTHING,
}
assert set(RESCUE) == set(BatchState)
