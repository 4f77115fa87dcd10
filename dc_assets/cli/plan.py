"""`dc-assets plan`: look before loading."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from dc_assets.cli.connections import open_ledger
from dc_assets.cli.console import Console
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import numbers_table
from dc_assets.cli.specs import chosen_spec, specs_there
from dc_assets.core.errors import ConfigError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.ranges import partition_ranges
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.forecasts import Span, ToldLoad
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.ports import Source, speed_after
from dc_assets.load.preflight.findings import Advice, Finding, SpecRefused, worst_first
from dc_assets.load.preflight.order import findings_of_order
from dc_assets.load.preflight.rules import Costs, judged, lock_risk
from dc_assets.load.preflight.survey import Survey, survey
from dc_assets.load.spec_files import spec_file, write_ranges
from dc_assets.load.store import JobFigures
from dc_assets.pages.plan_facts import (
    STYLES,
    VERDICTS,
    PlannedLoad,
    facts_of,
    figures_of,
    findings_told,
)
from dc_assets.pages.plan_page import write_page
from dc_assets.simulation.forecast import (
    FASTEST,
    SLOWEST,
    Forecast,
    LoadShape,
    fitted,
    forecast,
)
from dc_assets.views.bounds import last_scheme, other_bounds
from dc_assets.wiring.connect import OpenLoad, open_load
from dc_assets.wiring.settings import loads_folder
from dc_assets.wiring.sign_in import login_from_environment

REMEMBERED_JOBS = 50


_EXAMPLES = """\b
Examples:
  dc-assets plan opportunities
  dc-assets plan opportunities --page plan.html
  dc-assets plan opportunities --write-ranges 8
"""


@click.command(epilog=_EXAMPLES)
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

    The spec is compared with the org and Data Cloud, so a wrong name is found here and not after an
    hour. Both sides are asked for rows, parents, limits, storage and jobs running; the duration is
    played in virtual time. It is a wide range before the first job, and a narrow one after some
    jobs of the load ran in the org: they tell its speed. The ledger keeps what was told, so that
    dc-assets report can hold it against what the load took.
    """
    if (offline or write_ranges is not None) and (as_json or page is not None):
        alone = "--offline" if offline else "--write-ranges"
        raise click.UsageError(f"{alone} makes no plan: leave out --json and --page.")
    spec = chosen_spec(name)
    console = Console()
    if offline:
        _print_spec(console, spec)
        return ExitCode.PROVED
    notes = Console(stderr=True)
    try:
        return _asked_of_both(spec, write_ranges, page, as_json=as_json)
    except SpecRefused as refused:
        if page is not None:
            notes.print("No page was written: without both sides it would be empty.")
        return _stopped(console, spec, refused.findings, as_json=as_json)


def _asked_of_both(
    spec: LoadSpec, write_ranges: int | None, page: Path | None, *, as_json: bool
) -> ExitCode:
    """Make and show the plan, or cut the source anew.

    Raises:
        SpecRefused: the spec lets nobody ask for rows.
    """
    console, notes = Console(), Console(stderr=True)
    with open_load(spec, login_from_environment(), run_id="plan", note=noted_on_stderr()) as opened:
        if write_ranges is not None:
            _propose_ranges(console, spec, opened.ports.source, write_ranges)
            return ExitCode.PROVED
        with open_ledger() as database:
            cut = other_bounds(database, spec)
        with notes.status("Asking both sides") as status:
            seen = survey(spec, opened.sides)
            status.update(f"Forecasting the load of {seen.rows:,} rows")
            planned = _planned(opened, seen)
        opened.forecasts.keep(_told(planned))
    if page is not None:
        write_page(page, planned)
        notes.print(f"Wrote {page}", soft_wrap=True)
    if as_json:
        click.echo(json.dumps(figures_of(planned), indent=2))
    else:
        print_plan(console, planned)
    if cut:
        notes.print(cut, style="bold red", soft_wrap=True)
    return ExitCode.STOPPED if cut or planned.advice is Advice.STOP else ExitCode.PROVED


def _stopped(
    console: Console, spec: LoadSpec, findings: Sequence[Finding], *, as_json: bool
) -> ExitCode:
    """Show why there is no plan: what does not fit, each with its cause and remedy."""
    if as_json:
        figures = {"load": spec.name, "verdict": VERDICTS[Advice.STOP]}
        click.echo(json.dumps({**figures, "findings": findings_told(findings)}, indent=2))
    else:
        _print_findings(console, Advice.STOP, findings)
    return ExitCode.STOPPED


