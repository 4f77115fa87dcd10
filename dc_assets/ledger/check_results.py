"""Keeps what the checks found; when all have looked, a partition is checked."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.phases import SENT, Phase
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.joining import end_if_over, may_become
from dc_assets.ledger.spec_records import SpecRecords, is_range
from dc_assets.ledger.tables import check_result, epoch_now, load, range_state


class CheckResultStore(SpecRecords):
    """Results of the checks of one spec in one org; `views.load_states` reads them."""

    @one_transaction
    def keep(
        self,
        partition_key: str,
        outcomes: Sequence[CheckOutcome],
        *,
        run_id: str,
        needed: Collection[str],
        asked_at: float,
    ) -> None:
        """Store what the checks of one partition said, who began to ask at a moment.

        When each needed check has a verdict from after the last row, the partition is checked, in
        each load that had sent it; a load without an unfinished partition is over. When each was
        asked and none is an error, the sides agree after the newest load of the partition: what was
        seen of the source when it began is the state that the target has now, refused rows aside.
        """
        with self._database.begin() as connection:
            load_id = self._newest_load(connection, partition_key)
            for outcome in outcomes:
                connection.execute(
                    check_result.insert().values(
                        spec_name=self._spec_name,
                        org_id=self._org_id,
                        partition_key=partition_key,
                        load_id=load_id,
                        check_name=outcome.check,
                        severity=outcome.severity.value,
                        unexplained=outcome.unexplained,
                        outcome=_as_json(outcome),
                        run_id=run_id,
                        checked_at=asked_at,
                    )
                )
            for sent in self._sent(connection, partition_key):
                self._check(connection, sent, needed, asked_at)
            good = {o.check for o in outcomes if o.severity.is_good}
            if load_id is not None and set(needed) <= good:
                connection.execute(
                    range_state.update()
                    .where(is_range(load_id, partition_key))
                    .where(range_state.c.phase.in_([phase.value for phase in SENT]))
                    .values(proved_at=epoch_now())
                )

    def _sent(self, connection: Connection, partition_key: str) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return the loads that have sent a partition and wait for its checks, locked in order."""
        return connection.execute(
            sa.select(load.c.load_id, range_state.c.partition_key, range_state.c.finished_at)
            .join(range_state, range_state.c.load_id == load.c.load_id)
            .where(self.is_ours(), range_state.c.partition_key == partition_key)
            .where(range_state.c.phase == Phase.SENT.value)
            .order_by(load.c.load_id)
            .with_for_update(of=load)
        ).all()

    def _check(
        self,
        connection: Connection,
        sent: Row[*tuple[Any, ...]],
        needed: Collection[str],
        asked_at: float,
    ) -> None:
        """Mark a partition of a load checked, if every needed check asked after its last row."""
        asked = connection.execute(
            sa.select(check_result.c.check_name)
            .where(self.is_ours(check_result))
            .where(check_result.c.partition_key == sent.partition_key)
            .where(check_result.c.checked_at >= sent.finished_at)
            .distinct()
        ).scalars()
        if not set(needed) <= set(asked):
            return
        connection.execute(
            range_state.update()
            .where(is_range(sent.load_id, sent.partition_key), may_become(Phase.CHECKED))
            .values(phase=Phase.CHECKED.value, checked_at=asked_at, open_as=None)
        )
        end_if_over(connection, sent.load_id)

    def _newest_load(self, connection: Connection, partition_key: str) -> str | None:
        return connection.execute(
            sa.select(range_state.c.load_id)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(self.is_ours(), range_state.c.partition_key == partition_key)
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).scalar()


def _as_json(outcome: CheckOutcome) -> str:
    return json.dumps({**asdict(outcome), "severity": outcome.severity.value})
