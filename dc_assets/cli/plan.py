"""`dc-assets plan`: look before loading."""

from __future__ import annotations

import json

import click
from rich.console import Console

from dc_assets.cli.proof import numbers_table
from dc_assets.cli.status import chosen_spec
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.ranges import partition_ranges
from dc_assets.core.spec import LoadSpec
from dc_assets.load.plan import make_plan
from dc_assets.load.ports import Source
from dc_assets.load.spec_files import spec_file, write_ranges
from dc_assets.orchestration.wiring import loads_folder, login_from_environment, open_load


@click.command()
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--offline", is_flag=True, help="Check the spec alone; ask neither side.")
@click.option(
    "--write-ranges",
    type=click.IntRange(1, 99),
    metavar="N",
    help="Cut the source into N equal partitions and write the bounds into the spec, scheme + 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def plan(name: str | None, *, offline: bool, write_ranges: int | None, as_json: bool) -> int:
    """Show what LOAD would do: rows of each partition, lanes, jobs. Nothing is sent.

    The spec is checked first, then held against the org and Data Cloud: a wrong name is found
    here and not after an hour.
    """
    spec = chosen_spec(name)
    console = Console()
    if offline:
        _print_spec(console, spec)
        return ExitCode.PROVED
    with open_load(spec, login_from_environment(), run_id="plan", note=console.log) as opened:
        if write_ranges is not None:
            _propose_ranges(console, spec, opened.ports.source, write_ranges)
        else:
            _print_plan(console, spec, opened.ports.source, as_json=as_json)
    return ExitCode.PROVED


def _print_spec(console: Console, spec: LoadSpec) -> None:
    console.print(f"{spec.name}: {spec.source.place} → {spec.target.object}", highlight=False)
    for key, id_range in spec.ranges.items():
        console.print(f"  {key}  {id_range}", highlight=False, markup=False)
    console.print(f"The spec is valid: {len(spec.columns)} columns, {len(spec.ranges)} partitions.")


def _print_plan(console: Console, spec: LoadSpec, source: Source, *, as_json: bool) -> None:
    made = make_plan(spec, source)
    rows = {key: source.count(id_range) for key, id_range in spec.ranges.items()}
    jobs = {key: _jobs(count, made.lanes.total, spec) for key, count in rows.items()}
    figures = {
        "rows": made.rows,
        "lanes": made.lanes.total,
        "hot_parents": list(made.lanes.hot),
        "window": made.window,
        "ambiguous_keys": len(made.ambiguous_keys),
        "partitions": {key: {"rows": rows[key], "jobs": jobs[key]} for key in rows},
    }
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    table = numbers_table("partition", "rows", "jobs, about")
    for key in spec.ranges:
        table.add_row(key, f"{rows[key]:,}", f"{jobs[key]:,}")
    table.add_row("all", f"{sum(rows.values()):,}", f"{sum(jobs.values()):,}", style="bold")
    console.print(table)
    console.print(
        f"{made.lanes.total} lanes, {len(made.lanes.hot)} of them for one parent each; "
        f"{made.window} jobs in flight at most. {len(made.ambiguous_keys)} ids stand twice.",
        highlight=False,
    )


def _jobs(rows: int, lanes: int, spec: LoadSpec) -> int:
    """Estimate the jobs of a partition: each lane with rows has at least one."""
    return max(min(rows, lanes), -(-rows // spec.profile.batch_rows_max))


def _propose_ranges(console: Console, spec: LoadSpec, source: Source, parts: int) -> None:
    bounds = source.key_quantiles(parts, next(iter(partition_ranges(1, []).values())))
    file = spec_file(loads_folder(), spec.name)
    write_ranges(file, scheme=spec.partitions.scheme + 1, upper_bounds=bounds)
    console.print(
        f"Wrote scheme {spec.partitions.scheme + 1} with {len(bounds) + 1} partitions into {file}.",
        highlight=False,
    )
