"""What a plan says: lines for people, figures for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from dc_assets.core.durations import duration
from dc_assets.core.source_costs import source_costs
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight.findings import Advice, Finding, advice_of
from dc_assets.load.preflight.rules import RECORD_KB, LockRisk
from dc_assets.load.preflight.survey import SourceCalls, Survey
from dc_assets.simulation.forecast import Forecast, Outlook

VERDICTS = {Advice.GO: "GO", Advice.CARE: "GO, WITH CARE", Advice.STOP: "STOP"}
STYLES = {Advice.GO: "green", Advice.CARE: "yellow", Advice.STOP: "red"}
HOT_PARENTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """All that a plan says; there is no forecast of no rows.

    Attributes:
        jobs: jobs of each partition, about.
        row_s: seconds that the org may need for a row: the fastest and the slowest.
    """

    spec: LoadSpec
    survey: Survey
    jobs: Mapping[str, int]
    forecast: Forecast | None
    row_s: tuple[float, float]
    risk: LockRisk
    findings: list[Finding]

    @property
    def advice(self) -> Advice:
        """The verdict."""
        return advice_of(self.findings)

    @property
    def storage_needed_mb(self) -> int:
        """Data storage that the new rows take."""
        return self.survey.new_rows * RECORD_KB // 1024


def facts_of(planned: PlannedLoad) -> dict[str, str]:
    """Return the lines of the plan, by what they are about."""
    seen, spec = planned.survey, planned.spec
    ends = f", ids {seen.key_ends[0]} .. {seen.key_ends[1]}" if seen.key_ends else ""
    facts = {
        "source": f"{spec.source.place}: {seen.rows:,} rows{ends}; {_read_speed(seen)}",
        "target": f"{spec.target.object}: {seen.target_rows:,} of ours there, {seen.new_rows:,} "
        f"rows are new; locked with the rows: {seen.parent_object}",
        "lanes": f"{seen.lanes.shared} shared, {len(seen.lanes.named)} for hot parents; "
        f"{spec.profile.window} jobs in flight at most",
    }
    if (costs := source_costs(spec, seen.rows)) is not None:
        facts["Data Cloud"] = f"{costs}{_calls_left(seen.source_calls)}"
    facts |= _parent_facts(planned)
    facts |= _forecast_facts(planned)
    facts["storage"] = (
        f"{planned.storage_needed_mb:,} MB{_of(seen.limits.storage_left_mb, 'MB', day=False)}"
    )
    facts["lock risk"] = f"{planned.risk.word}: {planned.risk.reason}"
    facts |= _rewritten_facts(seen)
    refused = sum(refusal.rows for refusal in seen.refusals)
    facts["refused"] = f"at most {refused:,} rows" if refused else "nothing that can be foreseen"
    return facts


def _rewritten_facts(seen: Survey) -> dict[str, str]:
    """Return what the canonical form changes in the page that a plan reads; it reads no other."""
    changed = [f"{what} ({values:,})" for what, values in seen.probe.rewritten.items()]
    told = f"of the first {seen.probe.rows:,} rows: {', '.join(changed)}"
    return {"canonical form": told} if changed else {}


def _parent_facts(planned: PlannedLoad) -> dict[str, str]:
    """Return what is known of the parents; one parent's rows are written one after another."""
    seen = planned.survey
    if not seen.parents:
        return {}
    low_s, high_s = (seen.biggest_parent_rows * row_s for row_s in planned.row_s)
    takes = duration(low_s) if low_s == high_s else f"{duration(low_s)} to {duration(high_s)}"
    without = f"; {seen.parentless_rows:,} rows have none" if seen.parentless_rows else ""
    facts = {
        "parents": f"{seen.parents_total:,}, the biggest with {seen.biggest_parent_rows:,} rows: "
        f"{takes} one after another{without}"
    }
    if seen.hot_parents:
        shown = [f"{name} ({rows:,})" for name, rows in seen.hot_parents[:HOT_PARENTS_SHOWN]]
        more = len(seen.hot_parents) - len(shown)
        facts["hot parents"] = ", ".join(shown) + (f" and {more} more" if more else "")
    return facts


