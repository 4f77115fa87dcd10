"""Puts events that stand in the ledger into the outbox: ended loads, gaps, vanished rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.deletions import deletes_rows_max
from dc_assets.core.events import OFFERED_FOR_S, success_fell, usual_success
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import (
    batch,
    check_result,
    dead_letter,
    deletion_observation,
    epoch_now,
    load,
    range_state,
)
from dc_assets.views.ended_loads import EndedLoad, EndedLoads, LoadFigures

DAY_S = 86_400.0

_ONE_EVALUATION = (
    check_result.c.run_id,
    check_result.c.spec_name,
    check_result.c.org_id,
    check_result.c.partition_key,
)


class LedgerEvents:
    """Events of some specs, of the last days; each is noticed once."""

    def __init__(self, database: Database, specs: Sequence[LoadSpec]) -> None:
        self._database = database
        self._outbox = Outbox(database)
        self._specs = {spec.name: spec for spec in specs}

    def collect(self, busy: Collection[str]) -> int:
        """Keep what is new; return how many notifications that gave.

        Loads of ``busy`` specs, which unfinished runs are working on, wait for a later time.
        """
        return self._ended_loads(busy) + self._gaps() + self._vanished()

    def has_gap(self, run_id: str) -> bool:
        """Tell whether a check of a run found an error, which is a notification of its own."""
        found = self._errors().where(check_result.c.run_id == run_id).limit(1)
        with self._database.begin() as connection:
            return connection.execute(found).first() is not None

    def _ended_loads(self, busy: Collection[str]) -> int:
        loads = EndedLoads(self._database, self._specs)
        ended = {_key(one): one for one in loads.lately(busy)}
        added = 0
        for key in self._in_order(ended):
            figures = loads.figures(ended[key])
            if ended[key].mode == "full":
                added += self._success(ended[key], figures, loads.earlier_shares(ended[key]))
            facts = _facts_of_load(self._specs[ended[key].spec_name], ended[key], figures)
            added += self._outbox.add("completed", ended[key].spec_name, key, facts)
        return added

    def _success(self, ended: EndedLoad, figures: LoadFigures, earlier: Sequence[float]) -> int:
        if figures.share is None or not success_fell(figures.share, earlier):
            return 0
        facts = _facts_of_load(self._specs[ended.spec_name], ended, figures)
        facts |= {"share": figures.share, "usual": usual_success(earlier), "earlier": len(earlier)}
        key = f"success_rate:{ended.load_id}"
        return self._outbox.add("success_rate", ended.spec_name, key, facts)

    def _gaps(self) -> int:
        with self._database.begin() as connection:
            rows = connection.execute(
                self._errors()
                .where(check_result.c.checked_at > epoch_now() - OFFERED_FOR_S)
                .order_by(*_ONE_EVALUATION, check_result.c.id)
            ).all()
        gaps = dict(_gaps_of(rows))
        added = 0
        for key in self._in_order(gaps):
            spec = self._specs[gaps[key][0].spec_name]
            added += self._outbox.add("coverage_gap", spec.name, key, _gap(spec, gaps[key]))
        return added

    def _errors(self) -> sa.Select[*tuple[Any, ...]]:
        return (
            sa.select(check_result)
            .where(check_result.c.severity == "error")
            .where(check_result.c.spec_name.in_(list(self._specs)))
        )

    def _vanished(self) -> int:
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(deletion_observation)
                .where(deletion_observation.c.observed_at > epoch_now() - OFFERED_FOR_S)
                .where(deletion_observation.c.spec_name.in_(list(self._specs)))
                .order_by(deletion_observation.c.id)
            ).all()
        vanished = {_key_of_day(row): facts for row in rows if (facts := self._too_many(row))}
        return sum(
            self._outbox.add("deletions", vanished[key]["spec"], key, vanished[key])
            for key in self._in_order(vanished)
        )

    def _too_many(self, row: Row[Any]) -> dict[str, Any]:
        """Return the facts of an observation of more rows than may be deleted, else nothing."""
        spec, gone = self._specs[row.spec_name], int(row.rows)
        rows_max = deletes_rows_max(spec.refresh, row.source_rows + gone)
        if gone <= rows_max:
            return {}
        return {
            "spec": spec.name,
            "org": row.org_id,
            "partition": row.partition_key,
            "source_rows": row.source_rows,
            "rows": gone,
            "rows_max": rows_max,
            "page": f"assets/{spec.asset_name}?view=checks",
        }

    def _in_order(self, events: Mapping[str, object]) -> list[str]:
        unknown = self._outbox.unknown(events.keys())
        return [key for key in events if key in unknown]


def _key(ended: EndedLoad) -> str:
    """Return the key of a state of a load: partitions that join a partial load later change it."""
    return f"completed:{ended.load_id}:{ended.partitions_done}"


def _facts_of_load(spec: LoadSpec, ended: EndedLoad, figures: LoadFigures) -> dict[str, Any]:
    return {
        "load_id": ended.load_id,
        "org": ended.org_id,
        "mode": ended.mode,
        "partitions": list(figures.partitions),
        "selected": figures.selected,
        "landed": figures.landed,
        "refused": figures.refused,
        "refused_by_code": figures.refused_by_code,
        "checks": figures.checks,
        "seconds": ended.seconds,
        "page": f"assets/{spec.asset_name}?view=checks",
    }


def _gaps_of(rows: Sequence[Row[Any]]) -> Iterator[tuple[str, list[Row[Any]]]]:
    """Put together what the checks of one run said of one partition.

    The command line evaluates checks under one run id again and again: what they said is part of
    the key, so that each new finding is noticed.
    """
    for what, group in groupby(rows, _evaluation):
        found = {row.check_name: row for row in group}  # the latest result of each check
        said = json.dumps([what, *([name, _said(found[name])] for name in sorted(found))])
        digest = hashlib.sha256(said.encode()).hexdigest()[:32]
        yield f"coverage_gap:{what[0]}:{digest}", list(found.values())


def _evaluation(row: Row[Any]) -> tuple[str, ...]:
    return row.run_id, row.spec_name, row.org_id, row.partition_key


def _gap(spec: LoadSpec, rows: Sequence[Row[Any]]) -> dict[str, Any]:
    repairs = [str(json.loads(row.outcome)["repair"]) for row in rows]
    return {
        "org": rows[0].org_id,
        "partition": rows[0].partition_key,
        "run_id": rows[0].run_id,
        "checks": [{"name": row.check_name, "said": _said(row)} for row in rows],
        "repairs": [repair for repair in dict.fromkeys(repairs) if repair],
        "page": f"assets/{spec.asset_name}?view=checks",
    }


def _said(row: Row[Any]) -> str:
    """Say what a check found, in numbers: its own sentence may name ids or values."""
    outcome = json.loads(row.outcome)
    counts = [value["counts"] for value in outcome["values"]]
    if not counts:
        return str(outcome["summary"]).partition(";")[0]
    source, target = (sum(c[side] for c in counts) for side in ("source_rows", "target_rows"))
    return f"source {source:,}, target {target:,}, {row.unexplained:,} unexplained"


def _key_of_day(row: Row[Any]) -> str:
    """Return the key of an observation: the same rows are told of once a day while they lack."""
    what = (row.org_id, row.spec_name, row.partition_key, row.keys_sha256)
    digest = hashlib.sha256(repr(what).encode()).hexdigest()[:32]
    return f"deletions:{row.partition_key}:{digest}:{int(row.observed_at // DAY_S)}"


NOTHING: dict[str, int | str | None] = {
    "load_id": None,
    "selected": None,
    "landed": None,
    "refused": None,
    "pending": None,
}


def range_of_run(
    database: Database, spec_name: str, partition_key: str, run_id: str
) -> dict[str, int | str | None]:
    """Return load and row counts of the partition that a run held last, None each if it held none.

    Counts are of the load, so what earlier runs of it sent is among them.
    """
    with database.begin() as connection:
        held = connection.execute(
            sa.select(range_state)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(load.c.spec_name == spec_name, range_state.c.partition_key == partition_key)
            .where(range_state.c.owner.is_not(None))
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).first()
        if held is None or held.selected is None or Owner.from_text(held.owner).run_id != run_id:
            return dict(NOTHING)
        landed = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(batch.c.landed), 0))
            .where(batch.c.load_id == held.load_id)
            .where(batch.c.partition_key == partition_key)
        ).scalar_one()
        refused = connection.execute(
            sa.select(sa.func.count())
            .select_from(dead_letter)
            .where(dead_letter.c.load_id == held.load_id)
            .where(dead_letter.c.partition_key == partition_key)
        ).scalar_one()
    return {
        "load_id": held.load_id,
        "selected": held.selected,
        "landed": int(landed),
        "refused": refused,
        "pending": max(0, held.selected - int(landed) - refused),
    }
