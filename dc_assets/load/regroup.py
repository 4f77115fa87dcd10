"""Step 3: turn the pages of a partition into batches, one lane at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from dc_assets.core.pauses import batch_rows_max
from dc_assets.core.row_outcomes import AMBIGUOUS_ID, BLANK_ID, NOT_REPRESENTABLE
from dc_assets.core.schedule import WaitingBatch
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.canon import LANE
from dc_assets.frames.csv_codec import not_representable
from dc_assets.frames.lanes import cut, in_sending_order
from dc_assets.load.ports import RangeRun
from dc_assets.load.settle import dead_letters_of
from dc_assets.load.store import DeadLetter, NewBatch, Plan


def regroup(run: RangeRun, *, selected: int) -> None:
    """Write the rows of every batch, then tell the ledger of all of them in one transaction.

    Rows that cannot be sent at all become dead letters here. A crash before the transaction leaves
    files that no batch names, and the next run makes the batches anew from the same pages.
    """
    ticket, ports = run.ticket, run.ports
    batches: list[NewBatch] = []
    dead_letters: list[DeadLetter] = []
    for lane, parts, refused in lanes_of(run):
        dead_letters += refused
        for part in parts:
            batch = NewBatch(ports.new_id(), lane=lane, attempt=1, rows=part.height)
            ports.spool.write_batch(ticket.load_id, batch.batch_id, part)
            batches.append(batch)
    assert sum(batch.rows for batch in batches) + len(dead_letters) == selected
    ports.batches.plan_batches(
        ticket,
        selected=selected,
        batches=batches,
        dead_letters=dead_letters,
        replayed=[] if run.wanted is None else run.wanted.to_list(),
    )
    ports.spool.drop_pages(ticket)


def merge(run: RangeRun, batch_ids: Sequence[str], merged: WaitingBatch) -> None:
    """Put the rows of several batches of one lane into one; the first of them is claimed.

    The rows are on disk before the ledger hears of it, and the old ones stay there until it has.
    """
    spool, load_id = run.ports.spool, run.ticket.load_id
    rows = pl.concat(spool.read_batch(load_id, batch_id) for batch_id in batch_ids)
    spool.write_batch(load_id, merged.batch_id, in_sending_order(rows, run.spec))
    new = NewBatch(merged.batch_id, merged.lane, merged.attempt, merged.rows)
    run.ports.batches.merge(run.ticket, batch_ids[0], batch_ids[1:], new)
    for batch_id in batch_ids:
        spool.drop_batch(load_id, batch_id)


def split(run: RangeRun, batch: WaitingBatch, rows_max: int) -> list[NewBatch]:
    """Plan the rows of a waiting batch anew as batches of at most ``rows_max`` rows, in order."""
    spool, load_id = run.ports.spool, run.ticket.load_id
    ready_in_s = max(0.0, batch.ready_at_s - run.ports.clock.now_s())
    parts: list[NewBatch] = []
    for rows in cut(spool.read_batch(load_id, batch.batch_id), rows_max):
        part = NewBatch(run.ports.new_id(), batch.lane, batch.attempt, rows.height, ready_in_s)
        spool.write_batch(load_id, part.batch_id, rows)
        parts.append(part)
    run.ports.batches.split(run.ticket, batch.batch_id, parts)
    spool.drop_batch(load_id, batch.batch_id)
    return parts


def lanes_of(run: RangeRun) -> Iterator[tuple[int, list[pl.DataFrame], list[DeadLetter]]]:
    """Yield the batches of each lane in sending order, and the rows that cannot be sent."""
    pages = run.ports.spool.pages(run.ticket)
    if pages is None:
        return
    rows_max = run.known_speed().rows_max(batch_rows_max(run.spec))
    for lane in range(run.plan.lanes.total):
        rows = pages.filter(pl.col(LANE) == lane).drop(LANE).collect()
        sendable, refused = _sift(rows, run.spec, run.plan)
        ordered = in_sending_order(sendable, run.spec)
        yield lane, list(cut(ordered, rows_max)), refused


def _sift(rows: pl.DataFrame, spec: LoadSpec, plan: Plan) -> tuple[pl.DataFrame, list[DeadLetter]]:
    """Split off the rows that must not or cannot be sent, each with its reason."""
    key = pl.col(spec.target.external_id)
    ambiguous = key.is_duplicated()  # a double that came after the plan was made
    if plan.ambiguous_keys:
        ambiguous |= key.str.to_lowercase().is_in(list(plan.ambiguous_keys))
    unfit = [pl.when(not_representable(c.target)).then(pl.lit(c.target)) for c in spec.columns]
    judged = rows.with_columns(
        pl.when(ambiguous)
        .then(pl.lit(AMBIGUOUS_ID))
        .when(key == "")
        .then(pl.lit(BLANK_ID))
        .when(pl.any_horizontal(not_representable(c.target) for c in spec.columns))
        .then(pl.lit(NOT_REPRESENTABLE))
        .alias("__code"),
        pl.concat_str(unfit, separator=",", ignore_nulls=True).alias("__fields"),
    )
    refused = judged.filter(pl.col("__code").is_not_null()).with_columns(
        pl.col("__code").replace_strict(_REASONS).alias("__message")
    )
    sendable = judged.filter(pl.col("__code").is_null()).drop("__code", "__fields")
    return sendable, dead_letters_of(refused, spec, attempts=0)


_REASONS = {
    AMBIGUOUS_ID: "the source has this external id more than once, upper and lower case alike",
    BLANK_ID: "the external id is empty text",
    NOT_REPRESENTABLE: "a value holds NUL or CR, or is the text #N/A, which means null in a job",
}
