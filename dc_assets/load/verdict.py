"""Whether a load may begin, judged from a survey and a forecast by plain rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from dc_assets.core.lanes import BATCH_ROWS_MAX
from dc_assets.core.spec import LoadSpec
from dc_assets.load.survey import Survey

RECORD_KB = 2
"""Data storage of one record (Salesforce Help, "Data and File Storage Allocations")."""

DAY_S = 86_400.0
ROWS_A_PARTITION_MIN = 80_000
"""Below it jobs get small, and calls and overheads many."""

BIG_LOAD_ROWS = 200_000
SKEWED_SHARE = 0.05
"""A parent with such a share of all rows keeps other lanes waiting for it."""


class Advice(IntEnum):
    """What to do, the worst finding decides."""

    GO = 0
    CARE = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is worth knowing before the load; its sentence says what to do."""

    advice: Advice
    sentence: str


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


def judged(spec: LoadSpec, survey: Survey, costs: Costs) -> list[Finding]:
    """Return all findings, the worst first."""
    findings = [
        *_of_rows(spec, survey),
        *_of_the_org(spec, survey, costs),
        *_of_shape(survey),
    ]
    return sorted(findings, key=lambda finding: -finding.advice)


def advice_of(findings: Sequence[Finding]) -> Advice:
    """Return the worst advice; without findings it is to go."""
    return max((finding.advice for finding in findings), default=Advice.GO)


def lock_risk(survey: Survey) -> LockRisk:
    """Judge the risk of locks; our own jobs cannot lock each other's parents.

    What remains are users and other integrations, who meet a parent that we hold more often the
    more rows it has.
    """
    if not survey.parents:
        return LockRisk("none", "the rows have no parent: no two of them lock the same record")
    share = survey.biggest_parent_rows / max(1, survey.rows)
    biggest = f"the biggest parent has {survey.biggest_parent_rows:,} rows ({share:.1%})"
    if share >= SKEWED_SHARE:
        return LockRisk("high", f"{biggest}; who saves that record meanwhile may have to wait")
    if survey.hot_parents:
        hot = f"{len(survey.hot_parents)} parents have a lane of their own"
        return LockRisk("medium", f"{biggest}, {hot}")
    return LockRisk("low", f"{biggest}, and no parent needs a lane of its own")


def _of_rows(spec: LoadSpec, survey: Survey) -> Iterator[Finding]:
    if survey.rows == 0:
        yield Finding(
            Advice.STOP,
            f"{spec.source.place} counts no rows. Look at the object and at source.where.",
        )
    if survey.keyless_rows:
        yield Finding(
            Advice.STOP,
            f"{survey.keyless_rows:,} rows have no {spec.source.key}, so no partition holds them. "
            "Give them a key, or leave them out with source.where.",
        )
    if survey.ambiguous_keys:
        yield Finding(
            Advice.CARE,
            f"{survey.ambiguous_keys:,} ids stand twice, upper and lower case alike: all their "
            "rows become dead letters (AMBIGUOUS_ID).",
        )
    for field in survey.unfilled_fields:
        if survey.new_rows:
            yield Finding(
                Advice.STOP,
                f"{spec.target.object}.{field} is required and no column fills it: every new row "
                "would be refused. Add a column, or give the field a default in the org.",
            )
    for refusal in survey.refusals:
        too_many = refusal.rows > spec.limits.refused_share_max * survey.rows
        advice = Advice.STOP if too_many else Advice.CARE
        yield Finding(
            advice,
            f"{refusal.rows:,} rows would be refused for {refusal.field}: {refusal.code}.",
        )


def _of_the_org(spec: LoadSpec, survey: Survey, costs: Costs) -> Iterator[Finding]:
    limits = survey.limits
    needed_mb = survey.new_rows * RECORD_KB // 1024
    if limits.storage_left_mb is not None and needed_mb > limits.storage_left_mb:
        yield Finding(
            Advice.STOP,
            f"{needed_mb:,} MB of data storage are needed ({survey.new_rows:,} new rows of "
            f"{RECORD_KB} kB), {limits.storage_left_mb:,} MB are left.",
        )
    for what, left, needed, reserve in (
        ("API calls", limits.api_calls_left, costs.requests, spec.limits.api_calls_reserve),
        ("ingest batches", limits.batches_left, costs.jobs, spec.limits.daily_batches_reserve),
    ):
        if left is not None and needed > left - reserve:
            yield Finding(
                Advice.CARE,
                f"{needed:,} {what} are needed; of {left:,} left today {reserve:,} are kept for "
                "others. The load stops at the reserve and goes on when it is run again.",
            )
    if survey.jobs_at_work:
        states = ", ".join(f"{count} {state}" for state, count in survey.jobs_at_work.items())
        yield Finding(
            Advice.CARE,
            f"Ingest jobs on {spec.target.object} are not over: {states}. If they are not ours, "
            "they may hold the same parents: `dc-assets status --jobs`.",
        )
    if costs.seconds > DAY_S:
        yield Finding(
            Advice.CARE,
            f"The load may take {costs.seconds / DAY_S:.1f} days: look at batches and calls of "
            "each of them.",
        )


def _of_shape(survey: Survey) -> Iterator[Finding]:
    count = len(survey.partition_rows)
    if survey.rows >= BIG_LOAD_ROWS and survey.rows / count < ROWS_A_PARTITION_MIN:
        yield Finding(
            Advice.CARE,
            f"{count} partitions are many for {survey.rows:,} rows: jobs get small. Cut the "
            f"source into {max(1, survey.rows // ROWS_A_PARTITION_MIN)}: plan --write-ranges.",
        )
    biggest = max(survey.partition_rows.values(), default=0)
    if survey.rows >= BATCH_ROWS_MAX and biggest > 2 * survey.rows / count:
        yield Finding(
            Advice.CARE,
            f"One partition has {biggest:,} of {survey.rows:,} rows: it will be the last to end. "
            f"To cut the source anew: plan --write-ranges {count}.",
        )
    share = survey.biggest_parent_rows / max(1, survey.rows)
    if share >= SKEWED_SHARE:
        yield Finding(
            Advice.CARE,
            f"One parent has {share:.1%} of the rows. They are written one after another, and "
            "that bounds the duration.",
        )
