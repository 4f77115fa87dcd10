"""Which rows of a job are still to do, when others were committed in any order."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[int, int]
"""Rows ``first`` to ``stop``, the last one not included."""


def gaps(done: Sequence[Span], stop: int) -> list[Span]:
    """The rows up to `stop` that are in none of the spans, which stand in order.

    >>> gaps([(0, 200), (400, 600)], 1000)
    [(200, 400), (600, 1000)]
    """
    found: list[Span] = []
    reached = 0
    for first, end in (*done, (stop, stop)):
        if reached < min(first, stop):
            found.append((reached, min(first, stop)))
        reached = max(reached, end)
    return found


def first_rows(spans: Sequence[Span], rows: int) -> list[Span]:
    """As much of the spans as has so many rows.

    >>> first_rows([(0, 5), (8, 20)], 7)
    [(0, 5), (8, 10)]
    """
    kept: list[Span] = []
    for first, stop in spans:
        end = min(stop, first + rows)
        if end > first:
            kept.append((first, end))
        rows -= end - first
    return kept


def in_batches(spans: Sequence[Span], rows: int) -> list[Span]:
    """The spans cut so that none has more than so many rows.

    >>> in_batches([(0, 5), (8, 9)], 3)
    [(0, 3), (3, 5), (8, 9)]
    """
    return [
        (begin, min(begin + rows, stop))
        for first, stop in spans
        for begin in range(first, stop, rows)
    ]
