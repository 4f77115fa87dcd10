"""Waits between attempts, as data in seconds. The ladders are not geometric, so no formula."""

from __future__ import annotations

CALL_LADDER_S: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each further attempt of one GET or DELETE. POST and PATCH are never repeated blindly."""

ROW_LADDER_S: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0, 120.0, 120.0, 120.0)
"""Before each further attempt of a row that met a lock: eight attempts in all."""

JITTER = 0.25
"""Every wait is spread by this share to both sides, so that retries do not march in step."""

SNOOZE_S = 60.0
"""How long a batch rests when the ladder of a call is used up. It costs no attempt."""

PATIENT_LADDER_S: tuple[float, ...] = (*CALL_LADDER_S, *(SNOOZE_S,) * 10)
"""Before each further attempt of a call that no batch waits for, such as one of a check: as long as
a batch would rest, and ten minutes in all."""


def jittered(wait_s: float, unit: float) -> float:
    """Spread a wait by `JITTER`; ``unit`` is a random number in [0, 1).

    >>> jittered(100.0, 0.0), jittered(100.0, 0.5)
    (75.0, 100.0)
    """
    return wait_s * (1 - JITTER + 2 * JITTER * unit)


def row_wait_s(ladder_s: tuple[float, ...], attempt: int) -> float | None:
    """Return the wait after the given attempt (1-based), or None when the ladder is used up.

    >>> row_wait_s((5.0, 15.0), 1), row_wait_s((5.0, 15.0), 3)
    (5.0, None)
    """
    assert attempt >= 1
    return ladder_s[attempt - 1] if attempt <= len(ladder_s) else None


def doubt_wait_s(doubts: int, *, after_ladder: bool) -> float:
    """Return the wait before a batch in doubt asks again, for its n-th doubt in a row (from 1).

    A call that was repeated up to its last rung already makes its batch rest.

    >>> doubt_wait_s(1, after_ladder=False), doubt_wait_s(1, after_ladder=True)
    (0.5, 60.0)
    """
    assert doubts >= 1
    if after_ladder or doubts > len(CALL_LADDER_S):
        return SNOOZE_S
    return CALL_LADDER_S[doubts - 1]
