"""The rows of a query of the tenant, or those that a fault lets it have."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from dc_assets.emulator.engines.dialect import answer, is_aggregate
from dc_assets.emulator.stores.held import Result
from dc_assets.emulator.world import World


@dataclass(frozen=True, slots=True)
class Missing:
    """Rows that an answer lacks.

    Attributes:
        rows_max: rows after which the answer ends though there are more; None when it is whole.
        ends_empty: whether one more page without rows comes after the last row.
    """

    rows_max: int | None = None
    ends_empty: bool = False


WHOLE = Missing()
KEPT = timedelta(hours=24)


def computed(world: World, sql: str, *, unnamed: str) -> Result:
    """The rows of the query, or those it gave when its text was first seen."""
    hits = world.faults.due("data_cloud_query", {"stale_answer"}) if world.faults else []
    if hits and sql in world.stale:
        hits[0].fault.fired += 1
        return world.stale[sql]
    result = answer(sql, world.data_cloud, world.tenant_results, unnamed=unnamed)
    if hits:
        result.is_kept = True
        world.stale[sql] = result
    return result


def missing(world: World, sql: str) -> Missing:
    """Which rows an answer lacks, if one of these faults acts."""
    if not world.faults:
        return WHOLE
    with world.data_cloud.database.session() as session:
        what = "empty_count" if is_aggregate(sql, session) else "empty_answer"
    for hit in world.faults.due("data_cloud_query", {what}):
        if what == "empty_count":
            return Missing(rows_max=0)
        rows = int(hit.number_of("rows"))
        return Missing(None if rows < 0 else rows, ends_empty=hit.text("form") == "last")
    return WHOLE


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of a query that can be read again.

    Attributes:
        until: when they go.
        row_count: rows that are told; a limit or a fault makes them fewer than were computed.
    """

    result: Result
    until: datetime
    row_count: int


def hold(world: World, result: Result, row_count: int) -> str:
    """Keep the rows of a query for a day, and give its id."""
    query_id = f"OjA_{secrets.token_hex(16)}"
    result.label = (world.clock.now() + KEPT, row_count)
    world.tenant_results.put(query_id, result)
    return query_id


def held(world: World, query_id: str) -> Held | None:
    """The rows of a query; None when it is unknown, was deleted, or its day is past.

    Query Connect API and Query API V3 are two skins of one engine: each finds the other's queries.
    """
    result = world.tenant_results.get(query_id)
    if result is None or not isinstance(result.label, tuple):
        return None
    until, row_count = cast("tuple[datetime, int]", result.label)
    if until <= world.clock.now():
        world.tenant_results.drop(query_id)
        return None
    return Held(result, until, row_count)
