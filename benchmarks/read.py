"""Measures what reading a source to Parquet costs: `python -m benchmarks.read --help`.

An emulated tenant is filled, and all of its rows are read by each side of `benchmarks.readers`, in
turns, each time by a process of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click
import polars as pl

from benchmarks.figures import Bar, Figure, Study, save, table
from benchmarks.readers import SIDES, Task, measured
from dc_assets.core.spec import LoadSpec
from dc_assets_tests.acceptance.stage import Org, emulated_org, short_folder
from dc_assets_tests.proof.world import opportunities

WIRES = ("V3", "V2 Arrow", "V2 JSON")
BARE, OURS, CONNECTOR = "bare loop {}", "dc_assets {}", "cdp-connector"
RATIO_MAX, CONNECTOR_RATIO_MAX = 1.5, 0.5


def once(org: Org, side: str, task: Task) -> float:
    """Let one side read everything in a fresh process; return its CPU seconds.

    Raises:
        AssertionError: not all rows are in its files.
    """
    org.tell("options", arrow="JSON" not in side)
    task.folder.mkdir()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        rows, cpu_s = pool.submit(measured, side, task).result()
    kept = pl.scan_parquet(task.folder / "**" / "*.parquet").select(pl.len()).collect().item()
    shutil.rmtree(task.folder)
    (there,) = org.sql('SELECT count(*) FROM "ExtOpportunities__dlm"', store="data_cloud")[0]
    assert rows == kept == there, f"{side}: {rows:,} read, {kept:,} kept, {there:,} there"
    return cpu_s


def bars(taken: Mapping[str, Figure]) -> Sequence[Bar]:
    """Return the bar of each wire, and the one beside the connector."""
    held: list[Bar] = []
    for wire in WIRES:
        ratio = taken[OURS.format(wire)].middle / taken[BARE.format(wire)].middle
        promise = f"{wire}: at most {RATIO_MAX} x the bare loop of the same wire"
        held.append(Bar(promise, f"{ratio:.2f} x", ratio <= RATIO_MAX))
    ratio = taken[OURS.format("V3")].middle / taken[CONNECTOR].middle
    promise = f"V3: at most {CONNECTOR_RATIO_MAX} x {CONNECTOR}"
    return [*held, Bar(promise, f"{ratio:.2f} x", ratio <= CONNECTOR_RATIO_MAX)]


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(1_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--keep", is_flag=True, help="Keep the figures for docs/performance.md.")
def main(*, rows: int, rounds: int, keep: bool) -> None:
    """Let each side read ROWS emulated opportunities to Parquet, in turns."""
    spec = LoadSpec.model_validate_json(json.dumps(opportunities(rows)))
    seeding = ("--opportunities", str(rows), "--accounts", str(max(1, rows // 10)))
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    with short_folder() as folder, emulated_org(folder, *seeding) as org:
        task = Task(dict(org.ready), spec, folder / "read")
        for side in [*SIDES] * rounds:
            seconds[side].append(once(org, side, task))
    figures = {side: Figure(side, values) for side, values in seconds.items()}
    study = Study(
        "read",
        f"Reading {rows:,} rows to Parquet",
        "CPU seconds without imports",
        f"python -m benchmarks.read --rows {rows} --rounds {rounds}",
        list(figures.values()),
        bars(figures),
        [
            "All sides ask the same query.",
            "Ours makes values canonical, sorts pages into lanes, flushes and counts them.",
            "The connector makes one frame of pandas of all rows, which takes their memory.",
        ],
        ("polars", "httpx", "pydantic", "salesforce-cdp-connector"),
    )
    click.echo(table(study))
    for bar in study.bars:
        click.echo(f"{'held' if bar.is_held else 'MISSED'}: {bar.promise}: {bar.measured}")
    if keep:
        click.echo(str(save(study)))


if __name__ == "__main__":
    main()
