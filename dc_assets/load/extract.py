"""Step 2: read one id range into the spool, and do not believe the end until the count agrees."""

from __future__ import annotations

import polars as pl

from dc_assets.core.errors import SourceIncomplete
from dc_assets.frames.canon import canonical
from dc_assets.frames.lanes import with_lane
from dc_assets.load.ports import PageMark, RangeRun
from dc_assets.load.reading import ordered_pages

ROUNDS_MAX = 3
"""Rounds of reading that add nothing before a count that does not fit is an error."""


def extract(run: RangeRun) -> int:
    """Read the partition's rows into pages; return how many of them are selected.

    Pages of an earlier run are kept: reading resumes behind their last key. A partial load reads
    the whole range too, because only a whole range can be compared with its count, and keeps the
    wanted rows.

    When fewer rows were read than are counted, the source may have ended early: it is asked again
    behind the last key. When that adds nothing, or there are too many rows, the range is read anew.

    Raises:
        SourceIncomplete: three rounds added nothing, and the rows read are not the rows counted.
        SourceOutOfOrder: the source broke the order of its own ORDER BY.
    """
    spool = run.ports.spool
    fruitless = before = 0
    while True:
        _read_to_end(run)
        read, counted = spool.rows_read(run.ticket), run.ports.source.count(run.id_range)
        if read == counted:
            return _selected_rows(run)
        if before < read < counted:
            run.note("range_read_on", rows=read, counted=counted)
            before = read
            continue
        fruitless += 1
        if fruitless == ROUNDS_MAX:
            raise SourceIncomplete(_incomplete(run, read, counted))
        run.note(
            "range_read_again",
            rows=read,
            counted=counted,
            round=fruitless + 1,
            rounds_max=ROUNDS_MAX,
        )
        spool.drop_pages(run.ticket)
        before = 0


def _incomplete(run: RangeRun, read: int, counted: int) -> str:
    missing = f"{counted - read:,} rows are missing" if read < counted else "there are too many"
    return (
        f"Range {run.id_range} of {run.spec.source.place} (partition {run.ticket.partition_key}): "
        f"{read:,} rows were read, {counted:,} are counted: {missing}, {ROUNDS_MAX} times over. "
        "Nothing of the range was sent. If the source is being refreshed, run the partition again "
        "afterwards; what landed of other ranges stays."
    )


def _read_to_end(run: RangeRun) -> None:
    """Write the pages of the range that are not in the spool yet, sorted into lanes."""
    spec, spool = run.spec, run.ports.spool
    behind = spool.start_pages(run.ticket)
    for page in ordered_pages(spec, run.id_range, run.ports, behind=behind):
        rows = canonical(page, spec)
        if run.wanted is not None:
            rows = rows.filter(pl.col(spec.target.external_id).is_in(run.wanted.implode()))
        if run.unwanted is not None:
            rows = rows.filter(~pl.col(spec.target.external_id).is_in(run.unwanted.implode()))
        mark = PageMark(str(page.get_column(spec.source.key)[-1]), rows_read=page.height)
        spool.add_page(run.ticket, with_lane(rows, spec, run.plan.lanes), mark)


def _selected_rows(run: RangeRun) -> int:
    pages = run.ports.spool.pages(run.ticket)
    return 0 if pages is None else int(pages.select(pl.len()).collect().item())
