"""Asks the ledger for the loads that come before another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dc_assets.core.parent_loads import (
    REFRESHING,
    IncompleteParent,
    lacks,
    missing_partitions,
    unchecked_partitions,
)
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import RunHeartbeats
from dc_assets.load.ports import Clock
from dc_assets.load.store import Mode
from dc_assets.views.load_states import LoadStates

CHECKED_WITHIN_S = 3_600.0
"""How long a child waits for checks of its parents: Dagster 1.13 launches it as soon as their rows
were sent, and checks read both sides once more."""

LOOK_AGAIN_S = 5.0


def after_their_checks(
    look: Callable[[], Sequence[IncompleteParent]],
    heartbeats: RunHeartbeats,
    clock: Clock,
    note: Note,
    *,
    run_id: str,
) -> Sequence[IncompleteParent]:
    """Return the parents that are not complete, when other runs that check them had time to.

    ``run_id`` is the child's own: what it checks of its parents it has checked before.
    """
    deadline_s = clock.now_s() + CHECKED_WITHIN_S
    noted = ""
    while True:
        missing = look()
        if clock.now_s() >= deadline_s or not _are_checked_now(heartbeats, missing, run_id):
            return missing
        if lacks(missing) != noted:
            noted = lacks(missing)
            note(RunEvent("partition_waits", {"cause": f"Parents are being checked: {noted}."}))
        clock.sleep(LOOK_AGAIN_S)


def _are_checked_now(
    heartbeats: RunHeartbeats, missing: Sequence[IncompleteParent], run_id: str
) -> bool:
    """Tell whether nothing but checks is missing, and other living runs are at them.

    The process of a step may be gone before that of the next one speaks: only silence tells.
    """
    runs = {run_id for parent in missing for run_id in parent.unchecked.values()}
    if not runs or run_id in runs or not all(parent.lacks_checks_alone for parent in missing):
        return False
    last = heartbeats.last(runs)
    return all(one in last and not last[one].is_silent for one in runs)


def incomplete_parents(
    database: Database, org_id: str, parents: Iterable[LoadSpec], mode: Mode
) -> Sequence[IncompleteParent]:
    """Return the parents of a load in a mode that are not complete in an org."""
    found: list[IncompleteParent] = []
    is_whole = mode not in REFRESHING
    for parent in parents:
        states = LoadStates(database, parent.name, org_id)
        newest = states.of_spec().newest
        missing = missing_partitions(
            parent, newest, states.complete(is_whole=is_whole), is_whole=is_whole
        )
        if missing:
            unchecked = unchecked_partitions(parent, newest, missing)
            found.append(IncompleteParent(parent.name, missing, len(parent.ranges), unchecked))
    return found
