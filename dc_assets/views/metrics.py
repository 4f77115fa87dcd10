"""What the ledger tells machines: numbers of the newest loads, as they are when they are asked for.

Nothing is counted in a process of its own, so a restart loses nothing and no run pushes anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from dc_assets.core.batch_states import BatchState
from dc_assets.core.checks import check_descriptions
from dc_assets.core.durations import DAY_S, HOUR_S
from dc_assets.core.load_state import INTERRUPTED, SpecState, sum_of
from dc_assets.core.phases import Phase
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import verdict_of
from dc_assets.core.verdicts import Severity
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database, now_s
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import (
    batch,
    epoch_now,
    load,
    org_allowance,
    org_use,
    plan,
    range_state,
    run_heartbeat,
)
from dc_assets.views.load_states import LoadStates


class Gauge(NamedTuple):
    """A number that goes up and down: what it means, and what its lines are told apart by."""

    meaning: str
    labels: tuple[str, ...] = ("load",)


class Sample(NamedTuple):
    """One line of a gauge; ``labels`` are the values of its labels, in their order."""

    gauge: str
    labels: tuple[str, ...]
    value: float


NOT_CHECKED = "not checked"

GAUGES: Mapping[str, Gauge] = {
    "rows": Gauge(
        "Rows of the newest load of each partition, by what became of them", ("load", "outcome")
    ),
    "rows_locked": Gauge("Rows of those loads that met a lock, each time counted"),
    "rows_sent_again": Gauge("Rows of those loads that were sent again, each time counted"),
    "jobs": Gauge("Batches of those loads, by state", ("load", "state")),
    "window_jobs": Gauge("Jobs that the newest load may have in flight at once"),
    "job_seconds": Gauge("Mean seconds of the jobs of the last hour, by part", ("load", "part")),
    "oldest_pending_batch_seconds": Gauge(
        "Age of the oldest batch that is due and not sent; 0 if none is"
    ),
    "partitions": Gauge("Partitions of the spec, by verdict", ("load", "verdict")),
    "partitions_interrupted": Gauge(
        "Partitions that were begun and are not done, and that no living run works on"
    ),
    "checks": Gauge("Latest results of all checks, by severity", ("load", "severity")),
    "proved_seconds": Gauge(
        "Seconds since both sides of the partition that was longest without it were seen to agree"
    ),
    "stopped": Gauge("1 if an operator ordered an unfinished load to stop"),
    "paused": Gauge("1 if a budget or the hours of the spec hold a run back"),
    "api_calls_used": Gauge("API calls of the loads of a spec in the last 24 hours"),
    "batches_used": Gauge("Ingest jobs of the loads of a spec in the last 24 hours"),
    "api_calls_left": Gauge("API calls that the org said are left of its day", ("org",)),
    "daily_batches_left": Gauge("Ingest batches that the org said are left", ("org",)),
    "runs_alive": Gauge("Runs with a sign of life within their lease", ()),
}
"""By name, without the prefix that all of them share."""


class LedgerMetrics:
    """Reads the gauges of some specs from one ledger."""

    def __init__(self, database: Database, specs: Sequence[LoadSpec]) -> None:
        self._database = database
        self._specs = specs

    def samples(self) -> Iterator[Sample]:
        """Yield the lines of all gauges; a spec that was never loaded has its partitions alone.

        Raises:
            LedgerAway: the ledger does not answer.
        """
        for spec in self._specs:
            state = LoadStates(self._database, spec.name).of_spec()
            yield from _of_state(spec, state)
            yield from self._of_batches(spec, state)
            yield from self._of_spec(spec)
        yield from self._of_orgs()

    @one_transaction
    def _of_batches(self, spec: LoadSpec, state: SpecState) -> Sequence[Sample]:
        """Count the batches of the newest loads, and say how long jobs took and batches wait."""
        ids = {one.load_id for one in state.newest.values()}
        is_its = batch.c.load_id.in_(ids)
        due = sa.func.min(sa.case((batch.c.state == BatchState.PLANNED.value, batch.c.ready_at)))
        is_late = batch.c.finished_at > epoch_now() - HOUR_S
        counted = sa.select(batch.c.state, sa.func.count().label("n")).where(is_its)
        timed = sa.select(
            sa.func.avg(sa.case((is_late, batch.c.active_s))).label("active"),
            sa.func.avg(sa.case((is_late, batch.c.total_s - batch.c.active_s))).label("queued"),
            due.label("due_at"),
            epoch_now().label("now"),
        ).where(is_its)
        windows = sa.select(plan.c.window_jobs).where(plan.c.load_id.in_(ids))
        with self._database.read() as connection:
            states = {r.state: r.n for r in connection.execute(counted.group_by(batch.c.state))}
            times = connection.execute(timed).one()
            window = connection.execute(windows.order_by(plan.c.made_at.desc())).scalar()
        waits_s = 0.0 if times.due_at is None else max(0.0, times.now - times.due_at)
        found = [
            Sample("jobs", (spec.name, one.value), states.get(one.value, 0)) for one in BatchState
        ]
        found.append(Sample("oldest_pending_batch_seconds", (spec.name,), waits_s))
        known = {"active": times.active, "queued": times.queued}
        found += [
            Sample("job_seconds", (spec.name, part), float(seconds))
            for part, seconds in known.items()
            if seconds is not None
        ]
        return found if window is None else [*found, Sample("window_jobs", (spec.name,), window)]

    @one_transaction
    def _of_spec(self, spec: LoadSpec) -> Sequence[Sample]:
        """Add up what a spec used of the org's day, and say how old its oldest proof is."""
        is_its = load.c.spec_name == spec.name
        proofs = (
            sa.select(range_state.c.partition_key, sa.func.max(range_state.c.proved_at).label("at"))
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(is_its, range_state.c.partition_key.in_(list(spec.ranges)))
            .group_by(range_state.c.partition_key)
        )
        halts = (
            sa.select(
                sa.func.max(sa.case((load.c.stopped_at.is_not(None), 1), else_=0)).label("stopped"),
                sa.func.max(sa.case((range_state.c.paused_until > epoch_now(), 1), else_=0)).label(
                    "paused"
                ),
            )
            .select_from(load)
            .join(range_state, range_state.c.load_id == load.c.load_id)
            .where(is_its, load.c.state == "open")
        )
        calls = (
            sa.select(sa.func.sum(org_use.c.api_calls))
            .join(load, load.c.load_id == org_use.c.load_id)
            .where(is_its, org_use.c.hour * HOUR_S > epoch_now() - DAY_S)
        )
        jobs = (
            sa.select(sa.func.count())
            .select_from(batch)
            .join(load, load.c.load_id == batch.c.load_id)
            .where(is_its, batch.c.uploaded_at > epoch_now() - DAY_S)
        )
        with self._database.read() as connection:
            at_s = now_s(connection)
            proved = [row.at for row in connection.execute(proofs)]
            halted = connection.execute(halts).one()
            used = connection.execute(calls).scalar() or 0
            sent = connection.execute(jobs).scalar_one()
        name = (spec.name,)
        found = [
            Sample("stopped", name, halted.stopped or 0),
            Sample("paused", name, halted.paused or 0),
            Sample("api_calls_used", name, int(used)),
            Sample("batches_used", name, sent),
        ]
        if len(proved) == len(spec.ranges) and None not in proved:
            found.append(Sample("proved_seconds", name, max(0.0, at_s - min(proved))))
        return found

    @one_transaction
    def _of_orgs(self) -> Sequence[Sample]:
        """Say what is left of each org's day, and how many runs live."""
        leased = sa.select(run_heartbeat.c.owner).where(run_heartbeat.c.lease_until > epoch_now())
        with self._database.read() as connection:
            orgs = connection.execute(sa.select(org_allowance)).all()
            owners = [Owner.from_text(one) for one in connection.execute(leased).scalars()]
        left = [
            Sample(gauge, (org.org_id,), value)
            for org in orgs
            for gauge in ("api_calls_left", "daily_batches_left")
            if (value := getattr(org, gauge)) is not None
        ]
        alive = sum(not one.is_known_dead() for one in owners)
        return [*left, Sample("runs_alive", (), alive)]


