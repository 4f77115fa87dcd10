"""Whether a load may begin, judged from a survey and a forecast by plain rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from dc_assets.core.durations import DAY_S
from dc_assets.core.lanes import BATCH_ROWS_MAX, NEVER_LOCKED
from dc_assets.core.pauses import seconds_a_day
from dc_assets.core.source_costs import source_costs
from dc_assets.core.spec import LoadSpec
from dc_assets.load.preflight.findings import Advice, Finding, worst_first
from dc_assets.load.preflight.survey import GROUPS_MAX, Survey

RECORD_KB = 2
"""Data storage of one record (Salesforce Help, "Data and File Storage Allocations")."""

ROWS_A_PARTITION_MIN = 80_000
"""Below it jobs get small, and calls and overheads many."""

BIG_LOAD_ROWS = 200_000
SKEWED_SHARE = 0.05
"""A parent with such a share of all rows keeps other lanes waiting for it."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a load costs, as forecast; seconds of the slower end of the range."""

    seconds: float
    jobs: int
    requests: int


@dataclass(frozen=True, slots=True)
class LockRisk:
    """How likely locks are, from the rows of the parents."""

    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class _DayBudget:
    """One daily allowance of the org, and what the load takes of it."""

    what: str
    setting: str
    needed: int
    reserve: int
    left: int | None
    day_max: int | None


def judged(spec: LoadSpec, survey: Survey, costs: Costs) -> list[Finding]:
    """Return all findings, the worst first."""
    findings = [
        *_of_rows(spec, survey),
        *_of_refusals(spec, survey),
        *_of_keys(spec, survey),
        *_of_the_org(spec, survey, costs),
        *_of_budgets(spec, survey, costs),
        *_of_pauses(spec, survey, costs),
        *_of_partitions(survey),
        *_of_bounds(spec, survey),
        *_of_parents(spec, survey),
        *_of_looks(spec, survey),
    ]
    return worst_first(findings)


def lock_risk(spec: LoadSpec, survey: Survey) -> LockRisk:
    """Judge the risk of locks; our own jobs cannot lock each other's parents.

    What remains are users and other integrations, who meet a parent that we hold more often the
    more rows it has, and parents that the lanes do not know of.
    """
    others = _other_parents(spec)
    if spec.source.parent is None and others:
        listed = ", ".join(others)
        return LockRisk("medium", f"{listed} leads to parents, and the lanes do not go by them")
    if not survey.parents:
        return LockRisk("none", "the rows have no parent: no two of them lock the same record")
    share = survey.biggest_parent_rows / max(1, survey.rows)
    filling = sum(4 * rows * survey.lanes.total > survey.rows for _, rows in survey.hot_parents)
    rest = [
        f"the biggest parent has {survey.biggest_parent_rows:,} rows ({share:.1%})",
        f"{filling} parents fill a quarter of a lane or more",
        *(f"the lanes do not go by {other}" for other in others),
        "two jobs of ours never hold the same parent; users and other integrations still may",
    ]
    word = "medium" if filling or others else "low"
    return LockRisk("high" if share >= SKEWED_SHARE else word, "; ".join(rest))


def _other_parents(spec: LoadSpec) -> list[str]:
    """Return the target fields that lead to records which the lanes do not keep apart."""
    return [
        column.target
        for column in spec.columns
        if (column.path.relationship or column.type == "reference")
        and column.target != spec.parent_target
        and (column.path.relationship or column.target.removesuffix("Id")) not in NEVER_LOCKED
    ]


