"""Step 2: read one id range into the spool, and do not believe the end until the count agrees."""

from __future__ import annotations

import polars as pl

from dc_assets.core.errors import SourceIncomplete
from dc_assets.frames.canon import canonical
from dc_assets.frames.lanes import with_lane
from dc_assets.load.ports import PageMark
from dc_assets.load.reading import ordered_pages
from dc_assets.load.run import RangeRun

ROUNDS_MAX = 3
"""How often a range is read before a count that does not fit is an error."""


def extract(run: RangeRun) -> int:
    """Read the partition's rows into pages; return how many of them are selected.

    Pages of an earlier run are kept: reading goes on behind their last key. A partial load reads
    the whole range too, because only a whole range can be held against its count, and keeps the
    wanted rows.

    Raises:
        SourceIncomplete: after three rounds the rows read are still not the rows counted.
        SourceOutOfOrder: the source broke the order of its own ORDER BY.
    """
    read = counted = 0
    for number in range(1, ROUNDS_MAX + 1):
        _read_to_end(run)
        read, counted = run.ports.spool.rows_read(run.ticket), run.ports.source.count(run.id_range)
        if read == counted:
            return _selected_rows(run)
        run.note(
            f"read {read:,} rows, the source counts {counted:,} "
            f"(round {number} of {ROUNDS_MAX}): reading the range again"
        )
        run.ports.spool.drop_pages(run.ticket)
    raise SourceIncomplete(
        f"Range {run.id_range} of {run.spec.source.place}: {read:,} rows were read, "
        f"{counted:,} are counted, {ROUNDS_MAX} times over. Nothing of the range was sent. "
        "If the source is being refreshed, run the partition again afterwards."
    )


def _read_to_end(run: RangeRun) -> None:
    """Write the pages of the range that are not in the spool yet, sorted into lanes."""
    spec, spool = run.spec, run.ports.spool
    behind = spool.start_pages(run.ticket)
    for page in ordered_pages(spec, run.id_range, run.ports, behind=behind):
        rows = canonical(page, spec)
        if run.wanted is not None:
            rows = rows.filter(pl.col(spec.target.external_id).is_in(run.wanted.implode()))
        mark = PageMark(str(page.get_column(spec.source.key)[-1]), rows_read=page.height)
        spool.add_page(run.ticket, with_lane(rows, spec, run.plan.lanes), mark)


def _selected_rows(run: RangeRun) -> int:
    pages = run.ports.spool.pages(run.ticket)
    return 0 if pages is None else int(pages.select(pl.len()).collect().item())
