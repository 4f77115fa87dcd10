"""How loads and partitions stand, in a few grouped statements of one read transaction."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.load_state import (
    INTERRUPTED,
    CheckResult,
    LoadState,
    PartitionState,
    RowCounts,
    SpecState,
)
from dc_assets.core.phases import is_sent
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, ValueCount
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.owners import Owner, living_owner
from dc_assets.ledger.row_counts import row_counts
from dc_assets.ledger.spec_records import IS_LEASED, SpecRecords
from dc_assets.ledger.tables import check_result, epoch_now, load, range_state

Checks = Mapping[str, Mapping[str, CheckResult]]
"""Results by partition key and check."""


class LoadStates(SpecRecords):
    """The loads of one spec, in one org or, without an org id, in whatever org it was."""

    @one_transaction
    def of_spec(self) -> SpecState:
        """Return every partition in its newest load, and in an unfinished full load."""
        with self._database.read() as connection:
            begun = connection.execute(self._newest_or_open()).all()
            counts = row_counts(connection, begun)
            checks = self._checks(connection)
        newest = {
            row.partition_key: _partition(row, counts, checks) for row in begun if row.place == 1
        }
        return SpecState(newest, _partitions(filter(_is_unfinished, begun), counts, checks))

    @one_transaction
    def joined(self) -> Mapping[str, PartitionState]:
        """Return each partition in the full load that a run of it takes part in, by key.

        It is the unfinished one, else the newest that was not given up (`ledger.joining`).
        """
        is_unfinished = sa.case((range_state.c.open_as.is_(None), 0), else_=1)
        query = self._ranges().where(load.c.mode == "full", load.c.state != "superseded")
        with self._database.read() as connection:
            begun = connection.execute(query.order_by(is_unfinished, load.c.opened_at))
            its = {row.partition_key: row for row in begun}.values()
            return _partitions(its, row_counts(connection, list(its)), {})

    @one_transaction
    def of_load(self, load_id: str) -> LoadState | None:
        """Return one load with its partitions; their checks are those that looked at this load."""
        query = sa.select(load, epoch_now().label("seen_at")).where(load.c.load_id == load_id)
        with self._database.read() as connection:
            found = connection.execute(query).first()
            if found is None:
                return None
            checks = self._checks(connection, load_id)
            return load_of(found, self.partitions(connection, load_id, checks))

    @one_transaction
    def sent_anyway(self, load_ids: Iterable[str]) -> Mapping[str, str]:
        """Return why loads were sent although the spec did not fit, by their id."""
        query = sa.select(load.c.load_id, load.c.anyway).where(
            load.c.load_id.in_(list(load_ids)), load.c.anyway.is_not(None)
        )
        with self._database.read() as connection:
            return {row.load_id: row.anyway for row in connection.execute(query)}

    @one_transaction
    def of_other_specs(self, load_ids: Iterable[str], spec: LoadSpec) -> set[str]:
        """Return the loads that sent other rows or values than a spec says; a restore never did."""
        query = sa.select(load.c.load_id).where(
            load.c.load_id.in_(list(load_ids)),
            load.c.spec_hash != spec.spec_hash,
            load.c.mode != "restore",
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def partitions(
        self, connection: Connection, load_id: str, checks: Checks | None = None
    ) -> Mapping[str, PartitionState]:
        """Return the partitions that were begun in a load, by key; three statements."""
        query = self._ranges().where(load.c.load_id == load_id)
        begun = connection.execute(query.order_by(range_state.c.partition_key)).all()
        return _partitions(begun, row_counts(connection, begun), checks or {})

    @one_transaction
    def proved_states(self) -> Mapping[str, str]:
        """Return by partition what the last load that agreed saw of the source when it began."""
        query = (
            sa.select(range_state.c.partition_key, range_state.c.source_state)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(range_state.c.proved_at.is_not(None), range_state.c.source_state.is_not(None))
            .order_by(range_state.c.proved_at)
        )
        with self._database.read() as connection:
            rows = connection.execute(query.where(self.is_ours()))
            return {row.partition_key: row.source_state for row in rows}

    @one_transaction
    def complete(self, *, is_whole: bool) -> set[str]:
        """Return the partitions whose rows are in the org, as their checks agreed once.

        A refresh that is under way, or was refused, takes nothing away from that; a cleanup and a
        restore do. Where it is to be whole, so does a full load that began since, until it is
        proved too.
        """
        query = self._ranges().where(load.c.state != "superseded").order_by(load.c.opened_at)
        found: dict[str, bool] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                was = found.get(row.partition_key, False) and not (is_whole and row.mode == "full")
                is_proved = row.proved_at is not None and row.cleaned_at is None
                found[row.partition_key] = is_proved or (was and row.cleaned_at is None)
        return {key for key, is_complete in found.items() if is_complete}

    def _ranges(self) -> sa.Select[*tuple[Any, ...]]:
        """Select partitions with what their loads and the clock say of them."""
        return (
            sa.select(
                range_state,
                *(load.c[name] for name in _OF_LOAD),
                IS_LEASED,
                (range_state.c.paused_until > epoch_now()).label("is_paused"),
                epoch_now().label("seen_at"),
            )
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(self.is_ours())
        )

    def _newest_or_open(self) -> sa.Select[*tuple[Any, ...]]:
        """Select each partition in its newest load, and those of unfinished full loads."""
        key = range_state.c.partition_key
        is_unfinished = sa.case((load.c.state == "open", 1), else_=0)  # of two of one moment
        newest_first = (load.c.opened_at.desc(), is_unfinished.desc())
        place = sa.func.row_number().over(partition_by=key, order_by=newest_first)
        written_at = sa.func.max(range_state.c.finished_at).over(partition_by=key)
        ranked = (
            self._ranges()
            .add_columns(place.label("place"), written_at.label("written_at"))
            .subquery()
        )
        is_open = ranked.c.open_as.is_not(None) & (ranked.c.mode == "full")
        return (
            sa.select(ranked)
            .where((ranked.c.place == 1) | is_open)
            .order_by(ranked.c.partition_key, ranked.c.place)
        )

    def _checks(self, connection: Connection, load_id: str | None = None) -> Checks:
        newest = sa.select(sa.func.max(check_result.c.id)).where(self.is_ours(check_result))
        if load_id is not None:
            newest = newest.where(check_result.c.load_id == load_id)
        newest = newest.group_by(check_result.c.partition_key, check_result.c.check_name)
        found: dict[str, dict[str, CheckResult]] = defaultdict(dict)
        for row in connection.execute(
            sa.select(check_result)
            .where(check_result.c.id.in_(newest))
            .order_by(check_result.c.partition_key, check_result.c.id)
        ):
            result = CheckResult(_outcome(row), row.checked_at, row.load_id, row.run_id)
            found[row.partition_key][row.check_name] = result
        return found


_OF_LOAD = (
    *("spec_name", "org_id", "mode", "state", "opened_at", "stopped_at", "spec_json", "versions"),
)


def _is_unfinished(row: Row[Any]) -> bool:
    return row.open_as is not None and row.mode == "full" and not is_sent(row.phase)


def _partitions(
    rows: Iterable[Row[Any]], counts: Mapping[tuple[str, str], RowCounts], checks: Checks
) -> dict[str, PartitionState]:
    return {row.partition_key: _partition(row, counts, checks) for row in rows}


def _partition(
    row: Row[Any], counts: Mapping[tuple[str, str], RowCounts], checks: Checks
) -> PartitionState:
    owner = None if row.owner is None else Owner.from_text(row.owner)
    is_held = owner is not None and living_owner(row) is not None
    is_paused = is_held and bool(row.is_paused)
    return PartitionState(
        partition_key=row.partition_key,
        load_id=row.load_id,
        mode=row.mode,
        phase=row.phase,
        rows=counts[row.load_id, row.partition_key],
        run_id=owner.run_id if owner else "",
        is_held=is_held,
        halted=_halted(row),
        started_at=row.started_at,
        finished_at=row.finished_at,
        checked_at=row.checked_at,
        paused_until=row.paused_until if is_paused else None,
        paused_why=row.paused_why if is_paused else None,
        checks=checks.get(row.partition_key, {}),
        written_at=max(
            getattr(row, "written_at", None) or row.finished_at or 0.0, row.cleaned_at or 0.0
        ),
        cleaned_at=row.cleaned_at,
        cleaned_rows=row.cleaned_rows or 0,
        seen_at=row.seen_at,
    )


def _halted(row: Row[Any]) -> str:
    if row.state == "superseded":
        return "given up"
    return INTERRUPTED if row.stopped_at is None else "stopped"


def load_of(row: Row[Any], partitions: Mapping[str, PartitionState] | None = None) -> LoadState:
    """Return a load of a row that has the columns of `load` and ``seen_at``."""
    return LoadState(
        load_id=row.load_id,
        spec_name=row.spec_name,
        org_id=row.org_id,
        mode=row.mode,
        state=row.state,
        opened_at=row.opened_at,
        finished_at=row.finished_at if row.state != "open" else None,
        stopped_at=row.stopped_at,
        spec_json=row.spec_json,
        versions=json.loads(row.versions or "{}"),
        seen_at=row.seen_at,
        anyway=row.anyway or "",
        partitions=partitions or {},
    )


def _outcome(row: Row[Any]) -> CheckOutcome:
    kept: dict[str, Any] = json.loads(row.outcome)
    values = [ValueCount(v["value"], CountVerdict(**v["counts"])) for v in kept["values"]]
    kept |= {"severity": Severity(kept["severity"]), "values": tuple(values)}
    kept["table"] = tuple(kept["table"])
    return CheckOutcome(**kept)
