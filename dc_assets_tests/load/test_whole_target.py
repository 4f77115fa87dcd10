"""One reading of the whole target serves everybody whom it can serve, and outlives no user."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event, Semaphore, Thread

import polars as pl
import pytest

from dc_assets.core.errors import TransientRemoteError
from dc_assets.core.run_events import RunEvent, unheard
from dc_assets.load.archive import ArrowPages
from dc_assets.load.whole_target import UNFINISHED, WholeTarget

OTHERS = 4


class LedgerClock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def now_s(self) -> float:
        """Return them."""
        return self.now


class Target:
    """A target whose readings are counted; each writes its number."""

    def __init__(self) -> None:
        self.readings = 0

    def read(self, files: ArrowPages) -> None:
        """Write one row."""
        self.readings += 1
        files.add(pl.DataFrame({"n": [self.readings]}))


def number_in(files: ArrowPages) -> int:
    """Return which reading it is."""
    return int(pl.concat(files.pages()).item())


def test_a_reading_serves_who_asked_before_it_began(tmp_path: Path) -> None:
    """And nobody who asked, or whose rows were settled, later: the org may have changed."""
    clock, target = LedgerClock(), Target()
    first, second = (WholeTarget(tmp_path, clock.now_s, unheard) for _ in range(2))
    clock.now = 10.0
    assert number_in(first.since(9.0, target.read)) == 1
    clock.now = 20.0
    assert [number_in(one.since(10.0, target.read)) for one in (first, second)] == [1, 1]
    assert number_in(second.since(10.5, target.read)) == 2
    assert number_in(first.since(9.0, target.read)) == 2
    assert target.readings == 2


def test_nothing_is_left_when_the_last_user_has_gone(tmp_path: Path) -> None:
    """Rows lie on disk as long as somebody compares with them."""
    clock, target = LedgerClock(), Target()
    first, second = (WholeTarget(tmp_path, clock.now_s, unheard) for _ in range(2))
    files = first.since(0.0, target.read)
    second.since(0.0, target.read)
    second.close()
    assert number_in(files) == 1
    first.close()
    assert list(tmp_path.rglob("*.parquet")) == []


@pytest.mark.parametrize(("since_s", "readings"), [(5.0, 1), (5.5, 2)])
def test_who_comes_while_one_is_read_waits_and_shares(
    tmp_path: Path, since_s: float, readings: int
) -> None:
    """Those that it cannot serve share the next one: never does each read for itself."""
    clock, target, found = LedgerClock(), Target(), list[int]()
    is_reading, may_end, waiting = Event(), Event(), Semaphore(0)
    clock.now = 5.0

    def slow(files: ArrowPages) -> None:
        is_reading.set()
        assert may_end.wait(30)
        clock.now = 6.0
        target.read(files)

    def told(_: RunEvent) -> None:
        waiting.release()

    def ask(since_s: float, read: Callable[[ArrowPages], None]) -> Thread:
        shared = WholeTarget(tmp_path, clock.now_s, told)
        thread = Thread(target=lambda: found.append(number_in(shared.since(since_s, read))))
        thread.start()
        return thread

    threads = [ask(5.0, slow)]
    assert is_reading.wait(30)
    threads += [ask(since_s, target.read) for _ in range(OTHERS)]
    assert all(waiting.acquire(timeout=30) for _ in range(OTHERS))
    may_end.set()
    for thread in threads:
        thread.join()
    assert sorted(found) == [1] + [readings] * OTHERS
    assert target.readings == readings


def test_a_reader_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    """The lock dies with its process, and half a reading is no reading."""
    clock, target = LedgerClock(), Target()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process

        def never_ends(_: ArrowPages) -> None:  # Polars does not work behind a fork
            os.write(writes, b"x")
            signal.pause()

        WholeTarget(tmp_path, clock.now_s, unheard).since(0.0, never_ends)
        os._exit(1)
    assert os.read(reads, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list(tmp_path.glob(f"{UNFINISHED}*"))) == 1
    shared = WholeTarget(tmp_path, clock.now_s, unheard)
    assert number_in(shared.since(0.0, target.read)) == 1
    assert list(tmp_path.glob(f"{UNFINISHED}*")) == []


def test_a_reading_that_fails_is_made_again_by_the_next(tmp_path: Path) -> None:
    """Its error is the asker's own; nothing of it is believed."""
    clock, target = LedgerClock(), Target()

    def fails(files: ArrowPages) -> None:
        files.add(pl.DataFrame({"n": [0]}))
        raise TransientRemoteError("the org is away")

    shared = WholeTarget(tmp_path, clock.now_s, unheard)
    with pytest.raises(TransientRemoteError):
        shared.since(0.0, fails)
    assert number_in(shared.since(0.0, target.read)) == 1
