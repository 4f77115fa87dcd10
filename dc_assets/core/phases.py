"""How far a partition of a load is: the table of its phases.

What each phase promises, and why a load is over only when it is checked:
`docs/adr/0044-the-life-of-a-load.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Phase(StrEnum):
    """Phases in their order; a partition never goes back."""

    NEW = "new"
    """The load is about it, and no run has taken it."""
    READING = "reading"
    """A run took it; its rows are not all read and planned as batches."""
    SENDING = "sending"
    """Its rows are in batches; some have no outcome."""
    SENT = "sent"
    """Every row has an outcome."""
    CHECKED = "checked"
    """Every check has a verdict from after the last row landed."""


AFTER: Mapping[Phase, frozenset[Phase]] = MappingProxyType(
    {
        Phase.READING: frozenset({Phase.NEW, Phase.READING}),
        Phase.SENDING: frozenset({Phase.READING, Phase.SENDING}),
        Phase.SENT: frozenset({Phase.READING, Phase.SENDING}),
        Phase.CHECKED: frozenset({Phase.SENT, Phase.CHECKED}),
    }
)
"""Which phases each may come after; a run that resumes may enter its phase a second time."""

SENT = frozenset({Phase.SENT, Phase.CHECKED})
"""Phases of a partition whose rows all have an outcome: nothing of it is read or sent again."""


UNSENT = frozenset(Phase) - SENT
"""Phases of a partition with rows that have no outcome, or that nobody read."""


def is_sent(phase: str) -> bool:
    """Tell whether every row of a partition in a phase has an outcome.

    >>> [is_sent(phase) for phase in ("new", "reading", "sending", "sent", "checked")]
    [False, False, False, True, True]
    """
    return phase in SENT