def _print_findings(console: Console, advice: Advice, findings: Sequence[Finding]) -> None:
    console.print(VERDICTS[advice], style=f"bold {STYLES[advice]}")
    for finding in findings:
        console.print(f"- {finding.sentence}", style=STYLES[finding.advice], soft_wrap=True)


def _print_spec(console: Console, spec: LoadSpec) -> None:
    console.print(f"{spec.name}: {spec.source.place} → {spec.target.object}")
    for key, id_range in spec.ranges.items():
        console.print(f"  {key}  {id_range}")
    console.print(f"The spec is valid: {len(spec.columns)} columns, {len(spec.ranges)} partitions.")


def _planned(opened: OpenLoad, seen: Survey) -> PlannedLoad:
    spec = opened.spec
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
    return PlannedLoad(
        spec=spec,
        survey=seen,
        jobs=jobs,
        forecast=told,
        row_s=_row_s(told, past, spec.profile.window),
        risk=lock_risk(spec, seen),
        findings=worst_first(
            [
                *opened.org.fit.findings,
                *findings_of_order(spec, opened.org.described, specs_there()),
                *judged(spec, seen, costs),
            ]
        ),
    )


def _told(planned: PlannedLoad) -> ToldLoad:
    """Return what the ledger keeps of a plan, to be compared with the load that follows."""
    told = planned.forecast
    ends = None if told is None else (told.low, told.expected, told.high)
    return ToldLoad(
        rows=sum(planned.survey.partition_rows.values()),
        jobs=sum(planned.jobs.values()) if told is None else told.expected.jobs,
        seconds=ends and Span(*(round(outlook.seconds, 1) for outlook in ends)),
        requests=ends and Span(*(outlook.requests for outlook in ends)),
        verdict=VERDICTS[planned.advice],
        is_measured=told is not None and told.is_measured,
        basis="" if told is None else told.basis,
    )


def _jobs(rows: int, lanes: int, rows_max: int) -> int:
    """Estimate the jobs of a partition: each lane with rows has at least one."""
    return max(min(rows, lanes), -(-rows // rows_max))


def _row_s(told: Forecast | None, past: Sequence[JobFigures], window: int) -> tuple[float, float]:
    """Return the seconds that a row may need, on the orgs that a forecast was played on."""
    if told is None or not told.is_measured:
        return FASTEST.row_s, SLOWEST.row_s
    org = fitted([job for job in past if job.active_s > 0], window=window)
    return org.row_s, org.row_s


def _propose_ranges(console: Console, spec: LoadSpec, source: Source, parts: int) -> None:
    """Cut the source anew, under a scheme that no load ever had.

    Raises:
        ConfigError: a load is unfinished: its partitions would be nobody's.
    """
    with open_ledger() as database:
        unfinished = StopOrders(database, spec.name).open_loads()
        scheme = max(spec.partitions.scheme, last_scheme(database, spec.name)) + 1
    if unfinished:
        raise ConfigError(
            f"Load {unfinished[0].load_id[:8]} of {spec.name} is unfinished, and has "
            f"these partitions. Finish it first: dc-assets run {spec.name}"
        )
    bounds = source.key_quantiles(parts, next(iter(partition_ranges(1, []).values())))
    file = spec_file(loads_folder(), spec.name)
    write_ranges(file, scheme=scheme, upper_bounds=bounds)
    console.print(f"Wrote scheme {scheme} with {len(bounds) + 1} partitions into {file}.")


def print_plan(console: Console, planned: PlannedLoad) -> None:
    """Print the partitions, what is known, and the verdict with its reasons."""
    table = numbers_table("partition", "rows", "jobs, about")
    table.add_column("ids", no_wrap=True, overflow="ellipsis")
    for key, rows in planned.survey.partition_rows.items():
        ids = str(planned.spec.ranges[key])
        table.add_row(key, f"{rows:,}", f"{planned.jobs[key]:,}", ids)
    total = sum(planned.survey.partition_rows.values())
    table.add_row("all", f"{total:,}", f"{sum(planned.jobs.values()):,}", "", style="bold")
    console.print(table)
    console.print()
    for what, fact in facts_of(planned).items():
        console.print(f"{what:<17} {fact}", soft_wrap=True)
    console.print()
    _print_findings(console, planned.advice, planned.findings)