def _of_state(spec: LoadSpec, state: SpecState) -> Iterator[Sample]:
    """Say what became of the rows of a spec, and what the checks found."""
    name, needed = spec.name, list(check_descriptions(spec))
    newest = [one for key, one in state.newest.items() if key in spec.ranges]
    rows = sum_of(one.rows for one in newest)
    for outcome in ("selected", "landed", "refused", "pending"):
        yield Sample("rows", (name, outcome), getattr(rows, outcome) or 0)
    yield Sample("rows_locked", (name,), rows.locked)
    yield Sample("rows_sent_again", (name,), rows.retried)
    verdicts = Counter(verdict_of(state.newest.get(key), needed).word.value for key in spec.ranges)
    for word, count in sorted(verdicts.items()):
        yield Sample("partitions", (name, word), count)
    left = (one for one in newest if not one.is_done and not one.is_held)
    interrupted = sum(one.phase != Phase.NEW and one.halted == INTERRUPTED for one in left)
    yield Sample("partitions_interrupted", (name,), interrupted)
    found = Counter(one.outcome.severity.value for part in newest for one in part.checks.values())
    found[NOT_CHECKED] = len(needed) * len(spec.ranges) - found.total()
    for severity in (*(one.value for one in Severity), NOT_CHECKED):
        yield Sample("checks", (name, severity), found[severity])
