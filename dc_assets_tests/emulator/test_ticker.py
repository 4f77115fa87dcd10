"""The thread that keeps an org at its clock ends when it is told to, whatever it does just then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import FrameType

import pytest

from dc_assets.emulator.clock import OrgClock
from dc_assets.emulator.engines.job_faults import JobFaults
from dc_assets.emulator.engines.timed import COMPLETE, TimedJob, TimedRunner
from dc_assets.emulator.org.background import Population
from dc_assets.emulator.org.settings import PRESETS
from dc_assets.emulator.org.work import JobWork
from dc_assets.emulator.schema_file import load_schema
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import JobStore, StoredJob

STOPS_WITHIN_S = 5.0
JOB = StoredJob("750", "ingest", "insert", "Account", "", "", "UploadComplete", 64.0)


@dataclass
class StopAtStep:
    """Stops a runner from another thread when its ticker is about to do its n-th step.

    The step is done when the stop has said all that it says before it waits for the ticker.
    """

    number: int
    stop: Callable[[], None]
    steps: int = 0
    is_done: Event = field(default_factory=Event)
    stopper: Thread | None = None

    def __call__(self, frame: FrameType, event: str, _: object) -> StopAtStep | None:
        """Count the lines of the ticker alone."""
        if frame.f_code.co_name != "_tick":
            return None
        self.steps += event == "line"
        if self.steps == self.number and self.stopper is None:
            self.stopper = Thread(target=self._stop, daemon=True)
            self.stopper.start()
            self.stopper.join(0.05)
        return self

    def _stop(self) -> None:
        self.stop()
        self.is_done.set()


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Generator[CoreStore]:
    """Open records that nobody writes."""
    opened = CoreStore(tmp_path_factory.mktemp("core"), load_schema())
    yield opened
    opened.close()


@pytest.fixture
def runner(core: CoreStore, tmp_path: Path) -> TimedRunner:
    """Make one with a job to do, on a clock that stands."""
    clock, jobs = OrgClock(), JobStore(tmp_path)
    clock.advance(0.0)
    jobs.add(JOB)
    made = TimedRunner(core, jobs, clock, JobFaults(), lambda: Population((), ()))
    made.begin(PRESETS["seed-org"])
    return made


@pytest.mark.parametrize("number", range(1, 7))
def test_a_stop_is_heard_at_each_step_of_the_ticker(runner: TimedRunner, number: int) -> None:
    """The last of these steps is its wait, which a stop that came before must not begin."""
    at_step = StopAtStep(number, runner.stop)
    job = TimedJob(JobWork(JOB.id, [None], 1, [(0, 1)]), None, frozenset(), COMPLETE)
    threading.settrace(at_step)
    try:
        runner.submit(job, 0.0)
        assert at_step.is_done.wait(STOPS_WITHIN_S), "stop() still waits for the ticker"
    finally:
        threading.settrace(None)  # pyright: ignore[reportArgumentType]  # as its documentation says
