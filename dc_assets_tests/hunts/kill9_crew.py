"""The workers of one load: `dc-assets run --local` processes, one a partition, and their ledger."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dc_assets.core.batch_states import IN_FLIGHT, BatchState
from dc_assets_tests.acceptance.stage import Process, Stage, wait_until

FAILURES_MAX = 3
"""Workers of a load that may end badly by themselves before the load is given up."""

_FLIGHTS = """
SELECT b.batch_id, b.state, b.holder_key, r.owner
FROM batch b JOIN range_state r ON r.load_id = b.holder_load AND r.partition_key = b.holder_key
WHERE b.holder_fence = r.fence"""


def comes_true(is_so: Callable[[], object], *, within_s: float) -> bool:
    """Wait until something is so, and tell whether it came."""
    try:
        wait_until(is_so, "it is so", within_s=within_s)
    except AssertionError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch in flight, and the process that drives it."""

    batch_id: str
    state: BatchState
    partition_key: str
    pid: int


class LedgerFile:
    """The ledger of one load, read from outside of the product."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none before the ledger has its tables."""
        if not self._file.exists():
            return []
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=30)) as ledger:
            if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'batch'").fetchone():
                return []
            return ledger.execute(query, values).fetchall()

    def flights(self) -> list[Flight]:
        """Return the batches in flight that the newest run of a partition drives."""
        found = [
            Flight(batch_id, BatchState(state), key, int(json.loads(owner)["pid"]))
            for batch_id, state, key, owner in self.rows(_FLIGHTS)
        ]
        return [flight for flight in found if flight.state in IN_FLIGHT]

    def done_keys(self) -> set[str]:
        """Return the partitions that are checked: one killed before has a successor."""
        rows = self.rows("SELECT partition_key FROM range_state WHERE phase = 'checked'")
        return {row[0] for row in rows}

    def owner_pid(self, partition_key: str) -> int | None:
        """Return the process that took a partition last."""
        query = "SELECT owner FROM range_state WHERE partition_key = ?"
        rows = self.rows(query, partition_key)
        return int(json.loads(rows[0][0])["pid"]) if rows and rows[0][0] else None


@dataclass(frozen=True)
class _Worker:
    process: Process
    life: ExitStack


class Crew:
    """Keeps one worker at each partition that is not done."""

    def __init__(self, stage: Stage) -> None:
        self.ledger = LedgerFile(stage.folder / "data" / "ledger.db")
        self.failures: list[str] = []
        self._stage = stage
        self._workers: dict[str, _Worker] = {}

    def __enter__(self) -> Self:
        for key in self._stage.keys:
            self.start(key)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for key in list(self._workers):
            self._workers.pop(key).life.close()

    @property
    def alive(self) -> dict[str, int]:
        """Process ids of the living workers, by partition."""
        workers = self._workers.items()
        return {key: w.process.pid for key, w in workers if w.process.poll() is None}

    @property
    def is_over(self) -> bool:
        """Whether no worker is left, or too many ended badly."""
        return not self._workers or len(self.failures) >= FAILURES_MAX

    def flights(self, partition_keys: Iterable[str]) -> list[Flight]:
        """Return the batches that the present workers of some partitions drive."""
        pids = {self._workers[key].process.pid for key in partition_keys if key in self._workers}
        return [flight for flight in self.ledger.flights() if flight.pid in pids]

    def start(self, key: str) -> None:
        """Start the worker of a partition, unless the partition is done: that would load it anew.

        The worker before it has ended.
        """
        if old := self._workers.pop(key, None):
            old.life.close()
        if key in self.ledger.done_keys():
            return
        command = ("run", "--local", "--partitions", key)
        life = ExitStack()
        process = life.enter_context(self._stage.started(*command, log=self._log(key).name))
        self._workers[key] = _Worker(process, life)

    def kill(self, partition_keys: Sequence[str]) -> list[Flight]:
        """Kill workers at once, and return what they had in flight by the ledger."""
        for key in partition_keys:
            self._workers[key].process.kill()
        for key in partition_keys:
            self._workers[key].process.wait()
        return self.flights(partition_keys)

    def tend(self) -> None:
        """Let go of workers that ended well; start those again that ended badly by themselves."""
        for key, worker in list(self._workers.items()):
            code = worker.process.poll()
            if code is None:
                continue
            if code != 0:
                lines = self._log(key).read_text(encoding="utf-8", errors="replace").splitlines()
                self.failures.append(f"{key} ended with {code}: " + " | ".join(lines[-12:]))
            if code == 0 or self.is_over:
                self._workers.pop(key).life.close()
            else:
                self.start(key)

    def _log(self, key: str) -> Path:
        return self._stage.folder / f"{key}.log"
