"""Ports that crash a run before or after a chosen call, as a killed process would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import polars as pl

from dc_assets.core.ranges import IdRange
from dc_assets.load.ports import BatchBook, IngestJobs, LoadBook, Ports, RangeTicket, Source, Spool

READS = frozenset(
    {
        "Source.count",
        "Source.pages",
        "Source.rows_total",
        "Source.parents_above",
        "Source.ambiguous_keys",
        "IngestJobs.results",
        "IngestJobs.open_jobs",
        "IngestJobs.allowance",
        "LoadBook.plan",
        "BatchBook.unsettled",
        "BatchBook.record",
        "BatchBook.opening",
        "BatchBook.unknown_jobs",
        "BatchBook.free_in_s",
        "BatchBook.totals",
        "Spool.start_pages",
        "Spool.pages",
        "Spool.read_batch",
        "Spool.rows_read",
    }
)
"""Calls that leave no trace: to die after one is to die after the effect before it."""


class Crash(BaseException):
    """The process is gone: nothing catches it and nothing is tidied up."""


@dataclass(slots=True)
class CrashPoint:
    """Counts the effects of all ports; the n-th one crashes, and so does every later call.

    A process that dies before its n-th effect is one that dies after its (n-1)-th, because its
    memory is gone in both cases. So only the very first effect is worth a crash before it.

    Attributes:
        effect: number of the effect that crashes, from 1; 0 never crashes.
        after: whether it still happens.
        seen: names of the effects so far, in order.
        reads: names of the calls without effect.
    """

    effect: int = 0
    after: bool = True
    seen: list[str] = field(default_factory=list[str])
    reads: set[str] = field(default_factory=set[str])
    is_down: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def run(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any port's answer
        """Make one call, or crash."""
        with self._lock:
            if self.is_down:
                raise Crash(name)
            if name in READS:
                self.reads.add(name)
                return call()
            self.seen.append(name)
            if len(self.seen) != self.effect:
                return call()
            self.is_down = True
            if self.after:
                call()
            raise Crash(name)


class CrashingPort:
    """A port whose every method passes a crash point."""

    def __init__(self, inner: object, name: str, point: CrashPoint) -> None:
        self._inner = inner
        self._name = name
        self._point = point

    def __getattr__(self, method: str) -> Callable[..., Any]:
        inner = getattr(self._inner, method)
        name = f"{self._name}.{method}"

        def call(*args: object, **options: object) -> object:
            return self._point.run(name, lambda: inner(*args, **options))

        return call


class CrashingSource(CrashingPort):
    """A source that can crash at each page."""

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the pages of a range; each is a call of its own."""
        pages = cast("Source", self._inner).pages(id_range)
        while True:
            page = self._point.run("Source.pages", lambda: next(pages, None))
            if page is None:
                return
            yield page


class CrashingLoadBook(CrashingPort):
    """A load book whose heartbeat dies with the process: the partition is not released."""

    @contextmanager
    def heartbeat(self, ticket: RangeTicket) -> Generator[None]:
        """Release the partition only if the run lives to its end."""
        book = cast("LoadBook", self._inner)
        yield
        if not self._point.is_down:
            with book.heartbeat(ticket):
                pass


def crashing(ports: Ports, point: CrashPoint) -> Ports:
    """Return ports that crash at a point; the clock and the target are left alone."""
    return replace(
        ports,
        source=cast("Source", CrashingSource(ports.source, "Source", point)),
        jobs=cast("IngestJobs", CrashingPort(ports.jobs, "IngestJobs", point)),
        loads=cast("LoadBook", CrashingLoadBook(ports.loads, "LoadBook", point)),
        batches=cast("BatchBook", CrashingPort(ports.batches, "BatchBook", point)),
        spool=cast("Spool", CrashingPort(ports.spool, "Spool", point)),
    )
