"""Puts events that stand in the ledger into the outbox: ended loads, gaps, vanished rows."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.checks import check_descriptions
from dc_assets.core.deletions import deletes_rows_max
from dc_assets.core.durations import DAY_S
from dc_assets.core.events import OFFERED_FOR_S, EventKind, success_fell, usual_success
from dc_assets.core.load_state import LoadState, RowCounts
from dc_assets.core.row_outcomes import shown_code
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import Verdict, verdict_of, verdict_of_all
from dc_assets.core.verdicts import Severity
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.tables import (
    check_result,
    deletion_observation,
    epoch_now,
)
from dc_assets.views.ended_loads import EndedLoad, EndedLoads
from dc_assets.views.load_states import LoadStates

_BAD = [severity.value for severity in Severity if not severity.is_good]

_ONE_EVALUATION = (
    check_result.c.run_id,
    check_result.c.spec_name,
    check_result.c.org_id,
    check_result.c.partition_key,
)


class LedgerEvents:
    """Events of some specs, of the last days; each is noticed once.

    ``pages`` names the page of a load in Dagster's UI, by the name of its spec.
    """

    def __init__(
        self, database: Database, specs: Sequence[LoadSpec], pages: Mapping[str, str]
    ) -> None:
        self._database = database
        self._outbox = Outbox(database)
        self._specs = {spec.name: spec for spec in specs}
        self._pages = pages

    def collect(self) -> int:
        """Keep what is new; return how many notifications that gave."""
        return self._ended_loads() + self._gaps() + self._vanished()

    @one_transaction
    def has_gap(self, run_id: str, spec_name: str) -> bool:
        """Tell whether a check of a run failed, or was not asked: a notification of its own."""
        of_run = self._errors().where(check_result.c.run_id == run_id)
        found = of_run.where(check_result.c.spec_name == spec_name).limit(1)
        with self._database.read() as connection:
            return connection.execute(found).first() is not None

    def _ended_loads(self) -> int:
        loads = EndedLoads(self._database, self._specs)
        ended = {_key(one): one for one in loads.lately()}
        added = 0
        for key in self._in_order(ended):
            one = ended[key]
            load = LoadStates(self._database, one.spec_name, one.org_id).of_load(one.load_id)
            assert load is not None, "a load that ended stays in the ledger for days"
            facts = _facts_of_load(self._specs[one.spec_name], one, load)
            if one.mode == "full":
                added += self._success(one, load.rows, facts, loads.earlier_shares(one))
            added += self._add("completed", one.spec_name, key, facts)
        return added

    def _success(
        self, ended: EndedLoad, rows: RowCounts, facts: dict[str, Any], earlier: Sequence[float]
    ) -> int:
        share = rows.landed / rows.selected if rows.selected else None
        if share is None or not success_fell(share, earlier):
            return 0
        more = {"share": share, "usual": usual_success(earlier), "earlier": len(earlier)}
        key = f"success_rate:{ended.load_id}"
        return self._add("success_rate", ended.spec_name, key, {**facts, **more})

    @one_transaction
    def _gaps(self) -> int:
        with self._database.read() as connection:
            rows = connection.execute(
                self._errors()
                .where(check_result.c.checked_at > epoch_now() - OFFERED_FOR_S)
                .order_by(*_ONE_EVALUATION, check_result.c.id)
            ).all()
        gaps = dict(_gaps_of(rows))
        added = 0
        for key in self._in_order(gaps):
            added += self._add("coverage_gap", gaps[key][0].spec_name, key, _gap(gaps[key]))
        return added

    def _errors(self) -> sa.Select[*tuple[Any, ...]]:
        return (
            sa.select(check_result)
            .where(check_result.c.severity.in_(_BAD))
            .where(check_result.c.spec_name.in_(list(self._specs)))
        )

    @one_transaction
    def _vanished(self) -> int:
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(deletion_observation)
                .where(deletion_observation.c.observed_at > epoch_now() - OFFERED_FOR_S)
                .where(deletion_observation.c.spec_name.in_(list(self._specs)))
                .order_by(deletion_observation.c.id)
            ).all()
        vanished = {_key_of_day(row): facts for row in rows if (facts := self._too_many(row))}
        return sum(
            self._add("deletions", vanished[key]["spec"], key, vanished[key])
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
        }

    def _add(self, kind: EventKind, spec_name: str, key: str, facts: Mapping[str, Any]) -> bool:
        """Keep one event, with the page that shows more; tell whether it is a new one."""
        page = self._pages.get(spec_name, "")
        return self._outbox.add(kind, spec_name, key, {**facts, "page": page})

    def _in_order(self, events: Mapping[str, object]) -> list[str]:
        unknown = self._outbox.unknown(events.keys())
        return [key for key in events if key in unknown]


def _key(ended: EndedLoad) -> str:
    """Return the key of a state of a load: partitions that join a partial load later change it."""
    return f"completed:{ended.load_id}"


def _facts_of_load(spec: LoadSpec, ended: EndedLoad, load: LoadState) -> dict[str, Any]:
    rows = load.rows
    severities = Counter({severity.value: 0 for severity in Severity})
    for partition in load.partitions.values():
        severities.update(one.outcome.severity.value for one in partition.checks.values())
    return {
        "load_id": ended.load_id,
        "org": ended.org_id,
        "mode": ended.mode,
        "partitions": list(load.partitions),
        "selected": rows.selected,
        "landed": rows.landed,
        "refused": rows.refused,
        "refused_by_code": _safe_codes(rows.refused_by_code),
        "checks": dict(severities),
        "verdict": _verdict(spec, load),
        "seconds": ended.seconds,
    }


def _verdict(spec: LoadSpec, load: LoadState) -> str:
    """Say how a load stands; the reason of a check that was not asked may quote values."""
    needed = list(check_descriptions(spec))
    worst = verdict_of_all(verdict_of(one, needed) for one in load.partitions.values())
    return Verdict(worst.word, worst.refused).text


def _safe_codes(rows_by_code: Mapping[str, int]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for code, rows in rows_by_code.items():
        counted[shown_code(code)] += rows
    return dict(counted.most_common())


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


def _gap(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    repairs = [str(json.loads(row.outcome)["repair"]) for row in rows]
    return {
        "org": rows[0].org_id,
        "partition": rows[0].partition_key,
        "run_id": rows[0].run_id,
        "found": any(row.severity == Severity.ERROR.value for row in rows),
        "checks": [{"name": row.check_name, "said": _said(row)} for row in rows],
        "repairs": [repair for repair in dict.fromkeys(repairs) if repair],
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


def range_of_run(
    database: Database, spec_name: str, partition_key: str, run_id: str
) -> dict[str, int | str | None]:
    """Return load and row counts of the partition that a run held last, None each if it held none.

    Counts are of the load, so what earlier runs of it sent is among them.
    """
    held = LoadStates(database, spec_name).of_spec().newest.get(partition_key)
    if held is None or held.rows.selected is None or held.run_id != run_id:
        return dict.fromkeys(("load_id", "selected", "landed", "refused", "pending"))
    rows = held.rows
    return {
        "load_id": held.load_id,
        "selected": rows.selected,
        "landed": rows.landed,
        "refused": rows.refused,
        "pending": rows.pending,
    }
