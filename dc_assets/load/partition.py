"""The whole way of one partition: join the load, plan, extract, regroup, write, prove the sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from dc_assets.core.errors import LedgerConflict, ParentsTaken, RowsPending, SpoolLost
from dc_assets.core.load_state import RowCounts
from dc_assets.core.phases import Phase, is_sent
from dc_assets.core.ranges import IdRange
from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.run_events import RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.load.extract import extract
from dc_assets.load.plan import agreed_plan
from dc_assets.load.ports import Ports, RangeRun
from dc_assets.load.regroup import regroup
from dc_assets.load.store import RESUMED, LoadRequest, RangeTicket
from dc_assets.load.write import write

OTHER_LOAD_WAIT_S = 600.0
"""How long a load waits for the runs of another one that keeps it from beginning."""

JOIN_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class LoadedRange:
    """What one partition run reached.

    Attributes:
        was_sent: whether every row had an outcome before, so that nothing was read or sent.
    """

    load_id: str
    partition_key: str
    totals: RowCounts
    seconds: float
    was_sent: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of a partition that is loaded without the rest.

    Attributes:
        unwanted: returns the external ids in it that are not sent; asked when nothing that a dead
            run left is in flight any more.
    """

    id_range: IdRange
    unwanted: Callable[[], pl.Series]


Chosen = Callable[[], pl.Series] | Sample | None


def load_partition(
    spec: LoadSpec,
    partition_key: str,
    ports: Ports,
    choose: Chosen = None,
    *,
    request: LoadRequest = RESUMED,
) -> LoadedRange:
    """Move one partition's rows into the org; running it again resumes where it stopped.

    ``choose`` returns the external ids that a partial load sends; it is asked once a load. Or it is
    a sample: whoever sends one gives the unfinished load of its mode up before. A partition whose
    rows were all sent is left as it is, unless the request begins a new load of it.

    Raises:
        RowsPending: rows are left without an outcome; the message says how many.
        DcError: any other reason that one sentence explains.
    """
    started_s = ports.clock.now_s()
    ticket = _ticket(partition_key, ports, request)
    if is_sent(ticket.phase):
        told = RunEvent("partition_sent_before", {"load": ticket.load_id}, partition_key)
        ports.note(replace(told, load_id=ticket.load_id))
        totals = ports.batches.totals(ticket.load_id, partition_key)
        return LoadedRange(ticket.load_id, partition_key, totals, 0.0, was_sent=True)
    with ports.loads.heartbeat(ticket):
        plan = agreed_plan(spec, ticket.load_id, ports)
        is_partial = choose is not None and not isinstance(choose, Sample)
        run = RangeRun(spec, ticket, plan, ports, is_partial=is_partial)
        if ticket.phase is Phase.READING:
            if ticket.sent_before and not isinstance(choose, Sample):
                run.note("load_begun_again", before=ticket.sent_before)
            run = _read(run, choose)
        write(run)
        totals = ports.batches.totals(ticket.load_id, partition_key)
        if totals.pending:
            raise RowsPending(
                f"Partition {partition_key}: {totals.pending:,} of {totals.selected:,} rows have "
                "no outcome yet. Run the partition again: it resumes where it stopped."
            )
        ports.loads.finish_range(ticket)
    seconds = ports.clock.now_s() - started_s
    return LoadedRange(ticket.load_id, partition_key, totals, seconds)


def _read(run: RangeRun, choose: Chosen) -> RangeRun:
    """Extract and regroup a partition.

    Raises:
        SpoolLost: pages vanished meanwhile; whoever took the partition over has dropped them.
    """
    if not isinstance(choose, Sample):  # which says nothing of its whole partition
        run.ports.loads.saw_source(run.ticket, run.ports.source.state(run.id_range))
    run = _narrowed(run, choose)
    try:
        selected = extract(run)
        run.note("rows_selected", rows=selected)
        if selected and run.ticket.sent_before and isinstance(choose, Sample):
            run.note("sample_grows", rows=selected)
        if run.ticket.with_snapshot:
            _save(run)
        run = with_records(run)
        regroup(run, selected=selected)
    except FileNotFoundError as error:
        raise SpoolLost(
            f"The pages of partition {run.ticket.partition_key} are gone from the spool: another "
            "run took the partition over, or DC_ASSETS_DATA was emptied. Run it again."
        ) from error
    return run


def _save(run: RangeRun) -> None:
    """Save the records that the rows will overwrite: no batch is planned yet, so none was sent."""
    snapshots = run.ports.snapshots
    assert snapshots is not None, "whoever begins a load with snapshot can take one"
    if rows := snapshots.take(run.ticket, run.id_range, _keys(run)):
        run.note("snapshot_taken", rows=rows)
    else:
        run.note("snapshot_empty")


def with_records(run: RangeRun) -> RangeRun:
    """Look for the records that the rows of a load are about that creates none.

    A restore brings their ids itself.
    """
    if run.spec.target.operation == "upsert" or RECORD_ID in run.spec.targets:
        return run
    assert run.ports.record_ids is not None, "whoever connects a load that updates can look"
    return replace(run, records=run.ports.record_ids.ids(run.id_range, _keys(run)))


def _keys(run: RangeRun) -> pl.Series:
    """Return the external ids of the rows that were read."""
    pages = run.ports.spool.pages(run.ticket)
    key = run.spec.target.external_id
    return pl.Series([], dtype=pl.String) if pages is None else pages.select(key).collect()[key]


def _narrowed(run: RangeRun, choose: Chosen) -> RangeRun:
    """Say which rows of the partition the run is about."""
    if choose is None:
        return run
    write(run)  # it has no batch yet: this settles what dead runs left in flight
    if isinstance(choose, Sample):
        return replace(run, part=choose.id_range, unwanted=choose.unwanted())
    return replace(run, wanted=_wanted(run, choose))


def _wanted(run: RangeRun, choose: Callable[[], pl.Series]) -> pl.Series:
    """Return the chosen ids; a run that was killed while reading resumes with the same ones."""
    kept = run.ports.spool.wanted(run.ticket)
    if kept is None:
        kept = choose()
        run.ports.spool.keep_wanted(run.ticket, kept)
    return kept


def _ticket(partition_key: str, ports: Ports, request: LoadRequest) -> RangeTicket:
    """Join the load and take the partition.

    A new load waits for the runs of the last one to end, and any load for another one that holds
    the same parents; nothing is held meanwhile.
    """
    deadline_s = ports.clock.now_s() + OTHER_LOAD_WAIT_S
    noted = ""
    while True:
        load_id = None
        try:
            load_id = ports.loads.join_load(partition_key, request)
            return ports.loads.take_range(load_id, partition_key)
        except LedgerConflict as conflict:
            is_taken = isinstance(conflict, ParentsTaken)
            if (load_id is not None and not is_taken) or ports.clock.now_s() >= deadline_s:
                raise
            if str(conflict) != noted:
                fields = {"cause": str(conflict)}
                ports.note(RunEvent("partition_waits", fields, partition_key, load_id or ""))
                noted = str(conflict)
            ports.clock.sleep(JOIN_AGAIN_S)
