"""Step 2: read one id range into the spool, and do not believe the end until the count agrees."""

from __future__ import annotations

import polars as pl

from dc_assets.core.errors import SourceIncomplete, SourceOutOfOrder, TransientRemoteError
from dc_assets.core.ladders import CALL_LADDER_S, jittered
from dc_assets.core.ranges import IdRange
from dc_assets.frames.canon import canonical
from dc_assets.frames.lanes import with_lane
from dc_assets.load.ports import PageMark
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
    """Follow the range to its end, asking again from the last key whenever the stream breaks."""
    last_key = run.ports.spool.start_pages(run.ticket)
    failures = 0
    while True:
        rest = run.id_range if last_key is None else run.id_range.beyond(last_key)
        try:
            for page in run.ports.source.pages(rest):
                if page.is_empty():
                    continue  # an empty page is never by itself the end
                last_key = _spool_page(run, page, rest, behind=last_key)
                failures = 0
        except TransientRemoteError as error:
            failures += 1
            if failures > len(CALL_LADDER_S):
                raise
            wait_s = error.retry_after_s
            if wait_s is None:
                wait_s = jittered(CALL_LADDER_S[failures - 1], run.ports.chance())
            run.note(f"{error}; reading on behind the last key in {wait_s:.1f} s")
            run.ports.clock.sleep(wait_s)
        else:
            return


def _spool_page(run: RangeRun, page: pl.DataFrame, rest: IdRange, *, behind: str | None) -> str:
    """Sort one page into lanes, write it, and return its last key.

    Its first key may be the last one of the page before: a doubled id can stand on both.
    """
    keys = page.get_column(run.spec.source.key)
    first, last = str(keys[0]), str(keys[-1])
    follows = keys.is_sorted() and (behind is None or first >= behind)
    if not (follows and rest.contains(first) and rest.contains(last)):
        raise SourceOutOfOrder(
            f"{run.spec.source.place} answered keys {first!r} .. {last!r} to a query for {rest} "
            "ordered by key. Nothing of this page was used."
        )
    rows = canonical(page, run.spec)
    if run.wanted is not None:
        rows = rows.filter(pl.col(run.spec.target.external_id).is_in(run.wanted.implode()))
    mark = PageMark(last_key=last, rows_read=page.height)
    run.ports.spool.add_page(run.ticket, with_lane(rows, run.spec, run.plan.lanes), mark)
    return last


def _selected_rows(run: RangeRun) -> int:
    pages = run.ports.spool.pages(run.ticket)
    return 0 if pages is None else int(pages.select(pl.len()).collect().item())
