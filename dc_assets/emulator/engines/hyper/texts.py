"""Casts whose texts DuckDB writes otherwise than Hyper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dc_assets.emulator.stores.data_cloud import DOUBLE_TEXT


@dataclass(frozen=True, slots=True)
class Written:
    """Where in the query a double is cast to text."""

    start: int
    end: int


def as_hyper_writes(sql: str, casts: Iterable[Written]) -> str:
    """The query with its casts of doubles written as Hyper writes them."""
    casts = set(casts)
    marks = [(cast.start, 1, f"{DOUBLE_TEXT}(") for cast in casts]
    marks += [(cast.end, 0, ")") for cast in casts]
    # From the end on, so that the places before stay right; an end stands before a start.
    for place, _, text in sorted(marks, reverse=True):
        sql = sql[:place] + text + sql[place:]
    return sql
