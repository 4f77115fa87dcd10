"""Measures the checks on many rows, and what they catch: `python -m benchmarks.checks --help`.

An emulated org is filled, loaded through the product in this process, and audited by a process of
its own, so that its peak memory is that of the checks.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from dc_assets.core.run_events import unheard
from dc_assets.core.verdicts import Severity
from dc_assets.load.spec_files import read_spec
from dc_assets.load.store import Mode
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.wiring.connect import open_load
from dc_assets_tests.acceptance.stage import MANY_CALLS, emulated_org, short_folder
from dc_assets_tests.proof.world import (
    World,
    data_folder_is,
    opportunities,
    total,
)

PARTITIONS = 5
RANDOM_ROWS = 1_234
SECOND_RECORD = "006000000000ZZZAAA"
KEY = '"External_ID__c"'
TABLE = '"Opportunity"'


@dataclass(frozen=True)
class Audited:
    """What all checks of all partitions took and said."""

    seconds: float
    peak_mb: float
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    repairs: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]


def audit(login: Login, spec_file: Path, data: Path) -> Audited:
    """Evaluate all checks of all partitions in this process."""
    spec, started = read_spec(spec_file), time.monotonic()
    with (
        data_folder_is(data),
        open_load(spec, login, run_id="benchmark", note=unheard) as opened,
    ):
        outcomes = [o for key in spec.ranges for o in opened.audit(key).outcomes()]
    seconds = time.monotonic() - started
    by = {
        severity: tuple(sorted({o.check for o in outcomes if o.severity is severity}))
        for severity in Severity
    }
    modes = {("--missing", "missing"), ("--changed", "changed")}
    return Audited(
        seconds,
        _peak_mb(),
        failed=by[Severity.ERROR],
        warned=by[Severity.WARN],
        repairs=tuple(
            sorted(
                {
                    (mode, o.partition_key)
                    for o in outcomes
                    for option, mode in modes
                    if option in o.repair
                }
            )
        ),
        sentences=tuple(
            f"{o.partition_key} {o.check}: {o.summary}"
            for o in outcomes
            if o.severity is not Severity.PASSED
        ),
    )


def _peak_mb() -> float:
    """Return the most memory this process ever held, as Linux tells it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def audit_apart(world: World) -> Audited:
    """Evaluate all checks in a fresh process."""
    ready = world.org.ready
    login = Login(ClientCredentials(ready["base_url"], ready["client_id"], ready["client_secret"]))
    file = world.folder / f"{world.spec.name}.yaml"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(audit, login, file, world.folder / "data").result()


def api_calls(world: World) -> int:
    """Return the calls of the org's API so far; those of Data Cloud are not among them."""
    return int(world.org.ask("calls")["api_total"])


@contextmanager
def loaded_world(rows: int, accounts: int, console: Console) -> Generator[World]:
    """Fill an org, load it in five partitions, and say what it took."""
    with short_folder() as folder:
        seeding = ("--opportunities", str(rows), "--accounts", str(accounts))
        with emulated_org(folder, *seeding, *MANY_CALLS) as org:
            content = opportunities(rows, PARTITIONS) | {"profile": {"exclusive_user": True}}
            world, started = World.of(org, folder / "world", content), time.monotonic()
            landed = total(world.load()).landed
            seconds = time.monotonic() - started
            console.print(
                f"loaded {landed:,} of {rows:,} rows in {seconds:,.1f} s, "
                f"{api_calls(world):,} API calls"
            )
            yield world


@dataclass(frozen=True)
class Tampering:
    """One change in Core behind the platform's back.

    Attributes:
        rows: how many rows a repair has to send.
        failed: the checks that must fail, and no other.
    """

    what: str
    change: Callable[[World], None]
    rows: int
    failed: frozenset[str]


COUNT, STAGE = "row_count_matches", "stage_name_distribution_matches"
GAPS, DOUBLES, VALUES = "no_coverage_gaps", "no_duplicate_external_ids", "values_match"
LOST = frozenset({COUNT, STAGE, GAPS})
OTHER = frozenset({VALUES})


