"""Effects: calls to the org on a few threads, so that one slow request never stalls the rest."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self


class Effects:
    """A small thread pool that hands finished effects back to the thread that decides."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="org")
        self._running: dict[Future[Any], str] = {}

    @property
    def idle_threads(self) -> int:
        """Threads that would take an effect at once."""
        return self._threads - len(self._running)

    def start(self, name: str, effect: Callable[..., Any], *args: object) -> None:
        """Run an effect; `name` comes back with its outcome."""
        self._running[self._pool.submit(effect, *args)] = name

    def finished(self, wait_s: float) -> list[tuple[str, Future[Any]]]:
        """Wait until an effect ends, but not longer than ``wait_s``; return those that ended."""
        done = wait(self._running, timeout=wait_s, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), future) for future in done]

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
