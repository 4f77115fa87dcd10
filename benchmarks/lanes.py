"""Loads an emulated org by five real processes, beside the same load in simulation.

    python -m benchmarks.lanes

Both models of an org are written apart and share no code; what they agree on is not one model's
mistake. The product's decisions are the same on both sides.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import click
from rich.console import Console
from rich.table import Table

from benchmarks.simulate.background import BACKGROUNDS
from benchmarks.simulate.locked_lanes import LockedFigures, run_locked_lanes
from benchmarks.simulate.locking_org import LockingModel, LockingOrg
from dc_assets.simulation.org_model import bound_s
from dc_assets.simulation.partition_run import Way
from dc_assets_tests.acceptance.fleet import FleetCase, FleetFigures, load_all, staged
from dc_assets_tests.acceptance.stage import Org, short_folder
from dc_assets_tests.conformance.postgres import running_postgres

TOLERANCE = 0.15
"""How far a load without other people's work may be from its simulation."""

WINDOW = 16
SEED = 3
CASES = tuple(
    (skew, background) for background in ("none", "normal") for skew in ("zipf:1.0", "uniform")
)


@dataclass(frozen=True)
class Pair:
    """One load twice: over HTTP and in simulation."""

    case: FleetCase
    real: FleetFigures
    simulated: LockedFigures
    bound_s: float

    @property
    def ratios(self) -> tuple[float, float]:
        """Duration and requests of the real load, as shares of the simulated ones."""
        return (
            self.real.seconds / self.simulated.ended_s,
            self.real.requests / self.simulated.requests,
        )

    def faults(self) -> Iterator[str]:
        """Yield what is not as it must be."""
        if self.real.landed != self.case.rows:
            yield f"{self.real.landed:,} of {self.case.rows:,} rows landed"
        if self.real.in_flight_max > WINDOW:
            yield f"{self.real.in_flight_max} jobs were in flight, the window is {WINDOW}"
        if self.real.held_twice:
            yield f"{self.real.held_twice} times two running jobs held one parent"
        if self.case.background == "none":
            if self.real.never_locked_pct < 100:
                yield f"only {self.real.never_locked_pct:.4f} % of rows met no lock"
            for what, ratio in zip(("duration", "requests"), self.ratios, strict=True):
                if abs(ratio - 1) > TOLERANCE:
                    yield f"{what} is {ratio:.2f} times the simulated one"


def parents_in_order(org: Org) -> list[int]:
    """Return the parent of each source row, in the order of the external ids."""
    rows = org.sql(
        'SELECT "AccountExternalId__c" FROM "ExtOpportunities__dlm" ORDER BY "ExternalId__c"',
        "data_cloud",
    )
    numbers: dict[str, int] = {}
    return [numbers.setdefault(name, len(numbers)) for (name,) in rows]


def measured(case: FleetCase) -> Pair:
    """Load the emulated org of a case, then simulate the same rows."""
    with short_folder() as folder, staged(folder, case) as stage:
        parents = parents_in_order(stage.org)
        real = load_all(stage)
    org = LockingModel()
    model = LockingOrg(org, BACKGROUNDS[case.background], parents, SEED)
    simulated = run_locked_lanes(model, Way(partitions=case.partitions, window=WINDOW))
    return Pair(case, real, simulated, bound_s(org, parents))


@contextmanager
def ledger_url(*, postgres: bool) -> Generator[str]:
    """Give the URL of a PostgreSQL ledger, or an empty text for a SQLite file."""
    if not postgres:
        yield ""
        return
    with running_postgres() as url:
        yield url


def table_of(pairs: Sequence[Pair]) -> Table:
    """Return a table of both sides."""
    table = Table("parents", "background", "ledger", "side", box=None)
    for name in (
        "seconds",
        "x bound",
        "requests",
        "jobs",
        "met no lock",
        "in flight",
        "held twice",
    ):
        table.add_column(name, justify="right")
    for pair in pairs:
        case, real, simulated = pair.case, pair.real, pair.simulated
        ledger = "PostgreSQL" if case.ledger_url else "SQLite"
        table.add_row(
            *(case.skew, case.background, ledger, "HTTP", f"{real.seconds:.0f}"),
            *(f"{real.seconds / pair.bound_s:.2f}", f"{real.requests:,}", str(real.jobs)),
            *(f"{real.never_locked_pct:.2f} %", str(real.in_flight_max), str(real.held_twice)),
        )
        first_pct = 100 * simulated.first_pass_rows / case.rows
        table.add_row(
            *("", "", "", "simulated", f"{simulated.ended_s:.0f}"),
            *(f"{simulated.ended_s / pair.bound_s:.2f}", f"{simulated.requests:,}"),
            *(str(simulated.jobs), f"{first_pct:.2f} %"),
            *(str(max(n for _, n in simulated.in_flight)), ""),
        )
        table.add_row(
            "",
            "",
            "",
            "HTTP / simulated",
            *(f"{ratio:.3f}" for ratio in pair.ratios[:1]),
            "",
            f"{pair.ratios[1]:.3f}",
        )
    return table


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(1))
@click.option("--parents", default=20_000, show_default=True, type=click.IntRange(1))
@click.option("--time-scale", default=5.0, show_default=True)
@click.option("--skew", help="Only this one.")
@click.option("--background", help="Only this one.")
@click.option("--postgres", is_flag=True, help="Keep the ledger in PostgreSQL.")
def main(
    *,
    rows: int,
    parents: int,
    time_scale: float,
    skew: str | None,
    background: str | None,
    postgres: bool,
) -> None:
    """Load and simulate; exit 1 when a bar is missed."""
    console = Console(width=130)
    pairs: list[Pair] = []
    for case_skew, case_background in CASES:
        if skew in {None, case_skew} and background in {None, case_background}:
            console.print(f"Loading {rows:,} rows, {case_skew}, background {case_background}")
            case = FleetCase(rows, parents, case_skew, case_background, time_scale=time_scale)
            with ledger_url(postgres=postgres) as url:
                pairs.append(measured(replace(case, ledger_url=url)))
    console.print(table_of(pairs))
    faults = [fault for pair in pairs for fault in pair.faults()]
    for fault in faults:
        console.print(f"MISSED: {fault}", style="red", highlight=False)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
