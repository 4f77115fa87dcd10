"""Ports that crash a run before or after a chosen call, as a killed process would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import polars as pl

from dc_assets.core.ranges import IdRange
from dc_assets.load.ports import IngestJobs, Ports, RecordIds, Source, Spool
from dc_assets.load.store import BatchStore, LoadStore, OrgUse, RangeTicket

READS = frozenset(
    {
        "Source.count",
        "Source.pages",
        "Source.rows_total",
        "Source.parents_above",
        "Source.ambiguous_keys",
        "Source.state",
        "Source.key_at",
        "RecordIds.ids",
        "IngestJobs.open_jobs",
        "IngestJobs.allowance",
        "LoadStore.plan",
        "LoadStore.heartbeat",
        "BatchStore.unsettled",
        "BatchStore.record",
        "BatchStore.opening",
        "BatchStore.others_in_flight",
        "BatchStore.unknown_jobs",
        "BatchStore.free_in_s",
        "BatchStore.rows_left",
        "BatchStore.last_jobs",
        "BatchStore.parents_outlook",
        "BatchStore.totals",
        "BatchStore.settled_keys",
        "BatchStore.replayed",
        "Spool.start_pages",
        "Spool.pages",
        "Spool.read_batch",
        "Spool.rows_read",
        "Spool.drop_damaged_pages",
        "Spool.wanted",
    }
)
"""Calls that leave no trace. To read results is not among them: from then on their rows must not be
sent again."""


class Crash(BaseException):
    """The process is gone: nothing catches it and nothing is tidied up."""


@dataclass(slots=True)
class CrashPoint:
    """Counts the calls of all ports but `READS`; the n-th one crashes, and so does every later one.

    To die after the n-th is to die before the next one: only memory and reads lie between them.

    Attributes:
        call: number of the call that crashes, from 1; 0 never crashes.
        after: whether it still happens.
        seen: names of the counted calls so far, in order.
        reads: names of the others.
    """

    call: int = 0
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
            if len(self.seen) != self.call:
                return call()
            self.is_down = True
            if self.after:
                call()
            raise Crash(name)


class NamedPoint(CrashPoint):
    """Dies after the first call of a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def run(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any port's answer
        """Make one call, or crash after it."""
        if name == self._name and not self.is_down:
            self.call = len(self.seen) + 1
        return super().run(name, call)


class WatchedPoint(CrashPoint):
    """Never dies, and tells after which of its calls something outside of the process was new.

    To die after any other call is to die after the last of those before it.
    """

    def __init__(self, outside: Callable[[], object]) -> None:
        super().__init__()
        self.leaves_trace: list[int] = []
        self._outside = outside
        self._last = outside()

    def run(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any port's answer
        """Make one call, and look around."""
        with self._lock:
            before = len(self.seen)
            try:
                return super().run(name, call)
            finally:
                if len(self.seen) > before and (now := self._outside()) != self._last:
                    self._last = now
                    self.leaves_trace.append(len(self.seen))


class Gate(Protocol):
    """What every call of a port passes; it may let it through or crash."""

    is_down: bool

    def run(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any port's answer
        """Make one call, or crash."""
        ...


class CrashingPort:
    """A port whose every method passes a gate."""

    def __init__(self, inner: object, name: str, point: Gate) -> None:
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


class CrashingLoadStore(CrashingPort):
    """A load book whose heartbeat dies with the process: the partition is not released."""

    @contextmanager
    def heartbeat(self, ticket: RangeTicket) -> Generator[None]:
        """Release the partition at the end of a run, but not at a crash."""
        try:
            yield
        finally:
            if not self._point.is_down:
                with cast("LoadStore", self._inner).heartbeat(ticket):
                    pass


def crashing(ports: Ports, point: Gate) -> Ports:
    """Return ports that crash at a point; the clock and the target are left alone."""
    looks = ports.record_ids
    return replace(
        ports,
        record_ids=looks and cast("RecordIds", CrashingPort(looks, "RecordIds", point)),
        source=cast("Source", CrashingSource(ports.source, "Source", point)),
        jobs=cast("IngestJobs", CrashingPort(ports.jobs, "IngestJobs", point)),
        loads=cast("LoadStore", CrashingLoadStore(ports.loads, "LoadStore", point)),
        batches=cast("BatchStore", CrashingPort(ports.batches, "BatchStore", point)),
        use=cast("OrgUse", CrashingPort(ports.use, "OrgUse", point)),
        spool=cast("Spool", CrashingPort(ports.spool, "Spool", point)),
    )
