"""How each partition stands: its loads and the latest results of its checks, put together."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.attention import LatestCheck, RangeInLoad, Standing
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import load, range_state
from dc_assets.views.check_results import CheckResults
from dc_assets.views.partitions import LedgerViews, RangeStatus


class Standings:
    """The partitions of one spec, in one org or, without an org id, in whatever org they are."""

    def __init__(self, database: Database, spec_name: str, org_id: str | None = None) -> None:
        self._database = database
        self._spec_name = spec_name
        self._org_id = org_id
        self._views = LedgerViews(database, spec_name, org_id)
        self._check_results = CheckResults(database, spec_name, org_id)

    def of(self, partition_keys: Sequence[str]) -> Sequence[Standing]:
        """Return how some partitions stand, in their order."""
        newest = {status.partition_key: status for status in self._views.ranges()}
        words: dict[str, dict[str, LatestCheck]] = {}
        for checked in self._check_results.latest():
            said = words.setdefault(checked.outcome.partition_key, {})
            said[checked.outcome.check] = LatestCheck(checked.outcome, checked.checked_at)
        with self._database.begin() as connection:
            unfinished = self._unfinished(connection)
            phases = self._phases(connection, unfinished)
            written_at = self._written_at(connection)
        return [
            Standing(
                key,
                newest=_in_load(newest[key]) if key in newest else None,
                unfinished=unfinished,
                phase_there=phases.get(key),
                is_held=key in newest and newest[key].is_held,
                written_at=written_at.get(key, 0.0),
                words=words.get(key, {}),
            )
            for key in partition_keys
        ]

    def _unfinished(self, connection: Connection) -> str:
        """Return the newest unfinished full load, "" if there is none."""
        load_id = connection.execute(
            sa.select(load.c.load_id)
            .where(self._is_ours(), load.c.state == "open", load.c.mode == "full")
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).scalar()
        return load_id or ""

    def _phases(self, connection: Connection, load_id: str) -> dict[str, str]:
        rows = connection.execute(
            sa.select(range_state.c.partition_key, range_state.c.phase).where(
                range_state.c.load_id == load_id
            )
        )
        return {row.partition_key: row.phase for row in rows}

    def _written_at(self, connection: Connection) -> dict[str, float]:
        rows = connection.execute(
            sa.select(
                range_state.c.partition_key, sa.func.max(range_state.c.finished_at).label("at")
            )
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(self._is_ours(), range_state.c.finished_at.is_not(None))
            .group_by(range_state.c.partition_key)
        )
        return {row.partition_key: row.at for row in rows}

    def _is_ours(self) -> sa.ColumnElement[bool]:
        ours = load.c.spec_name == self._spec_name
        return ours if self._org_id is None else ours & (load.c.org_id == self._org_id)


def _in_load(status: RangeStatus) -> RangeInLoad:
    return RangeInLoad(
        status.load_id, status.mode, status.phase, status.selected, pending=status.pending
    )
