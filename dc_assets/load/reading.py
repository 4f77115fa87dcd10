"""Follows one id range of the source to its end, over broken streams, in checked order."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from dc_assets.core.errors import HostSilent, SourceOutOfOrder, TransientRemoteError
from dc_assets.core.ladders import CALL_LADDER_S, doubt_wait_s, jittered
from dc_assets.core.ranges import IdRange
from dc_assets.core.run_events import RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import Ports, Source


class _EmptyAnswer(TransientRemoteError):
    """A query was answered with no row at all, and the source counts some."""


def ordered_pages(
    spec: LoadSpec, id_range: IdRange, ports: Ports, *, behind: str | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a range, or those behind a key, as non-empty pages in key order.

    Whenever the stream breaks, the source is asked again from the last key that was yielded: this
    is the only way to resume, because a batch of a query can be fetched once. An answer without
    any row is believed when the count agrees, or when it was given six times.

    Raises:
        SourceOutOfOrder: the source broke the order of its own ORDER BY, or left the range.
        HostSilent: it gave no page for `limits.silence_s_max`.
    """
    failures = 0
    replayed_at_s = ports.clock.now_s()
    while True:
        rest = id_range if behind is None else id_range.beyond(behind)
        try:
            for page in _pages(ports.source, rest):
                behind = _last_key(spec, page, rest, behind)
                yield page
                failures = 0
                replayed_at_s = ports.clock.now_s()
        except TransientRemoteError as error:
            failures += 1
            if isinstance(error, _EmptyAnswer) and failures > len(CALL_LADDER_S):
                return  # whoever counts the rows says what is missing
            _refuse_long_silence(spec, ports.clock.now_s() - replayed_at_s, error)
            wait_s = error.retry_after_s
            if wait_s is None:
                rung_s = doubt_wait_s(failures, after_ladder=error.after_ladder)
                wait_s = jittered(rung_s, ports.chance())
            fields = {"cause": str(error), "behind": behind, "wait_s": wait_s}
            ports.note(RunEvent("source_retried", fields))
            ports.clock.sleep(wait_s)
        else:
            return


def _pages(source: Source, rest: IdRange) -> Iterator[pl.DataFrame]:
    """Yield the pages of one query that have rows; an empty one is never by itself the end."""
    is_empty = True
    for page in source.pages(rest):
        if not page.is_empty():
            is_empty = False
            yield page
    if is_empty:
        counted = source.count(rest)
        if counted:
            raise _EmptyAnswer(f"no row was answered for {rest}, which counts {counted:,}")


def _refuse_long_silence(spec: LoadSpec, silence_s: float, error: TransientRemoteError) -> None:
    if silence_s >= spec.limits.silence_s_max:
        raise HostSilent(
            f"The source gave no page of {spec.source.place} for {silence_s / 60:.0f} minutes, "
            f"the last answer was: {error} The pages that were read are kept. "
            f"When it answers again: dc-assets run {spec.name}"
        ) from error


def _last_key(spec: LoadSpec, page: pl.DataFrame, rest: IdRange, behind: str | None) -> str:
    """Check the order of a page and return its last key.

    Its first key may be the last one of the page before: a doubled id can stand on both.
    """
    keys = page.get_column(spec.source.key)
    first, last = str(keys[0]), str(keys[-1])
    follows = keys.is_sorted() and (behind is None or first >= behind)
    if not (follows and rest.contains(first) and rest.contains(last)):
        raise SourceOutOfOrder(
            f"{spec.source.place} answered keys {first!r} .. {last!r} to a query for {rest} "
            "ordered by key. Nothing of this page was used."
        )
    return last
