"""Jobs share lines of a run's log, and no row is left out of them."""

from __future__ import annotations

from dc_assets.core.run_events import RunEvent
from dc_assets.orchestration.job_lines import few_job_lines
from dc_assets_tests.wiring.test_event_log import JOB, RETRY


class Log:
    """Keeps the events of a run with jobs that end at given seconds."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.told: list[RunEvent] = []

    def now_s(self) -> float:
        """Return the second of the job that ends."""
        return self.at_s

    def hear(self, *ends_s: float, then: RunEvent | None = None) -> list[str]:
        """Let a job end at each second; return the names and rows of what was told."""
        with few_job_lines(self.told.append, self.now_s) as note:
            for self.at_s in ends_s:
                note(JOB)
            if then is not None:
                note(then)
        return [f"{one.name} {one.fields.get('rows', '')}" for one in self.told]


def test_jobs_that_end_together_are_one_line() -> None:
    """The first one is told at once; those of the next seconds together, with all their rows."""
    log = Log()
    assert log.hear(1.0, 2.0, 5.9, 6.0, 7.0) == [
        "job_settled 1000",
        "jobs_settled 3000",
        "job_settled 1000",
    ]
    assert str(log.told[1]) == (
        "r1-01: 3 more jobs ended: 2,970 of 3,000 rows landed, 12 refused, 18 go again"
    )
    assert log.told[1].load_id == JOB.load_id


def test_what_comes_after_jobs_is_told_after_them() -> None:
    """A line about a stop follows those of the jobs that led to it."""
    found = Log().hear(1.0, 2.0, 3.0, then=RETRY)
    assert found == ["job_settled 1000", "jobs_settled 2000", "call_retried "]


def test_a_long_run_has_few_lines_and_each_job_in_them() -> None:
    """Twelve hours with a job in each second: one line in five minutes at last."""
    log, jobs = Log(), 12 * 3600
    log.hear(*map(float, range(jobs)))
    assert sum(one.fields["rows"] for one in log.told) == jobs * JOB.fields["rows"]
    assert 12 * 11 < len(log.told) < 12 * 12 + 30
