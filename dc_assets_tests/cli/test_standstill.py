"""Backfills that stand still are told of once, and those that only take long are not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from dc_assets.cli.standstill import AT_WORK, STILL_S, Standstill
from dc_assets.wiring.dagster_api import Backfill, BackfillRun
from dc_assets_tests.fakes.clock import SimClock

STILL = "no run of backfill one is at work and nothing has changed"
WITHOUT = "has no run after 1m"


def of_runs(*statuses: str) -> Backfill:
    """Build a backfill that Dagster has not ended."""
    runs = [BackfillRun(f"run{n}", f"r1-0{n}", status) for n, status in enumerate(statuses)]
    return Backfill("REQUESTED", runs)


@dataclass
class Watch:
    """Looks every second, as the command does."""

    clock: SimClock = field(default_factory=SimClock)
    standstill: Standstill = field(init=False)

    def __post_init__(self) -> None:
        self.standstill = Standstill(self.clock)

    def see(self, seconds: float, **backfills: Backfill) -> list[str]:
        """Look for so long, and return what is said."""
        until_s, said = self.clock.now_s() + seconds, list[str]()
        while self.clock.now_s() < until_s:
            said.append(self.standstill.words(list(backfills.items())))
            self.clock.sleep(1.0)
        return [words for words in said if words]


@pytest.mark.parametrize(
    ("backfill", "words"),
    [
        (of_runs("QUEUED", "NOT_STARTED"), STILL),
        (of_runs("SUCCESS", "FAILURE"), STILL),
        (of_runs("SUCCESS", "QUEUED"), STILL),
        (of_runs(), WITHOUT),
    ],
    ids=["all wait", "one failed", "one waits", "no run"],
)
def test_a_standstill_is_told_once_with_what_helps(backfill: Backfill, words: str) -> None:
    """After a minute, and not again in the hours after."""
    watch = Watch()
    assert watch.see(STILL_S, one=backfill) == []
    [told] = watch.see(4 * 3600, one=backfill)
    assert words in told
    assert "If dc-assets doctor finds no heartbeat" in told


@pytest.mark.parametrize("status", sorted(AT_WORK))
def test_a_run_at_work_may_take_hours(status: str) -> None:
    """Others wait for it, and the minute begins when it has ended."""
    watch = Watch()
    assert watch.see(4 * 3600, one=of_runs(status, "QUEUED")) == []
    assert watch.see(STILL_S, one=of_runs("SUCCESS", "QUEUED")) == []
    assert len(watch.see(5, one=of_runs("SUCCESS", "QUEUED"))) == 1


def test_a_second_standstill_is_told_too() -> None:
    """Whatever changed between them."""
    watch = Watch()
    assert len(watch.see(3600, one=of_runs("QUEUED", "QUEUED"))) == 1
    assert len(watch.see(3600, one=of_runs("FAILURE", "QUEUED"))) == 1


def test_a_backfill_without_a_run_is_told_of_while_another_works() -> None:
    """No limit keeps the daemon from making its runs."""
    working, without = of_runs("STARTED"), of_runs()
    [told] = Watch().see(3600, one=working, two=without)
    assert told.startswith("Backfill two has no run")


def test_nothing_to_follow_stands_never_still() -> None:
    """What was launched is over, and the next launch is hours away."""
    assert Watch().see(3600) == []
