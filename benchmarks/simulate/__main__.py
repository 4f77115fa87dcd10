"""The policies beside each other on a modelled org: `python -m benchmarks.simulate`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import click

from benchmarks.simulate.background import BACKGROUNDS
from benchmarks.simulate.outcome import SimulatedRun
from benchmarks.simulate.policies import POLICIES, Scene, simulated
from benchmarks.simulate.rows import check_skew, parents_of
from dc_assets.cli.console import Console
from dc_assets.cli.proof import numbers_table
from dc_assets.core.errors import ConfigError

_LEGEND = """\
first: rows that landed with their first attempt. x bound: the hours, over the
least that the org can need. blocked: saves of users that met a lock.
A model fitted to the four success rates of the earlier system; not measured
on an org."""

_EXAMPLE = """\b
Example:
  python -m benchmarks.simulate --rows 200000 --accounts 20000
  python -m benchmarks.simulate --policy test8 --policy lanes --skew uniform --skew zipf:1.0
  python -m benchmarks.simulate --accounts 46000 --skew uniform --background none --json
\b
Policies: test3, test4, test7 and test8 are the earlier system's, jobs sent by the clock and never
looked at; submit-and-wait has one job in flight a partition; sorted has 20 jobs in flight, the rows
of each sorted by parent; lanes is what dc-assets does.
"""


@click.command(epilog=_EXAMPLE)
@click.option(
    "--rows", type=click.IntRange(1), default=2_000_000, show_default=True, help="Rows to write."
)
@click.option(
    "--accounts",
    type=click.IntRange(1),
    default=200_000,
    show_default=True,
    help="Parents that the rows have.",
)
@click.option(
    "--skew",
    "skews",
    multiple=True,
    default=("zipf:1.0",),
    show_default=True,
    help="How rows fall on parents: uniform, zipf:1.0, or hot:0.05 (one parent has that share). "
    "May be given several times.",
)
@click.option(
    "--background",
    type=click.Choice(list(BACKGROUNDS)),
    default="normal",
    show_default=True,
    help="What users and other integrations do meanwhile.",
)
@click.option(
    "--partitions",
    type=click.IntRange(1, 99),
    default=5,
    show_default=True,
    help="Id ranges; chains of the earlier system. The policy sorted always has 20.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice(list(POLICIES)),
    help="A way to write; may be given several times. [default: all]",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="The same seed, the same figures."
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def simulate(
    *,
    rows: int,
    accounts: int,
    skews: Sequence[str],
    background: str,
    partitions: int,
    policies: Sequence[str],
    seed: int,
    as_json: bool,
) -> None:
    """Play a load in virtual time by several policies, and compare them.

    The org is a model fitted to the four success rates of the earlier system; it was not measured
    on an org. Nothing is sent anywhere, and no setting is needed. Two million rows take seconds to
    a minute for each policy.
    """
    chosen = list(dict.fromkeys(policies)) or list(POLICIES)
    try:
        scenes = [Scene(check_skew(skew), background, partitions, seed) for skew in skews]
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    progress = Console(stderr=True)
    runs = list(_runs(scenes, chosen, sizes=(rows, accounts), progress=progress))
    if as_json:
        click.echo(json.dumps([run.as_json() for run in runs], indent=2))
    else:
        _print(runs)


def _runs(
    scenes: Sequence[Scene], policies: Sequence[str], *, sizes: tuple[int, int], progress: Console
) -> Iterator[SimulatedRun]:
    """Yield the runs of every scene; say on the other channel which one is under way."""
    total, number = len(scenes) * len(policies), 0
    for scene in scenes:
        parents = parents_of(*sizes, scene.skew, scene.seed)
        for policy in policies:
            number += 1
            line = f"{number} of {total}: {policy}, {scene.skew}, {sizes[0]:,} rows"
            with progress.status(line):
                if not progress.is_terminal:
                    progress.print(line)
                yield simulated(policy, POLICIES[policy], parents=parents, scene=scene)


def _print(runs: Sequence[SimulatedRun]) -> None:
    console = Console()
    for skew in dict.fromkeys(run.skew for run in runs):
        listed = [run for run in runs if run.skew == skew]
        first = listed[0]
        console.print(
            f"{first.rows:,} rows, {skew}, background {first.background}: "
            f"the org needs at least {first.bound_hours:.2f} h",
            style="bold",
        )
        titles = ("first %", "landed %", "hours", "x bound", "requests", "jobs", "blocked %")
        table = numbers_table("policy", *titles)
        for run in listed:
            table.add_row(
                run.policy,
                f"{run.first_pass_pct:.2f}",
                f"{run.final_pct:.4f}",
                f"{run.hours:.2f}",
                f"{run.times_bound:.2f}",
                f"{run.requests:,}",
                f"{run.jobs:,}",
                f"{run.users_blocked_pct:.1f}",
            )
        console.print(table)
    for line in _LEGEND.splitlines():
        console.print(line)


if __name__ == "__main__":
    simulate()