def _forecast_facts(planned: PlannedLoad) -> dict[str, str]:
    told, limits = planned.forecast, planned.survey.limits
    if told is None:
        return {}
    low, expected, high = told.low, told.expected, told.high
    calls = f"{low.requests:,}"
    if low.requests != high.requests:
        calls += f" to {high.requests:,}"
    took = [duration(one.seconds) for one in (low, high, expected)]
    least = [duration(one.bound_s) for one in (low, high, expected)]
    return {
        "duration": "{} to {}, about {}".format(*took),
        "bound": "{} to {}, about {}: the least that these orgs can need".format(*least),
        "rests on": told.basis,
        "jobs, batches": f"{expected.jobs:,}{_of(limits.batches_left, 'batches')}",
        "API calls": f"{calls}{_of(limits.api_calls_left, 'calls')}",
    }


def _read_speed(seen: Survey) -> str:
    if not seen.probe.rows or seen.probe.seconds <= 0:
        return "no page was read"
    rate = seen.probe.rows / seen.probe.seconds
    return f"read at {rate:,.0f} rows/s, all in about {duration(seen.rows / rate)}"


def _calls_left(calls: SourceCalls | None) -> str:
    if calls is None:
        return ""
    stated = f" (limits: {calls.limits})" if calls.limits else ""
    return f"; {calls.left:,} calls left{stated}"


def _of(left: int | None, what: str, *, day: bool = True) -> str:
    if left is None:
        return ""
    return f" of {left:,} {what} left{' today' if day else ''}"


def figures_of(planned: PlannedLoad) -> dict[str, object]:
    """Return what a machine is told; `docs/planning.md` explains each key."""
    seen = planned.survey
    costs = source_costs(planned.spec, seen.rows)
    return {
        "load": planned.spec.name,
        "rows": seen.rows,
        "keyless_rows": seen.keyless_rows,
        "parentless_rows": seen.parentless_rows if seen.parents else None,
        "target_rows": seen.target_rows,
        "new_rows": seen.new_rows,
        "ids": seen.key_ends,
        "lanes": seen.lanes.total,
        "hot_parents": [parent for parent, _ in seen.hot_parents],
        "hot_parent_rows": dict(seen.hot_parents),
        "parents": seen.parents_total,
        "biggest_parent_rows": seen.biggest_parent_rows,
        "window": planned.spec.profile.window,
        "ambiguous_keys": seen.ambiguous_keys,
        "partitions": {
            key: {
                "rows": rows,
                "jobs": planned.jobs[key],
                "after": planned.spec.ranges[key].after,
                "upto": planned.spec.ranges[key].upto,
            }
            for key, rows in seen.partition_rows.items()
        },
        "probe": asdict(seen.probe),
        "request_s": round(seen.request_s, 4),
        "locked_object": seen.parent_object,
        "limits": asdict(seen.limits),
        "source_costs": costs and asdict(costs),
        "source_calls": seen.source_calls and asdict(seen.source_calls),
        "storage_needed_mb": planned.storage_needed_mb,
        "jobs_at_work": dict(seen.jobs_at_work),
        "unfilled_fields": list(seen.unfilled_fields),
        "refusals": [asdict(refusal) for refusal in seen.refusals],
        "forecast": _forecast_figures(planned.forecast),
        "lock_risk": asdict(planned.risk),
        "verdict": VERDICTS[planned.advice],
        "findings": findings_told(planned.findings),
    }


def findings_told(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return findings as a machine is told of them."""
    return [
        {
            "advice": one.advice.name,
            "sentence": one.sentence,
            "column": one.column,
            "reason": one.reason,
            "remedy": one.remedy,
            "place": one.place,
        }
        for one in findings
    ]


def _forecast_figures(told: Forecast | None) -> dict[str, object] | None:
    if told is None:
        return None
    ends = {"low": told.low, "expected": told.expected, "high": told.high}
    return {
        **{name: _outlook_figures(outlook) for name, outlook in ends.items()},
        "is_measured": told.is_measured,
        "basis": told.basis,
    }


def _outlook_figures(outlook: Outlook) -> dict[str, object]:
    return {
        "seconds": round(outlook.seconds, 1),
        "bound_s": round(outlook.bound_s, 1),
        "jobs": outlook.jobs,
        "requests": outlook.requests,
    }
