"""`dc-assets plan`: look before loading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from dc_assets.cli.plan_page import write_page
from dc_assets.cli.proof import numbers_table
from dc_assets.cli.status import chosen_spec
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.ranges import partition_ranges
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import Source
from dc_assets.load.spec_files import spec_file, write_ranges
from dc_assets.load.survey import Survey, survey
from dc_assets.load.verdict import (
    RECORD_KB,
    Advice,
    Costs,
    Finding,
    LockRisk,
    advice_of,
    judged,
    lock_risk,
)
from dc_assets.orchestration.wiring import (
    OpenLoad,
    loads_folder,
    login_from_environment,
    open_load,
)
from dc_assets.simulation.forecast import Forecast, LoadShape, Outlook, forecast, speed_after

REMEMBERED_JOBS = 50
VERDICTS = {Advice.GO: "GO", Advice.CARE: "GO, WITH CARE", Advice.STOP: "STOP"}
STYLES = {Advice.GO: "green", Advice.CARE: "yellow", Advice.STOP: "red"}


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """All that a plan says; there is no forecast of no rows."""

    spec: LoadSpec
    survey: Survey
    jobs: Mapping[str, int]
    forecast: Forecast | None
    risk: LockRisk
    findings: list[Finding]

    @property
    def advice(self) -> Advice:
        """The verdict."""
        return advice_of(self.findings)


@click.command()
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--offline", is_flag=True, help="Check the spec alone; ask neither side.")
@click.option(
    "--write-ranges",
    type=click.IntRange(1, 99),
    metavar="N",
    help="Cut the source into N equal partitions and write the bounds into the spec, scheme + 1.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write it as a page too, with plots of parents, lanes and time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def plan(
    name: str | None,
    *,
    offline: bool,
    write_ranges: int | None,
    page: Path | None,
    as_json: bool,
) -> int:
    """Show what LOAD would do, cost and meet. Nothing is sent.

    The spec is held against the org and Data Cloud, so a wrong name is found here and not after an
    hour. Both sides are asked for rows, parents, limits, storage and jobs at work; the duration is
    played in virtual time. It is a wide range before the first job, and a narrow one after some
    jobs of the load ran in the org: they tell its speed.

    Exit code 0 for GO and GO, WITH CARE; 5 for STOP.
    """
    spec = chosen_spec(name)
    console = Console()
    if offline:
        _print_spec(console, spec)
        return ExitCode.PROVED
    notes = Console(stderr=True)
    with open_load(spec, login_from_environment(), run_id="plan", note=notes.log) as opened:
        if write_ranges is not None:
            _propose_ranges(console, spec, opened.ports.source, write_ranges)
            return ExitCode.PROVED
        with notes.status("Asking both sides, then playing the load"):
            planned = _planned(opened)
    if page is not None:
        write_page(page, spec, planned.survey, planned.forecast, _page_facts(planned))
        notes.print(f"Wrote {page}", highlight=False)
    if as_json:
        click.echo(json.dumps(_figures(planned), indent=2))
    else:
        _print_plan(console, planned)
    return ExitCode.STOPPED if planned.advice is Advice.STOP else ExitCode.PROVED


def _print_spec(console: Console, spec: LoadSpec) -> None:
    console.print(f"{spec.name}: {spec.source.place} → {spec.target.object}", highlight=False)
    for key, id_range in spec.ranges.items():
        console.print(f"  {key}  {id_range}", highlight=False, markup=False)
    console.print(f"The spec is valid: {len(spec.columns)} columns, {len(spec.ranges)} partitions.")


def _planned(opened: OpenLoad) -> PlannedLoad:
    spec = opened.spec
    seen = survey(spec, opened.sides)
    past = opened.ports.batches.last_jobs(REMEMBERED_JOBS)
    rows_max = speed_after(past).rows_max(spec.profile.batch_rows_max)
    jobs = {key: _jobs(n, seen.lanes.total, rows_max) for key, n in seen.partition_rows.items()}
    told = None
    costs = Costs(seconds=0.0, jobs=sum(jobs.values()), requests=0)
    if sum(seen.partition_rows.values()):
        shape = LoadShape(
            tuple(seen.partition_rows.values()),
            tuple(seen.parents),
            spec.profile.window,
            spec.profile.batch_rows_max,
        )
        told = forecast(shape, past, request_s=seen.request_s)
        costs = Costs(told.high.seconds, told.expected.jobs, told.expected.requests)
    return PlannedLoad(spec, seen, jobs, told, lock_risk(seen), judged(spec, seen, costs))


def _jobs(rows: int, lanes: int, rows_max: int) -> int:
    """Estimate the jobs of a partition: each lane with rows has at least one."""
    return max(min(rows, lanes), -(-rows // rows_max))


def _figures(planned: PlannedLoad) -> dict[str, object]:
    """Return what a machine is told; `docs/planning.md` explains each key."""
    seen = planned.survey
    return {
        "load": planned.spec.name,
        "rows": seen.rows,
        "new_rows": seen.new_rows,
        "ids": seen.key_ends,
        "lanes": seen.lanes.total,
        "hot_parents": [parent for parent, _ in seen.hot_parents],
        "parents": seen.parents_total,
        "biggest_parent_rows": seen.biggest_parent_rows,
        "window": planned.spec.profile.window,
        "ambiguous_keys": seen.ambiguous_keys,
        "partitions": {
            key: {"rows": rows, "jobs": planned.jobs[key]}
            for key, rows in seen.partition_rows.items()
        },
        "probe": asdict(seen.probe),
        "locked_object": seen.parent_object,
        "limits": asdict(seen.limits),
        "jobs_at_work": dict(seen.jobs_at_work),
        "refusals": [asdict(refusal) for refusal in seen.refusals],
        "forecast": _forecast_figures(planned.forecast),
        "lock_risk": asdict(planned.risk),
        "verdict": VERDICTS[planned.advice],
        "findings": [
            {"advice": finding.advice.name, "sentence": finding.sentence}
            for finding in planned.findings
        ],
    }


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


def _print_plan(console: Console, planned: PlannedLoad) -> None:
    table = numbers_table("partition", "rows", "jobs, about")
    for key, rows in planned.survey.partition_rows.items():
        table.add_row(key, f"{rows:,}", f"{planned.jobs[key]:,}")
    total = sum(planned.survey.partition_rows.values())
    table.add_row("all", f"{total:,}", f"{sum(planned.jobs.values()):,}", style="bold")
    console.print(table)
    console.print()
    for what, fact in _facts(planned).items():
        console.print(f"{what:<17} {fact}", highlight=False, markup=False, soft_wrap=True)
    advice = planned.advice
    console.print(f"\n{VERDICTS[advice]}", style=f"bold {STYLES[advice]}")
    for finding in planned.findings:
        console.print(
            f"- {finding.sentence}",
            style=STYLES[finding.advice],
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _facts(planned: PlannedLoad) -> dict[str, str]:
    """Return the lines of the plan, by what they are about."""
    seen, spec = planned.survey, planned.spec
    ends = f", ids {seen.key_ends[0]} .. {seen.key_ends[1]}" if seen.key_ends else ""
    facts = {
        "source": f"{spec.source.place}: {seen.rows:,} rows{ends}; {_read_speed(seen)}",
        "target": f"{spec.target.object}: {seen.target_rows:,} of ours there, {seen.new_rows:,} "
        f"rows are new; locked with the rows: {seen.parent_object}",
        "lanes": f"{seen.lanes.shared} shared, {len(seen.lanes.hot)} for one parent each; "
        f"{spec.profile.window} jobs in flight at most",
    }
    if seen.parents:
        facts["parents"] = (
            f"{seen.parents_total:,}, the biggest with {seen.biggest_parent_rows:,} rows"
        )
    told = planned.forecast
    if told is not None:
        low, expected, high = told.low, told.expected, told.high
        facts |= {
            "duration": f"{duration(low.seconds)} to {duration(high.seconds)}, "
            f"about {duration(expected.seconds)}",
            "bound": f"{duration(expected.bound_s)}: the least that such an org can need",
            "rests on": told.basis,
            "jobs, batches": f"{expected.jobs:,}{_of(seen.limits.batches_left, 'batches')}",
            "API calls": f"{low.requests:,} to {high.requests:,}"
            f"{_of(seen.limits.api_calls_left, 'calls')}",
        }
    needed_mb = seen.new_rows * RECORD_KB // 1024
    facts["storage"] = f"{needed_mb:,} MB{_of(seen.limits.storage_left_mb, 'MB', day=False)}"
    facts["lock risk"] = f"{planned.risk.word}: {planned.risk.reason}"
    refused = sum(refusal.rows for refusal in seen.refusals)
    facts["refused"] = f"at most {refused:,} rows" if refused else "nothing that can be foreseen"
    return facts


def _page_facts(planned: PlannedLoad) -> dict[str, str]:
    """Return the lines of the page: the verdict comes first."""
    reasons = " ".join(finding.sentence for finding in planned.findings)
    return {"verdict": f"{VERDICTS[planned.advice]}. {reasons}", **_facts(planned)}


def _read_speed(seen: Survey) -> str:
    if not seen.probe.rows or seen.probe.seconds <= 0:
        return "no page was read"
    rate = seen.probe.rows / seen.probe.seconds
    return f"read at {rate:,.0f} rows/s, all in about {duration(seen.rows / rate)}"


def _of(left: int | None, what: str, *, day: bool = True) -> str:
    if left is None:
        return ""
    return f" of {left:,} {what} left{' today' if day else ''}"


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(42), duration(754), duration(9_000)
    ('42 s', '13 min', '2 h 30 min')
    """
    minutes = round(seconds / 60)
    if seconds < 100:  # noqa: PLR2004 - seconds read better up to there
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004


def _propose_ranges(console: Console, spec: LoadSpec, source: Source, parts: int) -> None:
    bounds = source.key_quantiles(parts, next(iter(partition_ranges(1, []).values())))
    file = spec_file(loads_folder(), spec.name)
    write_ranges(file, scheme=spec.partitions.scheme + 1, upper_bounds=bounds)
    console.print(
        f"Wrote scheme {spec.partitions.scheme + 1} with {len(bounds) + 1} partitions into {file}.",
        highlight=False,
    )
