"""Measures the checks on many rows, and what they catch: `python -m benchmarks.checks --help`.

An emulated org is filled, loaded through the product in this process, and audited by a process of
its own, so that its peak memory is that of the checks. Beside it, in turns, runs the least that
could compare both sides: two bare readings and one join.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import click
import httpx
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Bar, Figure, Study, save, table
from benchmarks.readers import org_of, tenant_of, unpacked, v2_pages
from dc_assets.core.ranges import EVERYTHING
from dc_assets.core.run_events import unheard
from dc_assets.core.spec import NUMBERS, ColumnSpec, LoadSpec
from dc_assets.core.verdicts import Severity
from dc_assets.load.spec_files import read_spec
from dc_assets.load.store import Mode
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.soql_queries import TargetQueries
from dc_assets.salesforce.source_queries import SourceQueries
from dc_assets.wiring.connect import open_load
from dc_assets_tests.acceptance.stage import MANY_CALLS, emulated_org, short_folder
from dc_assets_tests.proof.world import (
    World,
    data_folder_is,
    opportunities,
    total,
)

T = TypeVar("T")

PARTITIONS = 5
CPU_S_MAX = 6.0
RANDOM_ROWS = 1_234
SECOND_RECORD = "006000000000ZZZAAA"
KEY = '"External_ID__c"'
TABLE = '"Opportunity"'


@dataclass(frozen=True)
class Audited:
    """What all checks of all partitions took and said.

    Attributes:
        cpu_s: without the sign-in and the imports of it.
    """

    seconds: float
    cpu_s: float
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
        cpu_before_s = time.process_time()
        outcomes = [o for key in spec.ranges for o in opened.audit(key).outcomes()]
        cpu_s = time.process_time() - cpu_before_s
    seconds = time.monotonic() - started
    by = {
        severity: tuple(sorted({o.check for o in outcomes if o.severity is severity}))
        for severity in Severity
    }
    modes = {("--missing", "missing"), ("--changed", "changed")}
    return Audited(
        seconds,
        cpu_s,
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
    return apart(audit, login, file, world.folder / "data")


def apart(effect: Callable[..., T], *given: object) -> T:
    """Do something in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(effect, *given).result()


def bare_audit(ready: Mapping[str, str], spec: LoadSpec) -> tuple[int, float]:
    """Read both sides into memory and join them; return the rows alike, and the CPU seconds."""
    targets, ids = TargetQueries(spec), spec.target.external_id
    with tenant_of(ready) as tenant, org_of(ready) as org:
        cpu_before_s = time.process_time()
        tenant.headers["enable-arrow-stream"] = "true"
        pages = v2_pages(tenant, SourceQueries(spec).rows(EVERYTHING))
        source = pl.concat(unpacked(page) for page in pages)
        target = pl.concat(_bulk_pages(org, targets.records(EVERYTHING)))
        named = target.rename(dict(zip(target.columns, spec.targets, strict=True)))
        other = source.rename({column.source: column.target for column in spec.columns})
        both = other.join(named, on=ids, how="inner", suffix=":target")
        alike = both.filter(_is_alike(c) for c in spec.columns if c.target != ids)
        return alike.height, time.process_time() - cpu_before_s


def _is_alike(column: ColumnSpec) -> pl.Expr:
    """Compare a field of both sides; of a number the texts differ."""
    source, target = pl.col(column.target), pl.col(f"{column.target}:target")
    if column.type in NUMBERS:
        return source.cast(pl.Float64).eq_missing(target.cast(pl.Float64))
    return source.eq_missing(target)


def _bulk_pages(org: httpx.Client, query: str) -> Iterator[pl.DataFrame]:
    jobs = "/services/data/v64.0/jobs/query"
    job = org.post(jobs, json={"operation": "query", "query": query}).json()["id"]
    while org.get(f"{jobs}/{job}").json()["state"] != "JobComplete":
        time.sleep(0.1)
    locator = ""
    while locator != "null":
        asked = {"maxRecords": "100000"} | ({"locator": locator} if locator else {})
        page = org.get(f"{jobs}/{job}/results", params=asked)
        yield pl.read_csv(page.content, infer_schema=False, null_values="")
        locator = page.headers["Sforce-Locator"]


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


def compared(world: World, rows: int, rounds: int, first: Audited) -> Study:
    """Let all checks and the bare readings with their join run in turns."""
    ours, bare = [first], list[float]()
    for number in range(rounds):
        alike, cpu_s = apart(bare_audit, dict(world.org.ready), world.spec)
        assert alike == rows, f"{alike:,} of {rows:,} rows are alike"
        bare.append(cpu_s)
        ours += [audit_apart(world)] if number else []
    figures = [
        Figure("two bare readings and a join", bare),
        Figure("all checks", [one.cpu_s for one in ours]),
    ]
    per_million_s = figures[1].middle / rows * 1e6
    peak_mb = max(one.peak_mb for one in ours)
    return Study(
        "checks",
        f"All checks of {rows:,} rows in {PARTITIONS} partitions",
        "CPU seconds without imports",
        f"python -m benchmarks.checks --rows {rows} --rounds {rounds}",
        figures,
        [
            Bar(
                f"at most {CPU_S_MAX} s a million rows",
                f"{per_million_s:.1f} s",
                per_million_s <= CPU_S_MAX,
            )
        ],
        [
            f"Peak memory of the process of the checks: {peak_mb:,.0f} MB.",
            "The bare side holds all rows of both sides in memory.",
        ],
        ("polars", "httpx"),
    )


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(2_000))
@click.option("--accounts", type=click.IntRange(1), help="Parents; default: a tenth of the rows.")
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1))
@click.option("--keep", is_flag=True, help="Keep the figures for docs/performance.md.")
@click.option("--tamper", "is_tampered", is_flag=True, help="Change Core, and see what is caught.")
def main(*, rows: int, accounts: int | None, rounds: int, keep: bool, is_tampered: bool) -> None:
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
        study = compared(world, rows, rounds, first)
        console.print(table(study), *(f"{b.promise}: {b.measured}" for b in study.bars), sep="\n")
        if keep:
            console.print(save(study))
        is_right = not first.failed + first.warned
        if is_tampered:
            is_right &= tamper(world, rows, console)
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
