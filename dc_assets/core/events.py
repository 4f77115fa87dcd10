"""The events that people are notified of, and when a load went worse than usual."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

EventKind = Literal[
    "completed",
    "failed",
    "breaker",
    "budget",
    "coverage_gap",
    "success_rate",
    "deletions",
    "test",
]

OFFERED_FOR_S = 72 * 3_600.0
"""Older events are not noticed, and older notifications are not sent: a weekend is shorter."""

SUCCESS_SHARE_MIN = 0.95
EARLIER_LOADS_MAX = 5


@dataclass(frozen=True, slots=True)
class Event:
    """One event that people are told of.

    Attributes:
        key: the same event always has the same key.
        facts: what the templates may name: numbers, names and sentences; no value of a row.
        noticed_at: seconds since 1970.
    """

    key: str
    kind: EventKind
    spec_name: str
    facts: Mapping[str, Any]
    noticed_at: float

    @property
    def identity(self) -> str:
        """Short text that is the same in every repeat; receivers know a repeat by it."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:32]


def usual_success(earlier: Sequence[float]) -> float | None:
    """Return the mean share of rows that landed in earlier loads; None if there is none."""
    return sum(earlier) / len(earlier) if earlier else None


def success_fell(share: float, earlier: Sequence[float]) -> bool:
    """Tell whether a share of landed rows lies below 95 % of what earlier loads reached.

    >>> success_fell(0.90, [1.0, 0.98]), success_fell(0.95, [1.0]), success_fell(0.1, [])
    (True, False, False)
    """
    usual = usual_success(earlier)
    return usual is not None and share < SUCCESS_SHARE_MIN * usual
