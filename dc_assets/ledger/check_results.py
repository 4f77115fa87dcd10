"""Keeps what the checks found, and that a partition is proved when all of them agreed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import check_result, epoch_now, load, range_state


class CheckResultStore(SpecRecords):
    """Results of the checks of one spec in one org; `views.load_states` reads them."""

    def keep(
        self,
        partition_key: str,
        outcomes: Sequence[CheckOutcome],
        *,
        run_id: str,
        needed: Collection[str],
    ) -> None:
        """Store what the checks of one partition said.

        When each needed check has an outcome and none is an error, the newest load of the partition
        is proved, if it is done: what was seen of the source when it began is the state that the
        target has now.
        """
        good = {o.check for o in outcomes if o.severity is not Severity.ERROR}
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
                        checked_at=epoch_now(),
                    )
                )
            if load_id is not None and set(needed) <= good:
                connection.execute(
                    range_state.update()
                    .where(range_state.c.load_id == load_id)
                    .where(range_state.c.partition_key == partition_key)
                    .where(range_state.c.phase == "done")
                    .values(proved_at=epoch_now())
                )

    def _newest_load(self, connection: Connection, partition_key: str) -> str | None:
        return connection.execute(
            sa.select(range_state.c.load_id)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(self.is_ours())
            .where(range_state.c.partition_key == partition_key)
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).scalar()


def _as_json(outcome: CheckOutcome) -> str:
    return json.dumps({**asdict(outcome), "severity": outcome.severity.value})
