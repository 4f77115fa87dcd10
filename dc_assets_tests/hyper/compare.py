"""The same query on both engines: are the values the same?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb

from dc_assets.emulator.stores.duck import NEAR_HYPER, DatabaseError, Session
from dc_assets_tests.hyper.engine import Answer, Hyper, Refusal


class Pair:
    """A Hyper and a DuckDB with the settings of the emulated tenant."""

    def __init__(self, hyper: Hyper) -> None:
        self.hyper = hyper
        self.duck = Session(duckdb.connect())
        for setting in NEAR_HYPER:
            self.duck.run(setting)


def same(pair: Pair, expressions: Sequence[str]) -> bool:
    """Tell whether both engines give values, and the same ones."""
    whole = _both(pair, ", ".join(expressions))
    if None not in whole:
        return _equal_rows(*whole)
    answers = [_both(pair, one) for one in expressions]
    return any(one[0] is not None for one in answers) and all(_equal_rows(*one) for one in answers)


def _both(pair: Pair, listed: str) -> tuple[Sequence[Any] | None, Sequence[Any] | None]:
    sql = f"SELECT {listed}"
    answer = pair.hyper.ask(sql)
    theirs = None if isinstance(answer, Refusal) or not answer.rows else answer.rows[0]
    try:
        return theirs, pair.duck.one(sql)
    except DatabaseError:
        return theirs, None


def _equal_rows(left: Sequence[Any] | None, right: Sequence[Any] | None) -> bool:
    if left is None or right is None:
        return left is right
    return all(equal(one, other) for one, other in zip(left, right, strict=True))


def equal(left: object, right: object) -> bool:
    """Tell whether two values are the same but for the type they come in."""
    left, right = plain(left), plain(right)
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return left == right


def plain(value: object) -> object:
    """Return a value as a text, a float, bytes or None."""
    for method in ("to_datetime", "to_date", "to_time"):
        if hasattr(value, method):
            value = getattr(value, method)()
            break
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float, Decimal)):
        return float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return value


__all__ = ["Answer", "Pair", "equal", "plain", "same"]
