"""Few lines of a run's log for many jobs: Dagster keeps each line, and writes it at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock

from dc_assets.core.run_events import Note, RunEvent

APART_S_MIN, APART_S_MAX = 5.0, 300.0
SUMMED = ("landed", "rows", "refused", "retried")


class JobLines:
    """Hands events on; jobs that end soon after each other are one event.

    Two lines of jobs are 5 s apart, or a fifth of the time that the run has taken, at most five
    minutes. Any other event has the jobs before it told first.
    """

    def __init__(self, note: Note, now_s: Callable[[], float]) -> None:
        self._note = note
        self._now_s = now_s
        self._began_s = now_s()
        self._told_s = self._began_s - APART_S_MIN
        self._held: list[RunEvent] = []
        self._lock = Lock()

    def note(self, event: RunEvent) -> None:
        """Hand an event on, now or with those of later jobs."""
        with self._lock:
            if event.name != "job_settled":
                self._tell()
                self._note(event)
                return
            self._held.append(event)
            now_s = self._now_s()
            apart_s = min(max(APART_S_MIN, (now_s - self._began_s) / 5), APART_S_MAX)
            if now_s - self._told_s >= apart_s:
                self._told_s = now_s
                self._tell()

    def tell(self) -> None:
        """Tell of the jobs that are held back."""
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        held, self._held = self._held, []
        if len(held) > 1:
            sums = {name: sum(one.fields[name] for one in held) for name in SUMMED}
            fields = {"jobs": len(held), **sums}
            last = held[-1]
            whose = (last.partition, last.load_id, last.spec, last.run_id)
            self._note(RunEvent("jobs_settled", fields, *whose))
        elif held:
            self._note(held[0])


@contextmanager
def few_job_lines(note: Note, now_s: Callable[[], float] = time.monotonic) -> Generator[Note]:
    """Let jobs share lines while the block runs; at its end all of them are told."""
    lines = JobLines(note, now_s)
    try:
        yield lines.note
    finally:
        lines.tell()
