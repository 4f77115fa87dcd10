"""Fails Dagster runs whose process is gone, so that Dagster starts them again.

After a crash of a whole machine Dagster 1.13 leaves runs STARTED for ever, and they fill the pool:
its run monitoring does nothing for the default launcher (`docs/adr/0011-…`).
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import dagster as dg

from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import LastHeartbeat, RunHeartbeats
from dc_assets.orchestration.our_runs import Content, OurRuns, executes_its_own_steps
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.wiring.connect import lease
from dc_assets.wiring.settings import ledger_url

STARTED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


LOOKS_AGAIN_S = 5.0
"""A ledger that was away comes back with heartbeats that all are old: live runs beat within a
second or so, and are not to be failed in it."""


def reap(
    instance: dg.DagsterInstance,
    heartbeats: RunHeartbeats,
    loads: Sequence[PlacedLoad],
    sleep: Callable[[float], None] = time.sleep,
) -> Sequence[str]:
    """Fail every run with a part of ours that is STARTED and whose process is dead; return the ids.

    It is dead when two looks, `LOOKS_AGAIN_S` apart, say so.
    """
    if not _dead(instance, heartbeats, loads):
        return []
    sleep(LOOKS_AGAIN_S)
    dead = _dead(instance, heartbeats, loads)
    for run_id in dead:
        _fail(instance, run_id)
    return dead


def _dead(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, loads: Sequence[PlacedLoad]
) -> list[str]:
    """Return the runs that look dead now.

    One that was never heard does when two leases have passed: it died before it reached our part.
    One that holds a partition in the ledger is ours even when its spec is broken or gone by now.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=STARTED))
    contents = OurRuns(instance, loads).among(records)
    ours = {*contents, *heartbeats.holders()}
    last, now_s = heartbeats.last(ours), heartbeats.now_s()
    dead: list[str] = []
    for record in records:
        run_id = record.dagster_run.run_id
        if run_id not in ours:
            continue
        watch = watch_of(instance, record, contents.get(run_id))
        if watch is not None and watch.is_dead(last.get(run_id), now_s):
            dead.append(run_id)
    return dead


@dataclass(frozen=True, slots=True)
class Watch:
    """What the heartbeats of a run say at a moment.

    Attributes:
        since_s: when they must have begun.
        is_of_run: they come from the process of the run. Otherwise they come from processes of
            single steps, which end one after another: then only silence tells.
    """

    since_s: float
    is_of_run: bool

    def is_dead(self, last: LastHeartbeat | None, now_s: float) -> bool:
        """Tell whether the run is dead.

        >>> watch = Watch(since_s=1_000.0, is_of_run=False)
        >>> watch.is_dead(LastHeartbeat(is_silent=False, is_gone=True), now_s=1_500.0)
        False
        """
        if last is None:
            return now_s - self.since_s > 2 * lease().lease_s
        if self.is_of_run:
            return last.is_silent or last.is_gone
        return last.is_silent and now_s - self.since_s > lease().lease_s


def watch_of(
    instance: dg.DagsterInstance, record: dg.RunRecord, content: Content | None
) -> Watch | None:
    """Return what heartbeats a run owes us now; None if its foreign part is at work without us.

    ``content`` is None when no load of the code location is in the run any more: then nobody can
    say which of its steps are ours.

    Whoever executes its steps itself beats from its first step to its last
    (`SalesforceResource`), whosever they are.
    """
    run_id = record.dagster_run.run_id
    started_s = record.start_time or record.update_timestamp.timestamp()
    if executes_its_own_steps(instance, run_id):
        return Watch(started_s, is_of_run=True)
    if content is None:
        return None
    stats = instance.get_run_step_stats(run_id, list(content.steps))
    at_work = [one for one in stats if one.start_time is not None and one.end_time is None]
    if at_work:
        return Watch(max(one.start_time or 0.0 for one in at_work), is_of_run=False)
    return None if content.has_foreign_part else Watch(started_s, is_of_run=False)


def _fail(instance: dg.DagsterInstance, run_id: str) -> None:
    """Fail a run, unless it ended meanwhile or another monitor was faster."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status in STARTED:
        instance.report_run_failed(
            run, "dc_assets: the process of this run is gone. What it loaded is in the ledger."
        )


def reap_all(instance: dg.DagsterInstance, loads: Sequence[PlacedLoad]) -> Sequence[str]:
    """Fail every dead run with a part of ours, as the ledger knows them; return their ids."""
    with closing(Database(ledger_url())) as database:
        return reap(instance, RunHeartbeats(database), loads)
