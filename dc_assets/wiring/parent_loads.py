"""Asks the ledger for the loads that come before another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dc_assets.core.parent_loads import REFRESHING, IncompleteParent, missing_partitions
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.load.store import Mode
from dc_assets.views.load_states import LoadStates


def incomplete_parents(
    database: Database, org_id: str, parents: Iterable[LoadSpec], mode: Mode
) -> Sequence[IncompleteParent]:
    """Return the parents of a load in a mode that are not complete in an org."""
    found: list[IncompleteParent] = []
    is_whole = mode not in REFRESHING
    for parent in parents:
        states = LoadStates(database, parent.name, org_id)
        missing = missing_partitions(
            parent,
            states.of_spec().newest,
            states.complete(is_whole=is_whole),
            is_whole=is_whole,
        )
        if missing:
            found.append(IncompleteParent(parent.name, missing, len(parent.ranges)))
    return found
