"""Step 3: turn the pages of a partition into batches, one lane at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from dc_assets.core.errors import SpoolLost
from dc_assets.core.pauses import batch_rows_max
from dc_assets.core.schedule import WaitingBatch
from dc_assets.frames.canon import LANE
from dc_assets.frames.csv_codec import PAYLOAD_BYTES_MAX, payload_bytes
from dc_assets.frames.lanes import cut, in_sending_order
from dc_assets.frames.record_ids import with_record_ids
from dc_assets.frames.sendable import DoubledKeys, sift
from dc_assets.load.ports import RangeRun
from dc_assets.load.settled_rows import dead_letters_of, sent_fields
from dc_assets.load.store import DeadLetter, NewBatch

READ_BYTES_MAX = 16_000_000
"""Rows of pages that are in memory at once, unless one lane has more.

To sort and cut them takes four times as much besides.
"""


def regroup(run: RangeRun, *, selected: int, is_first: bool = True) -> None:
    """Write the rows of every batch, then tell the ledger of all of them in one transaction.

    Rows that cannot be sent at all become dead letters here. A crash before the transaction leaves
    files that no batch names, and the next run makes the batches anew from the same pages. Unless
    it is the first time, the batches take the place of those that were not sent.

    Raises:
        SpoolLost: a page is not as it was written; what was made of it is not planned.
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
    damaged = ports.spool.drop_damaged_pages(ticket)
    if damaged or sum(batch.rows for batch in batches) + len(dead_letters) != selected:
        names = ", ".join(damaged) or f"those of partition {ticket.partition_key}"
        raise SpoolLost(f"Pages that were read are gone or altered: {names}")
    if is_first:
        replayed = [] if run.wanted is None else run.wanted.to_list()
        ports.batches.plan_batches(
            ticket,
            selected=selected,
            batches=batches,
            dead_letters=dead_letters,
            replayed=replayed,
        )
    else:
        ports.batches.plan_anew(ticket, batches=batches, dead_letters=dead_letters)
    ports.spool.drop_pages(ticket)


def fitting(run: RangeRun, batch_ids: Sequence[str]) -> Mapping[str, pl.DataFrame]:
    """Return the rows of the first of some batches, and of those that fit into one upload with it.

    The first one that does not fit ends the search: a lane of long rows is not read for nothing.
    """
    spool, load_id = run.ports.spool, run.ticket.load_id
    found: dict[str, pl.DataFrame] = {}
    room = PAYLOAD_BYTES_MAX
    for batch_id in batch_ids:
        try:
            kept = spool.read_batch(load_id, batch_id)
        except SpoolLost:
            break  # whoever sends it is told
        rows = kept.select(sent_fields(kept))
        room -= payload_bytes(rows)
        if room < 0 and found:
            break
        found[batch_id] = rows
    return found


def merge(run: RangeRun, parts: Mapping[str, pl.DataFrame], merged: WaitingBatch) -> None:
    """Put the rows of several batches of one lane into one; the first of them is claimed.

    The rows are on disk before the ledger hears of it, and the old ones stay there until it has.
    """
    spool, load_id = run.ports.spool, run.ticket.load_id
    spool.write_batch(
        load_id, merged.batch_id, in_sending_order(pl.concat(parts.values()), run.spec)
    )
    new = NewBatch(merged.batch_id, merged.lane, merged.attempt, merged.rows)
    claimed, *others = parts
    run.ports.batches.merge(run.ticket, claimed, others, new)
    for batch_id in parts:
        spool.drop_batch(load_id, batch_id)


def split(run: RangeRun, batch: WaitingBatch, rows_max: int) -> list[NewBatch]:
    """Plan the rows of a waiting batch anew as batches of at most ``rows_max`` rows, in order."""
    rows = run.ports.spool.read_batch(run.ticket.load_id, batch.batch_id)
    return _planned_anew(run, batch, cut(rows, rows_max))


def cut_off(run: RangeRun, batch: WaitingBatch, rows: int) -> list[NewBatch]:
    """Plan the first rows of a waiting batch as one of their own, and the others as another."""
    whole = run.ports.spool.read_batch(run.ticket.load_id, batch.batch_id)
    return _planned_anew(run, batch, (whole.head(rows), whole.slice(rows)))


def _planned_anew(
    run: RangeRun, batch: WaitingBatch, frames: Iterable[pl.DataFrame]
) -> list[NewBatch]:
    spool, load_id = run.ports.spool, run.ticket.load_id
    ready_in_s = max(0.0, batch.ready_at_s - run.ports.clock.now_s())
    parts: list[NewBatch] = []
    for rows in frames:
        part = NewBatch(run.ports.new_id(), batch.lane, batch.attempt, rows.height, ready_in_s)
        spool.write_batch(load_id, part.batch_id, rows)
        parts.append(part)
    run.ports.batches.split(run.ticket, batch.batch_id, parts)
    spool.drop_batch(load_id, batch.batch_id)
    return parts


def lanes_of(run: RangeRun) -> Iterator[tuple[int, list[pl.DataFrame], list[DeadLetter]]]:
    """Yield the batches of each lane in sending order, and rows that cannot be sent.

    Those of lanes that were read together come with the first of them.
    """
    pages = run.ports.spool.pages(run.ticket)
    if pages is None:
        return
    rows_max = run.known_speed().rows_max(batch_rows_max(run.spec))
    for lanes, rows in lanes_together(pages, run.plan.lanes.total):
        sendable, letters = _sifted(run, rows)
        ordered = in_sending_order(sendable, run.spec, within=[LANE])
        parts = ordered.partition_by(LANE, as_dict=True, include_key=False, maintain_order=True)
        for lane in lanes:
            own = parts.get((lane,))
            yield lane, [] if own is None else list(cut(own, rows_max)), letters
            letters = []


def _sifted(run: RangeRun, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[DeadLetter]]:
    """Return the rows that can be sent, with their records' ids if they need them, and the rest."""
    spec, doubled = run.spec, DoubledKeys(run.plan.ambiguous_keys, run.keys_have_case)
    sendable, refused = sift(rows, spec, doubled)
    letters = dead_letters_of(refused.drop(LANE), spec, attempts=0)
    if run.records is not None:
        key = spec.target.external_id
        has_case = run.keys_have_case or not run.writes_keys  # then the org's spelling stays
        sendable, refused = with_record_ids(sendable, run.records, key, has_case=has_case)
        letters += dead_letters_of(refused.drop(LANE), spec, attempts=0)
    return sendable, letters


def lanes_together(
    pages: pl.LazyFrame, lanes: int, bytes_max: int = READ_BYTES_MAX
) -> Iterator[tuple[range, pl.DataFrame]]:
    """Yield the rows of all lanes, several lanes at a time.

    As many are read at once as ``bytes_max`` has room for, at least one: each reading opens every
    page, and looks at its rows in one go.
    """
    counted = pages.group_by(LANE).len().collect()
    rows_of: dict[int, int] = dict(counted.iter_rows())
    first, rows_max = 0, 0
    while first < lanes:
        end, rows = first + 1, rows_of.get(first, 0)
        while end < lanes and rows + rows_of.get(end, 0) <= rows_max:
            rows += rows_of.get(end, 0)
            end += 1
        read = pages.filter(pl.col(LANE).is_between(first, end - 1)).collect()
        if not read.is_empty():
            rows_max = int(bytes_max / read.estimated_size() * read.height)
        yield range(first, end), read
        first = end
