"""Virtual time: actions that are due, in order."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush


class Timeline:
    """Runs actions in the order of their times; those of one time in the order they were given.

    Attributes:
        now_s: virtual time, seconds from the start.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, bool, Callable[[], None]]] = []
        self._given = 0
        self._awaited = 0
        self._is_stopped = False

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        """Do something at a time; a time that is over counts as now."""
        self._awaited += 1
        self._push(at_s, action, is_awaited=True)

    def aside_at(self, at_s: float, action: Callable[[], None]) -> None:
        """Do something at a time; that alone does not keep `run` going."""
        self._push(at_s, action, is_awaited=False)

    def _push(self, at_s: float, action: Callable[[], None], *, is_awaited: bool) -> None:
        self._given += 1
        heappush(self._events, (max(at_s, self.now_s), self._given, is_awaited, action))

    def expect(self) -> None:
        """Something is under way that `run` must see the end of."""
        self._awaited += 1

    def met(self) -> None:
        """It has ended."""
        self._awaited -= 1

    def stop(self) -> None:
        """End `run` after the action that is under way."""
        self._is_stopped = True

    def run(self, limit_s: float) -> bool:
        """Do all that is due until stopped, or until nobody waits for anything.

        Returns:
            False when the next action is later than ``limit_s``; it is kept.
        """
        self._is_stopped = False
        events = self._events
        while self._awaited and not self._is_stopped:
            if events[0][0] > limit_s:
                return False
            self.now_s, _, is_awaited, action = heappop(events)
            self._awaited -= is_awaited
            action()
        return True