def _of_rows(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    if survey.rows == 0:
        yield Finding(
            Advice.STOP,
            f"{spec.source.place} counts no rows.",
            "Look at the object and at source.where.",
            setting=("source",),
        )
    if survey.keyless_rows:
        yield Finding(
            Advice.STOP,
            f"{survey.keyless_rows:,} rows have no {spec.source.key}, so no partition holds them.",
            "Give them a key, or leave them out with source.where.",
            setting=("source", "key"),
        )
    if survey.ambiguous_keys:
        yield Finding(
            Advice.CARE,
            f"{survey.ambiguous_keys:,} ids stand twice, upper and lower case alike: all their "
            "rows become dead letters (AMBIGUOUS_ID).",
            "Give each row an id of its own, or name another column in source.key.",
            column=spec.target.external_id,
            setting=("source", "key"),
        )
    for field in survey.unfilled_fields:
        if survey.new_rows:
            yield Finding(
                Advice.STOP,
                f"{spec.target.object}.{field} is required and no column fills it: every new row "
                "would be refused.",
                "Add a column, or give the field a default in the org.",
                column=field,
                setting=("columns",),
            )


def _of_refusals(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    """Judge each reason alone: a row may break several rules, so the sum is a bound only."""
    rows_max = spec.limits.refused_share_max * survey.rows
    for refusal in survey.refusals:
        yield Finding(
            Advice.STOP if refusal.rows > rows_max else Advice.CARE,
            f"{refusal.rows:,} rows would be refused for {refusal.field} ({refusal.code}): "
            f"{refusal.why}",
            refusal.remedy,
            column=refusal.field,
        )
    together = sum(refusal.rows for refusal in survey.refusals)
    if together > rows_max >= max((refusal.rows for refusal in survey.refusals), default=0):
        yield Finding(
            Advice.CARE,
            f"Together these may be {together:,} of {survey.rows:,} rows: the load stops above "
            f"limits.refused_share_max ({spec.limits.refused_share_max:.0%}).",
        )


def _of_keys(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    """Judge the records that are there and not ours, and what lands in another form."""
    seen = survey.compared
    if seen is not None and seen.foreign:
        named = ", ".join(seen.foreign_named)
        more = " and others" if seen.foreign > len(seen.foreign_named) else ""
        yield Finding(
            Advice.CARE,
            f"{seen.foreign:,} records of {spec.target.object} are not in the source: "
            f"{named}{more}. The checks would find them as extra.",
            "If they are not ours, say which are with target.scope; if their rows were deleted in "
            "the source: dc-assets deletions.",
            setting=("target", "scope"),
        )
    for change in survey.changes:
        yield Finding(
            Advice.GO,
            f"{change.rows:,} values of {change.field} have {change.why}",
            change.remedy,
            column=change.field,
        )
    for target in survey.ungroupable:
        yield Finding(
            Advice.CARE,
            f"{target} has more than {GROUPS_MAX:,} values, and an org groups by no more.",
            "Leave it out of checks.distributions: values_match compares the field anyway.",
            column=target,
            setting=("checks", "distributions"),
        )


def _of_bounds(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    """Hold the bounds of the partitions against the keys that there are."""
    count, ends = len(survey.partition_rows), survey.key_ends
    if count == 1 or ends is None or not survey.rows:
        return
    again = f"Cut the source anew: dc-assets plan {spec.name} --write-ranges {count}"
    keys = f"the ids are {ends[0]} .. {ends[1]}"
    empty = [key for key, rows in survey.partition_rows.items() if not rows]
    full = [key for key, rows in survey.partition_rows.items() if rows == survey.rows]
    for key in full:
        yield Finding(
            Advice.CARE,
            f"{key} holds all {survey.rows:,} rows, the other partitions none: {keys}.",
            again,
            setting=("partitions", "upper_bounds"),
        )
    if empty and not full:
        ranges = ", ".join(f"{key} {spec.ranges[key]}" for key in empty)
        yield Finding(
            Advice.CARE,
            f"No id lies in {ranges}: {keys}.",
            again,
            setting=("partitions", "upper_bounds"),
        )


def _of_the_org(spec: LoadSpec, survey: Survey, costs: Costs) -> Iterator[Finding]:
    limits = survey.limits
    needed_mb = survey.new_rows * RECORD_KB // 1024
    if limits.storage_left_mb is not None and needed_mb > limits.storage_left_mb:
        yield Finding(
            Advice.STOP,
            f"{needed_mb:,} MB of data storage are needed ({survey.new_rows:,} new rows of "
            f"{RECORD_KB} kB), {limits.storage_left_mb:,} MB are left.",
            "Make room in the org, or load fewer rows with source.where.",
        )
    if survey.jobs_at_work:
        states = ", ".join(f"{count} {state}" for state, count in survey.jobs_at_work.items())
        yield Finding(
            Advice.CARE,
            f"Ingest jobs on {spec.target.object} are not over: {states}.",
            "If they are not ours, they may hold the same parents: look at `dc-assets status "
            "--jobs`, and wait for them.",
        )
    if costs.seconds > DAY_S:
        yield Finding(
            Advice.CARE,
            f"The load may take {costs.seconds / DAY_S:.1f} days: look at batches and calls of "
            "each of them.",
        )


def _of_budgets(spec: LoadSpec, survey: Survey, costs: Costs) -> Iterator[Finding]:
    limits, ours = survey.limits, spec.limits
    for budget in (
        _DayBudget(
            "API calls",
            "api_calls_reserve",
            costs.requests,
            ours.api_calls_reserve,
            limits.api_calls_left,
            limits.api_calls_max,
        ),
        _DayBudget(
            "ingest batches",
            "daily_batches_reserve",
            costs.jobs,
            ours.daily_batches_reserve,
            limits.batches_left,
            limits.batches_max,
        ),
    ):
        if budget.left is not None and budget.needed > budget.left - budget.reserve:
            yield _of_budget(budget, max(0, budget.left - budget.reserve))


def _of_budget(budget: _DayBudget, usable: int) -> Finding:
    """Judge an allowance that is too small: without any a run stops before its first job."""
    if not usable:
        return Finding(
            Advice.STOP,
            f"{budget.left:,} {budget.what} of the org's day are left, and "
            f"limits.{budget.setting} keeps {budget.reserve:,} for others: nothing would be sent.",
            "Wait, or lower the reserve.",
            setting=("limits", budget.setting),
        )
    a_day = (budget.day_max or 0) - budget.reserve
    days = f" It takes {1 + -(-(budget.needed - usable) // a_day)} days." if a_day > 0 else ""
    return Finding(
        Advice.CARE,
        f"{budget.needed:,} {budget.what} are needed; of {budget.left:,} left today "
        f"{budget.reserve:,} are kept for others.{days} The load stops at the reserve and resumes "
        "when it is run again.",
    )


def _of_pauses(spec: LoadSpec, survey: Survey, costs: Costs) -> Iterator[Finding]:
    """Say in how many days the load ends if budgets and hours of the spec pause it."""
    limits = spec.limits
    budgets = (
        (survey.rows, limits.rows_a_day_max, "rows_a_day_max", "rows be sent"),
        (costs.jobs, limits.batches_a_day_max, "batches_a_day_max", "batches be sent"),
        (costs.requests, limits.api_calls_a_day_max, "api_calls_a_day_max", "calls be made"),
    )
    bounds = [
        (-(-needed // most), f"limits.{setting} lets {most:,} of {needed:,} {what} in 24 hours")
        for needed, most, setting, what in budgets
        if most is not None
    ]
    if limits.hours is not None:
        a_day_s = seconds_a_day(limits.hours)
        work = f"{costs.seconds / 3_600:.1f} hours of work, and limits.hours ({limits.hours}) has"
        bounds.append((ceil(costs.seconds / a_day_s), f"{work} {a_day_s / 3_600:.1f} a day"))
    days, why = max(bounds, default=(1, ""))
    if days > 1:
        yield Finding(
            Advice.CARE,
            f"The load ends in {days} days: {why}. Its runs pause and resume by themselves.",
        )


def _of_partitions(survey: Survey) -> Iterator[Finding]:
    count = len(survey.partition_rows)
    if survey.rows >= BIG_LOAD_ROWS and survey.rows / count < ROWS_A_PARTITION_MIN:
        yield Finding(
            Advice.CARE,
            f"{count} partitions are many for {survey.rows:,} rows: jobs get small.",
            f"Cut the source into {max(1, survey.rows // ROWS_A_PARTITION_MIN)}: "
            "plan --write-ranges.",
        )
    biggest = max(survey.partition_rows.values(), default=0)
    if survey.rows >= BATCH_ROWS_MAX and biggest > 2 * survey.rows / count:
        yield Finding(
            Advice.CARE,
            f"One partition has {biggest:,} of {survey.rows:,} rows: it will be the last to end.",
            f"To cut the source anew: plan --write-ranges {count}.",
        )


def _of_parents(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    others = _other_parents(spec)
    if spec.source.parent is None and others:
        yield Finding(
            Advice.CARE,
            f"{', '.join(others)} leads to parents, and no source.parent is named: two jobs may "
            "lock one parent.",
            "Name the column in source.parent.",
            setting=("source",),
        )
    share = survey.biggest_parent_rows / max(1, survey.rows)
    if share >= SKEWED_SHARE:
        yield Finding(
            Advice.CARE,
            f"One parent has {share:.1%} of the rows. They are written one after another, which "
            "bounds the duration: more jobs in flight do not help.",
        )


def _of_looks(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    costs = source_costs(spec, survey.rows)
    if costs is not None and costs.is_dear:
        yield Finding(
            Advice.CARE,
            f"The sensor for changes would look {costs.looks_a_day:,} times a day at "
            f"{costs.rows_a_look:,} rows: Data Cloud bills {costs.rows_a_day:,} rows processed a "
            f"day. Set refresh.look_every_s to {costs.look_every_s_min:,} or more, or leave the "
            "sensor off.",
        )
