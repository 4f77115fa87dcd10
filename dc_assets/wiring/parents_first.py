"""Lets no load begin before the loads of its parents are complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dc_assets.core.errors import ParentsIncomplete
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.views.load_states import LoadStates


def missing_parents(
    parents: Sequence[LoadSpec], database: Database, org_id: str
) -> Sequence[tuple[str, str]]:
    """Return the loads of parents that are not complete, each with what it lacks."""
    return list(_missing(parents, database, org_id))


def parents_incomplete(name: str, missing: Sequence[tuple[str, str]]) -> ParentsIncomplete:
    """Return the refusal of a load whose parents are not complete."""
    loads = [parent for parent, _ in missing]
    lacks = "; ".join(f"{parent} lacks {keys}" for parent, keys in missing)
    return ParentsIncomplete(
        f"{name} names records of {' and '.join(loads)}, which come before it: {lacks}. Load them "
        f"first: dc-assets run {' '.join(loads)} {name} keeps the order. To send all the same: "
        '--anyway "why", in Dagster the run config `anyway`.'
    )


def _missing(
    parents: Sequence[LoadSpec], database: Database, org_id: str
) -> Iterator[tuple[str, str]]:
    for parent in parents:
        complete = LoadStates(database, parent.name, org_id).complete()
        keys = [key for key in parent.ranges if key not in complete]
        if keys:
            is_all = len(keys) == len(parent.ranges) > 1
            yield parent.name, f"all {len(keys)} partitions" if is_all else ", ".join(keys)
