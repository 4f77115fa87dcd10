"""What the checks last said of each partition, and which state of the source they proved."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, ValueCount
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import check_result, epoch_now, load, range_state


@dataclass(frozen=True, slots=True)
class CheckedOutcome:
    """The latest result of one check on one partition.

    Attributes:
        load_id: newest load of the partition when it was checked; None before any.
        checked_at: seconds since 1970.
    """

    outcome: CheckOutcome
    load_id: str | None
    run_id: str
    checked_at: float


class CheckResults:
    """Results of the checks of one spec, in one org or, without an org id, in whatever org."""

    def __init__(self, database: Database, spec_name: str, org_id: str | None = None) -> None:
        self._database = database
        self._spec_name = spec_name
        self._org_id = org_id

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
        assert self._org_id is not None, "results are of one org"
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

    def latest(self, load_id: str | None = None) -> Sequence[CheckedOutcome]:
        """Return the last outcome of each check and partition, of all loads or of one."""
        newest = sa.select(sa.func.max(check_result.c.id)).where(
            check_result.c.spec_name == self._spec_name
        )
        if self._org_id is not None:
            newest = newest.where(check_result.c.org_id == self._org_id)
        if load_id is not None:
            newest = newest.where(check_result.c.load_id == load_id)
        newest = newest.group_by(check_result.c.partition_key, check_result.c.check_name)
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(check_result)
                .where(check_result.c.id.in_(newest))
                .order_by(check_result.c.partition_key, check_result.c.id)
            ).all()
        return [
            CheckedOutcome(_outcome(row), row.load_id, row.run_id, row.checked_at) for row in rows
        ]

    def proved_states(self) -> Mapping[str, str]:
        """Return by partition what its last proved load saw of the source when it began."""
        with self._database.begin() as connection:
            rows = connection.execute(
                self._ranges(range_state.c.partition_key, range_state.c.source_state)
                .where(range_state.c.proved_at.is_not(None))
                .where(range_state.c.source_state.is_not(None))
                .order_by(range_state.c.proved_at)
            ).all()
        return {row.partition_key: row.source_state for row in rows}

    def _newest_load(self, connection: Connection, partition_key: str) -> str | None:
        return connection.execute(
            self._ranges(range_state.c.load_id)
            .where(range_state.c.partition_key == partition_key)
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).scalar()

    def _ranges(self, *columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
        query = (
            sa.select(*columns)
            .select_from(range_state)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(load.c.spec_name == self._spec_name)
        )
        return query if self._org_id is None else query.where(load.c.org_id == self._org_id)


def _as_json(outcome: CheckOutcome) -> str:
    return json.dumps({**asdict(outcome), "severity": outcome.severity.value})


def _outcome(row: sa.Row[Any]) -> CheckOutcome:
    said: dict[str, Any] = json.loads(row.outcome)
    values = [ValueCount(v["value"], CountVerdict(**v["counts"])) for v in said["values"]]
    said |= {"severity": Severity(said["severity"]), "values": tuple(values)}
    said["table"] = tuple(said["table"])
    return CheckOutcome(**said)
