"""Follows one id range of the source to its end, over broken streams, in checked order."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from dc_assets.core.errors import SourceOutOfOrder, TransientRemoteError
from dc_assets.core.ladders import CALL_LADDER_S, jittered
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import Ports


def ordered_pages(
    spec: LoadSpec, id_range: IdRange, ports: Ports, *, behind: str | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a range, or those behind a key, as non-empty pages in key order.

    Whenever the stream breaks, the source is asked again from the last key that was yielded: this
    is the only way to resume, because a batch of a query can be fetched once.

    Raises:
        SourceOutOfOrder: the source broke the order of its own ORDER BY, or left the range.
        TransientRemoteError: it broke six times without giving a page.
    """
    failures = 0
    while True:
        rest = id_range if behind is None else id_range.beyond(behind)
        try:
            for page in ports.source.pages(rest):
                if page.is_empty():
                    continue  # an empty page is never by itself the end
                behind = _last_key(spec, page, rest, behind)
                yield page
                failures = 0
        except TransientRemoteError as error:
            failures += 1
            if failures > len(CALL_LADDER_S):
                raise
            wait_s = error.retry_after_s
            if wait_s is None:
                wait_s = jittered(CALL_LADDER_S[failures - 1], ports.chance())
            ports.note(f"{error}; reading on behind {behind!r} in {wait_s:.1f} s")
            ports.clock.sleep(wait_s)
        else:
            return


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
