"""Tells that a partition waits for other runs, if that lasts, and when it is over."""

from __future__ import annotations

from dc_assets.load.ports import RangeRun

TELL_AFTER_S = 60.0
"""A first wait that is told; each later one is told after twice the time of the one before."""

NO_SLOT = "they hold its lanes, or all slots of the window"
ADOPTED = "they took over its batches and settle them"


class HeldUp:
    """The waits of one partition in which it has nothing of its own to do."""

    def __init__(self, run: RangeRun) -> None:
        self._run = run
        self._since_s: float | None = None
        self._is_told = False
        self._tell_after_s = TELL_AFTER_S

    def waits(self, why: str) -> None:
        """Others hold what the partition needs now."""
        now_s = self._run.ports.clock.now_s()
        if self._since_s is None:
            self._since_s = now_s
        wait_s = now_s - self._since_s
        if self._is_told or wait_s < self._tell_after_s:
            return
        self._is_told = True
        self._tell_after_s *= 2
        others = ", ".join(self._run.ports.batches.others_in_flight(self._run.ticket))
        self._run.note("partition_held_up", wait_s=wait_s, why=why, others=others or "nothing")

    def goes_on(self) -> None:
        """The partition has something to do, or waits for another reason."""
        if self._is_told and self._since_s is not None:
            wait_s = self._run.ports.clock.now_s() - self._since_s
            self._run.note("partition_freed", wait_s=wait_s)
        self._since_s, self._is_told = None, False
