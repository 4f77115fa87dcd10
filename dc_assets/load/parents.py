"""Rows whose parents are rows of the same load: they wait, are tried again, or are given up."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from dc_assets.core.parent_rounds import Outlook
from dc_assets.core.row_outcomes import NO_PARENT
from dc_assets.core.schedule import WaitingBatch
from dc_assets.load.ports import RangeRun
from dc_assets.load.settled_rows import dead_letters_of
from dc_assets.load.store import BatchRecord, NewBatch


def part_waiting(run: RangeRun, refused: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the refused rows that name a parent of the load which the org lacks, and the others.

    The code does not say which lookup it means, and the language of the message is the org's: it
    quotes the parent's id. A row that waits in vain costs one round.
    """
    fields = [name for name in run.references_to_rows if name in refused.columns]
    if refused.is_empty() or not fields:
        return refused.clear(), refused
    message = pl.col("__message")
    is_quoted = pl.any_horizontal(
        message.str.contains(pl.col(field), literal=True).fill_null(value=False) for field in fields
    )
    waits = (pl.col("__code") == NO_PARENT) & is_quoted
    return refused.filter(waits), refused.filter(~waits)


def plan_waiting(run: RangeRun, batch: BatchRecord, rows: pl.DataFrame) -> NewBatch | None:
    """Put rows that wait into a batch of their lane, each with the reason of its refusal."""
    if rows.is_empty():
        return None
    waiting = NewBatch(run.ports.new_id(), batch.lane, batch.attempt, rows.height, waits=True)
    run.ports.spool.write_batch(batch.load_id, waiting.batch_id, rows)
    return waiting


def look_for_parents(run: RangeRun, waiting: Sequence[WaitingBatch]) -> Outlook:
    """Ask what becomes of batches that wait, and make dead letters of them if nothing does."""
    outlook = run.ports.batches.parents_outlook(run.ticket)
    rows = sum(batch.rows for batch in waiting)
    match outlook:
        case Outlook.SEND:
            run.note("parents_landed", rows=rows)
        case Outlook.LEAVE:
            run.note("parents_to_come", rows=rows)
        case Outlook.GIVE_UP:
            for batch in waiting:
                _give_up(run, batch)
            run.note("parents_missing", rows=rows)
        case Outlook.WAIT:
            pass
    return outlook


def _give_up(run: RangeRun, batch: WaitingBatch) -> None:
    spool, load_id = run.ports.spool, run.ticket.load_id
    rows = spool.read_batch(load_id, batch.batch_id)
    letters = dead_letters_of(rows, run.spec, attempts=batch.attempt)
    run.ports.batches.give_up(run.ticket, batch.batch_id, letters)
    spool.drop_batch(load_id, batch.batch_id)