def tamperings(rows: int) -> Sequence[Tampering]:
    """Return the changes that are made, one at a time."""
    middle = rows // 2
    dice = random.Random(1)  # noqa: S311 - rows, not secrets
    many = sorted(dice.sample(range(1, rows + 1), RANDOM_ROWS))
    return [
        Tampering("the first row deleted", _deleting([1]), 1, LOST),
        Tampering("the last row deleted", _deleting([rows]), 1, LOST),
        Tampering("one row deleted", _deleting([middle]), 1, LOST),
        Tampering(f"{RANDOM_ROWS:,} random rows deleted", _deleting(many), RANDOM_ROWS, LOST),
        Tampering(
            "one StageName changed",
            _setting("\"StageName\" = 'Unheard of'", middle),
            1,
            OTHER | {STAGE},
        ),
        Tampering("one amount off by 0.01", _setting('"Amount" = "Amount" + 0.01', 7), 1, OTHER),
        Tampering("one value made null", _setting('"Amount" = NULL', middle), 1, OTHER),
        Tampering("a parent removed", _setting('"AccountId" = NULL', middle), 1, OTHER),
        Tampering(
            "a duplicate external id", _copying(middle, KEY), 0, frozenset({COUNT, STAGE, DOUBLES})
        ),
        Tampering("the same in upper case", _copying(middle, f"upper({KEY})"), 0, LOST | {DOUBLES}),
        Tampering("a foreign row", _copying(middle, f"{KEY} || 'f'"), 0, LOST),
    ]


def _key(number: int) -> str:
    return f"'externalOpp{number:07d}'"


def _deleting(numbers: Sequence[int]) -> Callable[[World], None]:
    keys = ", ".join(_key(number) for number in numbers)

    def change(world: World) -> None:
        world.org.sql(f"DELETE FROM {TABLE} WHERE {KEY} IN ({keys})")  # noqa: S608 - our own keys

    return change


def _setting(assignment: str, number: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.org.sql(f"UPDATE {TABLE} SET {assignment} WHERE {KEY} = {_key(number)}")  # noqa: S608

    return change


def _copying(number: int, new_key: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.org.sql(
            f"INSERT INTO {TABLE} SELECT * REPLACE ({new_key} AS {KEY}, "  # noqa: S608
            f"'{SECOND_RECORD}' AS \"Id\") FROM {TABLE} WHERE {KEY} = {_key(number)}"
        )

    return change


def repaired(world: World, found: Audited) -> tuple[int, int]:
    """Run the repairs that the checks name; return the rows selected, and the keys in new jobs."""
    selected, before = 0, world.job_ids()
    for mode, key in found.repairs:
        sent: Mode = "missing" if mode == "missing" else "changed"
        selected += total(world.load(sent, [key])).selected or 0
    return selected, len(world.keys_of(world.job_ids() - before))


def tamper(world: World, rows: int, console: Console) -> bool:
    """Make each change, look, repair, look again; tell whether all went as it must."""
    table = Table("done in Core", "checks that failed", "sent", "in jobs", "afterwards", "s")
    all_right = True
    for tampering in tamperings(rows):
        tampering.change(world)
        found = audit_apart(world)
        selected, in_jobs = repaired(world, found)
        if not tampering.rows:
            world.org.sql(f"DELETE FROM {TABLE} WHERE \"Id\" = '{SECOND_RECORD}'")  # noqa: S608
        after = audit_apart(world)
        is_right = (
            frozenset(found.failed) == tampering.failed
            and selected == in_jobs == tampering.rows
            and not after.failed + after.warned
        )
        all_right &= is_right
        table.add_row(
            tampering.what,
            ", ".join(found.failed),
            f"{selected:,}",
            f"{in_jobs:,}",
            ("green" if not after.failed + after.warned else "RED") + ("" if is_right else " !"),
            f"{found.seconds:.1f}",
        )
        if not is_right:
            console.print(*found.sentences, *after.sentences, sep="\n")
    console.print(table)
    return all_right


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(2_000))
@click.option("--accounts", type=click.IntRange(1), help="Parents; default: a tenth of the rows.")
@click.option("--tamper", "is_tampered", is_flag=True, help="Change Core, and see what is caught.")
def main(*, rows: int, accounts: int | None, is_tampered: bool) -> None:
    """Load ROWS emulated opportunities, and measure all checks of all partitions."""
    console = Console(width=150, highlight=False)
    with loaded_world(rows, accounts or rows // 10, console) as world:
        calls_of_load = api_calls(world)
        first = audit_apart(world)
        calls_of_checks = api_calls(world) - calls_of_load
        console.print(
            f"checks of {PARTITIONS} partitions: {first.seconds:,.1f} s, peak "
            f"{first.peak_mb:,.0f} MB, {calls_of_checks:,} API calls = "
            f"{calls_of_checks / calls_of_load:.1%} of the load's; "
            f"{'all green' if not first.failed + first.warned else first.sentences}; "
            f"{os.cpu_count()} processors"
        )
        is_right = not first.failed + first.warned
        if is_tampered:
            is_right &= tamper(world, rows, console)
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
