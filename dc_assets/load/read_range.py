"""Reads a partition into batches, and reads it once more when our disk lost some of its rows.

Why: `docs/adr/0065-what-a-disk-holds-can-be-read-again.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import polars as pl

from dc_assets.core.batch_states import IN_FLIGHT
from dc_assets.core.errors import SpoolLost
from dc_assets.core.ranges import IdRange
from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.write_policy import CLAIM_AGAIN_S
from dc_assets.load.extract import extract
from dc_assets.load.ports import RangeRun
from dc_assets.load.regroup import regroup
from dc_assets.load.write import write

READINGS_MAX = 3
"""How often rows that are read get lost on our disk before that is an error."""


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


def read_range(run: RangeRun, choose: Chosen) -> RangeRun:
    """Extract and regroup a partition.

    Raises:
        SpoolLost: pages were lost three times, while they were read.
        LedgerConflict: another run took the partition over.
    """
    for reading in range(1, READINGS_MAX + 1):
        if not isinstance(choose, Sample):  # which says nothing of its whole partition
            run.ports.loads.saw_source(run.ticket, run.ports.source.state(run.id_range))
        try:
            return _read(_narrowed(run, choose), choose)
        except SpoolLost as lost:
            if reading == READINGS_MAX:
                raise
            run.note("rows_lost", cause=str(lost))
    raise AssertionError("the loop returns or raises")


def _read(run: RangeRun, choose: Chosen) -> RangeRun:
    with _whole_pages(run):
        selected = extract(run)
        run.note("rows_selected", rows=selected)
        if selected and run.ticket.sent_before and isinstance(choose, Sample):
            run.note("sample_grows", rows=selected)
        if run.ticket.with_snapshot:
            _save(run)
        run = with_records(run)
        regroup(run, selected=selected)
    return run


def send_all(run: RangeRun, choose: Chosen) -> None:
    """Send every row of the partition; those that are on no disk of ours are read again.

    Raises:
        SpoolLost: rows were lost again and again, or nobody can tell any more which they are.
        DcError: as `load.write.write`.
    """
    for _ in range(READINGS_MAX):
        try:
            write(run)
        except SpoolLost as error:
            lost = error
        else:
            rows = _rows_in_no_batch(run)
            if not rows:
                return
            lost = SpoolLost(
                f"{rows:,} rows of partition {run.ticket.partition_key} are in no batch"
            )
        _read_again(run, choose, lost)
    write(run)


def _rows_in_no_batch(run: RangeRun) -> int:
    """Count the rows whose batch a version before 9 gave up without another one."""
    ticket, batches = run.ticket, run.ports.batches
    pending = batches.totals(ticket.load_id, ticket.partition_key).pending
    return pending if pending and not batches.unsettled(ticket) else 0


def _read_again(run: RangeRun, choose: Chosen, lost: SpoolLost) -> None:
    """Read the partition once more, and plan those of its rows anew that have no outcome yet."""
    ticket, ports = run.ticket, run.ports
    _settle_flights(run, lost)
    ports.spool.drop_pages(ticket)  # an earlier owner may have read them before rows landed
    settled = ports.batches.settled_keys(ticket)
    part = _chosen(run, choose)
    unwanted = settled if part.unwanted is None else pl.concat([settled, part.unwanted])
    part = replace(part, unwanted=unwanted)
    with _whole_pages(run):
        rows = extract(part)
        _refuse_unsaved(run, rows)
        regroup(with_records(part), selected=rows, is_first=False)
    run.note("rows_read_again", rows=rows, cause=str(lost))


def _settle_flights(run: RangeRun, lost: SpoolLost) -> None:
    """Wait until no row of the partition is in flight: what landed must not be sent again.

    Raises:
        SpoolLost: a batch that another run drives does not end.
    """
    clock, batches = run.ports.clock, run.ports.batches
    deadline_s = clock.now_s() + run.spec.limits.job_wait_s_max
    while any(one.state in IN_FLIGHT for one in batches.unsettled(run.ticket)):
        if clock.now_s() > deadline_s:
            raise lost
        clock.sleep(CLAIM_AGAIN_S)
        with suppress(SpoolLost):
            write(run, only_settle=lost)


def _refuse_unsaved(run: RangeRun, rows: int) -> None:
    """Send no row that the snapshot of the load may not have.

    Raises:
        SpoolLost: the source has other rows than when the snapshot was taken.
    """
    ticket = run.ticket
    pending = run.ports.batches.totals(ticket.load_id, ticket.partition_key).pending
    if ticket.with_snapshot and rows != pending:
        raise SpoolLost(
            f"Partition {ticket.partition_key}: {pending:,} rows were lost on our disk, and the "
            f"source has {rows:,} by now, which the snapshot of the load may lack. Begin a load "
            f"with a new one: dc-assets run {run.spec.name} --new-load --snapshot"
        )


@contextmanager
def _whole_pages(run: RangeRun) -> Generator[None]:
    """Let pages that were lost or altered while they are read be a word, and no traceback.

    Raises:
        SpoolLost: they were.
    """
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        damaged = run.ports.spool.drop_damaged_pages(run.ticket)
        if not damaged and not isinstance(error, FileNotFoundError):
            raise
        names = ", ".join(damaged) or str(error)
        raise SpoolLost(f"Pages that were read are gone or altered: {names}") from error


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
    return _chosen(run, choose)


def _chosen(run: RangeRun, choose: Chosen) -> RangeRun:
    if choose is None:
        return run
    if isinstance(choose, Sample):
        return replace(run, part=choose.id_range, unwanted=choose.unwanted())
    return replace(run, wanted=_wanted(run, choose))


def _wanted(run: RangeRun, choose: Callable[[], pl.Series]) -> pl.Series:
    """Return the chosen ids; a run that was killed while reading resumes with the same ones.

    Those of a replay that was planned stand in the ledger too: nobody would choose them again.
    """
    kept = run.ports.spool.wanted(run.ticket)
    if kept is None:
        replayed = run.ports.batches.replayed(run.ticket)
        kept = pl.Series(replayed, dtype=pl.String) if replayed else choose()
        run.ports.spool.keep_wanted(run.ticket, kept)
    return kept
