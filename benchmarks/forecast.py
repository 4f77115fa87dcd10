"""Compares what `dc-assets plan` says with what a load then takes, on four emulated orgs.

    python -m benchmarks.forecast

Each org is asked for a plan before any job, loads 20,000 rows as a canary, is asked again, and
loads all 200,000 rows by five processes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from dc_assets_tests.acceptance.fleet import FleetCase, FleetFigures, load_all, staged
from dc_assets_tests.acceptance.stage import Stage, short_folder, spec_content

ORGS = tuple((workers, row_ms) for workers in (8, 32) for row_ms in (6.0, 25.0))
QUEUE_LATENCY_S = 5.0
RANGE_MAX = 12.0
DURATION_WITHIN = 0.20
CALLS_WITHIN = 0.10
CANARY_ROWS = 20_000


@dataclass(frozen=True)
class Told:
    """What one plan said of a load."""

    low_s: float
    expected_s: float
    high_s: float
    rows: int
    jobs: int
    requests: int
    is_measured: bool

    @classmethod
    def by(cls, stage: Stage) -> Told:
        """Ask for a plan."""
        done = stage.run("plan", "opportunities", "--json")
        assert done.code == 0, done.err
        told: Mapping[str, Any] = json.loads(done.out)
        outlook = told["forecast"]
        return cls(
            low_s=outlook["low"]["seconds"],
            expected_s=outlook["expected"]["seconds"],
            high_s=outlook["high"]["seconds"],
            rows=told["rows"],
            jobs=outlook["expected"]["jobs"],
            requests=outlook["expected"]["requests"],
            is_measured=outlook["is_measured"],
        )


@dataclass(frozen=True)
class Trial:
    """One org: what was told before any job, after the canary, and what it then took."""

    workers: int
    row_ms: float
    first: Told
    second: Told
    real: FleetFigures

    def faults(self) -> Iterator[str]:
        """Yield the bars that were missed."""
        name = f"{self.workers} workers, {self.row_ms:g} ms"
        first, second, real = self.first, self.second, self.real
        if first.is_measured or not second.is_measured:
            yield f"{name}: the canary changed nothing"
        if not first.low_s <= real.seconds <= first.high_s:
            yield f"{name}: {real.seconds:.0f} s are outside the first range"
        if first.high_s > RANGE_MAX * first.low_s:
            yield f"{name}: the first range is 1 : {first.high_s / first.low_s:.1f}"
        if abs(real.seconds / second.expected_s - 1) > DURATION_WITHIN:
            yield f"{name}: {second.expected_s:.0f} s were told, {real.seconds:.0f} s it took"
        if second.rows != real.landed:
            yield f"{name}: {second.rows:,} rows were told, {real.landed:,} landed"
        for what, told, seen in (
            ("jobs", second.jobs, real.jobs),
            ("requests", second.requests, real.requests),
        ):
            if abs(seen / told - 1) > CALLS_WITHIN:
                yield f"{name}: {told:,} {what} were told, {seen:,} it took"


def trial(workers: int, row_ms: float, *, rows: int, parents: int, skew: str) -> Trial:
    """Plan, load the canary, plan again, load all."""
    settings = {"workers": workers, "row_ms": row_ms, "queue_latency_s": QUEUE_LATENCY_S}
    case = FleetCase(rows, parents, skew, settings=settings)
    with short_folder() as folder, staged(folder, case) as stage:
        first = Told.by(stage)
        _load_canary(stage)
        second = Told.by(stage)
        return Trial(workers, row_ms, first, second, load_all(stage))


def _load_canary(stage: Stage) -> None:
    """Load the first rows as a load of their own, and put the spec of all rows back."""
    content = spec_content(stage.rows, stage.partitions)
    content["profile"] = {}
    canary = spec_content(stage.rows, 1)
    canary["profile"] = {}
    canary["source"]["where"] = f"\"ExternalId__c\" <= 'externalOpp{CANARY_ROWS:07d}'"
    canary["target"]["scope"] = f"External_ID__c <= 'externalOpp{CANARY_ROWS:07d}'"
    stage.write_spec(canary)
    done = stage.run("run", "opportunities", "--local", within_s=300)
    assert done.code == 0, done.out + done.err
    stage.write_spec(content)


def table_of(trials: list[Trial]) -> Table:
    """Return what was told beside what it took."""
    table = Table("workers", "ms a row", box=None)
    for name in ("told before", "1 : n", "told after canary", "took", "ratio"):
        table.add_column(name, justify="right")
    for name in ("jobs told", "jobs", "requests told", "requests"):
        table.add_column(name, justify="right")
    for one in trials:
        first, second, real = one.first, one.second, one.real
        table.add_row(
            *(str(one.workers), f"{one.row_ms:g}", f"{first.low_s:.0f} to {first.high_s:.0f} s"),
            *(f"{first.high_s / first.low_s:.1f}", f"{second.expected_s:.0f} s"),
            *(f"{real.seconds:.0f} s", f"{real.seconds / second.expected_s:.3f}"),
            *(str(second.jobs), str(real.jobs), f"{second.requests:,}", f"{real.requests:,}"),
        )
    return table


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(CANARY_ROWS))
@click.option("--parents", default=20_000, show_default=True, type=click.IntRange(1))
@click.option("--skew", default="zipf:1.0", show_default=True)
def main(*, rows: int, parents: int, skew: str) -> None:
    """Hold forecasts against loads; exit 1 when a bar is missed."""
    console = Console(width=130)
    trials: list[Trial] = []
    for workers, row_ms in ORGS:
        console.print(f"An org of {workers} workers and {row_ms:g} ms a row", highlight=False)
        trials.append(trial(workers, row_ms, rows=rows, parents=parents, skew=skew))
    console.print(table_of(trials))
    faults = [fault for one in trials for fault in one.faults()]
    for fault in faults:
        console.print(f"MISSED: {fault}", style="red", highlight=False)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
