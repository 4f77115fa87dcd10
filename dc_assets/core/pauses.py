"""When a run sends nothing for a while by itself: budgets of 24 hours, and the hours of the day.

A budget of ours pauses a run, which resumes by itself; the org's reserve stops it
(`core.circuit_breaker`). All loads of a spec in one org share the budgets.

What holds over all processes, because the ledger decides while it claims a batch, one claim after
the other:

- no 24 hours see more than ``rows_a_day_max`` rows handed to the org. A batch counts from its
  claim until 24 hours after its close. One that has more rows than the whole budget (it was planned
  before the budget was lowered) goes alone: only then is the budget passed.
- no 24 hours see more than ``batches_a_day_max`` batches handed to the org.
- ``api_calls_a_day_max`` is passed by what the runs use in about a minute, for so long they keep
  their count to themselves, and by what it takes to settle what is in flight. Calls count by the
  hour, until 24 hours after the hour's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dc_assets.core.spec import LimitsSpec, LoadSpec

FREE_SHARE = 0.1
"""A used-up budget is waited for until so much of it is free: else a run would continue and pause
again for each batch of the day before."""

LOOK_AGAIN_S = 5.0
"""A run that pauses asks the ledger so often: an order to stop is met, and a clock may be set."""

DAY_MINUTES = 1_440

_GOES_ON = "; resumes about "


@dataclass(frozen=True, slots=True)
class Use:
    """Something that was used, and for how many seconds from now it still counts."""

    counts_for_s: float
    rows: int = 0
    batches: int = 0
    api_calls: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """A run sends nothing for so many seconds; `why` is a sentence with figures."""

    for_s: float
    why: str


class ZonedTime:
    """The present moment in the time zone of a spec."""

    def __init__(self, now_s: float, zone: str) -> None:
        self.zone = zone
        self._now_s = now_s
        self._zone = ZoneInfo(zone)
        self._today = datetime.fromtimestamp(now_s, self._zone).date()

    def until_s(self, day: int, minute: int) -> float:
        """Return the seconds from now until a minute of a local day; day 0 is today.

        They are negative when it is over. A time that clocks skip is the one that they would have
        shown; one that they show twice is the first one.
        """
        clock = time(*divmod(minute, 60))
        then = datetime.combine(self._today + timedelta(days=day), clock, tzinfo=self._zone)
        return then.timestamp() - self._now_s

    def shown(self, in_s: float) -> str:
        """Return what clocks show so many seconds from now, such as 22:14 or 22:14 tomorrow."""
        then = datetime.fromtimestamp(self._now_s + in_s + 30, self._zone)
        days = (then.date() - self._today).days
        when = "" if days == 0 else " tomorrow" if days == 1 else f" on {then:%Y-%m-%d}"
        return f"{then:%H:%M}{when}"


def is_limited(limits: LimitsSpec) -> bool:
    """Tell whether a run can pause at all."""
    budgets = (limits.rows_a_day_max, limits.api_calls_a_day_max, limits.batches_a_day_max)
    return limits.hours is not None or any(budget is not None for budget in budgets)


def batch_rows_max(spec: LoadSpec) -> int:
    """Return how many rows a batch may have: never more than the budget of a day."""
    return min(
        spec.profile.batch_rows_max, spec.limits.rows_a_day_max or spec.profile.batch_rows_max
    )


def pause(limits: LimitsSpec, uses: Sequence[Use], local: ZonedTime, *, rows: int) -> Pause | None:
    """Return why a batch of so many rows may not be sent now, and for how long; None if it may.

    A budget is waited for until a tenth of it is free; if that is outside of the hours, until they
    begin.
    """
    reasons: list[str] = []
    for_s = 0.0
    for budget in _budgets(limits, uses):
        wait_s = budget.wait_s(rows if budget.setting == "rows_a_day_max" else 1)
        if wait_s > 0:
            reasons.append(budget.said)
            for_s = max(for_s, wait_s)
    opens_s = opens_in_s(limits.hours, local, not_before_s=for_s)
    if opens_s > for_s:
        reasons.append(f"limits.hours: rows are sent {limits.hours} {local.zone}")
        for_s = opens_s
    if not reasons:
        return None
    return Pause(for_s, "; ".join(reasons) + _GOES_ON + local.shown(for_s))


def goes_on_at(why: str) -> str:
    """Return the time of day in the sentence of a pause.

    >>> goes_on_at("limits.hours: rows are sent 22:00-06:00 UTC; resumes about 22:00")
    '22:00'
    """
    return why.rpartition(_GOES_ON)[2]


def affordable(
    limits: LimitsSpec, uses: Sequence[Use], rows_of: Mapping[str, int], *, growth: int
) -> list[str]:
    """Return the batches that the rows of the day suffice for, in their order.

    ``growth`` is how many rows others may still add to batches that they have just claimed.
    """
    left = rows_left(limits, uses)
    if left is None or not any(use.rows for use in uses):
        return list(rows_of)
    return [batch_id for batch_id, rows in rows_of.items() if rows + growth <= left]


def rows_left(limits: LimitsSpec, uses: Sequence[Use]) -> int | None:
    """Return how many rows more may be sent now; None if there is no such budget."""
    if limits.rows_a_day_max is None:
        return None
    return limits.rows_a_day_max - sum(use.rows for use in uses)


def minutes_of(hours: str) -> tuple[int, int]:
    """Return the minutes of the day at which hours begin and end.

    >>> minutes_of("22:00-06:30")
    (1320, 390)
    """
    begin, end = (text.split(":") for text in hours.split("-"))
    return int(begin[0]) * 60 + int(begin[1]), int(end[0]) * 60 + int(end[1])


def seconds_a_day(hours: str) -> int:
    """Return how long hours last; when begin and end are the same they last all day.

    >>> seconds_a_day("22:00-06:30"), seconds_a_day("08:00-08:00")
    (30600, 86400)
    """
    begin, end = minutes_of(hours)
    return ((end - begin) % DAY_MINUTES or DAY_MINUTES) * 60


def opens_in_s(hours: str | None, local: ZonedTime, *, not_before_s: float = 0.0) -> float:
    """Return the first moment from ``not_before_s`` on, in seconds from now, that is in the hours.

    A day on which clocks are changed may have no such moment.
    """
    if hours is None:
        return not_before_s
    begin, end = minutes_of(hours)
    if begin == end:
        return not_before_s
    for day in range(-1, 5):
        opens_s = local.until_s(day, begin)
        closes_s = local.until_s(day if end > begin else day + 1, end)
        if closes_s > max(opens_s, not_before_s):
            return max(opens_s, not_before_s)
    raise AssertionError("one of the next days has the hours")


@dataclass(frozen=True, slots=True)
class _Budget:
    """One budget of 24 hours: what counts of it, and for how long."""

    setting: str
    most: int
    what: str
    used: Sequence[tuple[float, int]]

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.used)

    @property
    def said(self) -> str:
        return f"limits.{self.setting}: {self.total:,} of {self.most:,} {self.what} in 24 hours"

    def wait_s(self, needed: int) -> float:
        """Return how long nothing is sent; 0 if so much is free now, or nothing is used."""
        left = self.total
        if left == 0 or left + needed <= self.most:
            return 0.0
        free = max(needed, -int(-self.most * FREE_SHARE // 1))
        for counts_for_s, amount in sorted(self.used):
            left -= amount
            if left == 0 or left + free <= self.most:
                return counts_for_s
        raise AssertionError("at the end nothing is used")


def _budgets(limits: LimitsSpec, uses: Sequence[Use]) -> Iterator[_Budget]:
    if limits.rows_a_day_max is not None:
        used = [(use.counts_for_s, use.rows) for use in uses]
        yield _Budget("rows_a_day_max", limits.rows_a_day_max, "rows sent", used)
    if limits.batches_a_day_max is not None:
        used = [(use.counts_for_s, use.batches) for use in uses]
        yield _Budget("batches_a_day_max", limits.batches_a_day_max, "batches sent", used)
    if limits.api_calls_a_day_max is not None:
        used = [(use.counts_for_s, use.api_calls) for use in uses]
        yield _Budget("api_calls_a_day_max", limits.api_calls_a_day_max, "API calls made", used)
