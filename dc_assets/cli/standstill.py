"""Notices that backfills stand still: then maybe nobody is there who moves them."""

from __future__ import annotations

from collections.abc import Sequence

from dc_assets.core.durations import duration_text
from dc_assets.load.ports import Clock
from dc_assets.wiring.dagster_api import Backfill, BackfillRun

STILL_S = 60.0
"""The daemon looks for new backfills and at their ends every 30 s (Dagster 1.13)."""

AT_WORK = frozenset({"STARTING", "STARTED", "CANCELING"})
"""What a run is while a process of its own works; its status then may stay for hours."""

_REMEDY = (
    "If dc-assets doctor finds no heartbeat of Dagster's daemon, start it on the same "
    "DAGSTER_HOME: dagster-daemon run -w workspace.yaml"
)


class Standstill:
    """The backfills of one command, as they were when something last changed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: list[tuple[str, str, tuple[BackfillRun, ...]]] = []
        self._since_s = clock.now_s()
        self._is_told = False

    def words(self, backfills: Sequence[tuple[str, Backfill]]) -> str:
        """Return what to say of backfills that are not over: once for each standstill, else "".

        A backfill without a run stands still whatever the others do: runs are made without a limit.
        """
        seen = [(name, one.status, tuple(one.runs)) for name, one in backfills]
        runs = [run.status for _, one in backfills for run in one.runs]
        without = [name for name, one in backfills if not one.runs]
        is_at_work = not without and not AT_WORK.isdisjoint(runs)
        if seen != self._seen or is_at_work or not seen:
            self._seen, self._since_s, self._is_told = seen, self._clock.now_s(), False
        if self._is_told or self._clock.now_s() - self._since_s <= STILL_S:
            return ""
        self._is_told = True
        if without:
            return f"Backfill {without[0]} has no run after {duration_text(STILL_S)}. {_REMEDY}"
        return (
            f"For {duration_text(STILL_S)} no run of backfill {seen[0][0]} is at work and nothing "
            f"has changed. Runs may wait in Dagster's queue for those of others. {_REMEDY}"
        )
