"""Measures what writing rows costs us, beside a bare loop: `python -m benchmarks.write --help`.

Each side is a program of `benchmarks.writers` and gets an emulated org of its own, in turns. What
counts is its CPU behind its imports; `benchmarks.end_to_end` counts whole processes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import polars as pl
import yaml

from benchmarks.figures import Bar, Figure, Study, save, table
from dc_assets.ledger.database import Database
from dc_assets_tests.acceptance.stage import Org, emulated_org, environment_of, short_folder
from dc_assets_tests.fakes.ledgers import ABOUT_ALL, KEYS, OpenLedger, new_batch, settlement
from dc_assets_tests.foreign.node import installed
from dc_assets_tests.proof.world import opportunities

WRITERS = Path(__file__).with_name("writers")
FILE_ROWS = 10_000
BARE, OURS = "bare loop", "dc_assets"
SIMPLE, JSFORCE = "simple-salesforce", "jsforce"
PACKAGES = ("httpx", "polars", "sqlalchemy")
RATIO_MAX = 1.8
LEDGER_BYTES_MAX = 120
LEDGER_ROWS, LEDGER_JOBS = 2_000_000, 225
RECEIPT_BYTES_MAX = 15
BARE_DOES = (
    "The bare loop sends files of 10,000 rows that are CSV already, one after the other, and keeps "
    "one Parquet file of receipts; it has no ledger, no lanes and no retries."
)
OURS_DOES = (
    "Ours begins with pages on disk: it cuts lanes and batches, sends, settles each row, and keeps "
    "receipts in the ledger"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What one process of a side took.

    Attributes:
        cpu_s: behind its imports, as it says itself.
        whole_cpu_s: from its start to its end, as the system says.
        receipt_bytes: of the ledger's pages with receipts; None of who has none.
    """

    cpu_s: float
    whole_cpu_s: float
    jobs: int
    calls: int
    receipt_bytes: int | None


def sides() -> Mapping[str, Callable[[Path], Sequence[str]]]:
    """Return the command of each side that this machine has, by a folder of rows."""
    found: dict[str, Callable[[Path], Sequence[str]]] = {
        BARE: lambda folder: [sys.executable, str(WRITERS / "bare.py"), str(folder)],
        SIMPLE: lambda folder: [sys.executable, str(WRITERS / "simple.py"), str(folder)],
        OURS: lambda folder: [
            sys.executable,
            "-m",
            "benchmarks.writers.ours",
            "write",
            str(folder),
        ],
    }
    if modules := installed("jsforce"):
        node = str(modules / "node" / "bin" / "node")
        found[JSFORCE] = lambda folder: [node, str(_beside(folder, modules)), str(folder)]
    return found


def _beside(folder: Path, modules: Path) -> Path:
    """Put the program of Node where it finds its package."""
    (folder / "node_modules").symlink_to(modules)
    return Path(shutil.copy(WRITERS / "jsforce.mjs", folder))


def measured(side: str, rows: int) -> Written:
    """Let one side write rows into an org of its own.

    Raises:
        AssertionError: not all rows landed, or the org does not hold each once.
    """
    seeding = ("--opportunities", str(rows), "--accounts", str(rows // 10))
    with (
        short_folder() as folder,
        emulated_org(folder, *seeding, "--edition", "enterprise") as org,
    ):
        environment = {**os.environ, **environment_of(folder), **_settings(folder, rows)}
        if side == OURS:
            read = (sys.executable, "-m", "benchmarks.writers.ours", "read", str(folder))
            _ran(read, environment)
        else:
            _write_files(folder, rows)
        calls = _calls(org)
        told, whole_cpu_s = _ran(sides()[side](folder), environment)
        [held] = org.sql('SELECT count(DISTINCT "External_ID__c"), count(*) FROM "Opportunity"')
        assert (told["rows"], *held) == (rows, rows, rows), f"{side}: {told}, org: {held}"
        [[jobs]] = org.sql("SELECT count(DISTINCT job_id) FROM journal_keys")
        receipts = _pages(folder / "data" / "ledger.db")[1] if side == OURS else None
        return Written(told["cpu_s"], whole_cpu_s, jobs, _calls(org) - calls, receipts)


def _calls(org: Org) -> int:
    return sum(org.ask("calls")["calls"].values())


def _settings(folder: Path, rows: int) -> dict[str, str]:
    """Write the load spec; return what points the product at its folder."""
    (folder / "loads").mkdir()
    spec: dict[str, Any] = {**opportunities(rows), "profile": {}}
    (folder / "loads" / "opportunities.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    return {
        "DC_ASSETS_DATA": str(folder / "data"),
        "DC_ASSETS_LOADS": str(folder / "loads"),
        "PYTHONPATH": str(WRITERS.parent.parent),
    }


def _write_files(folder: Path, rows: int) -> None:
    """Write the rows of a folder as payloads, and as one file of CSV."""
    number = pl.int_range(1, rows + 1, eager=True)
    text = number.cast(pl.String)
    frame = pl.DataFrame(
        {
            "External_ID__c": "externalOpp" + text.str.zfill(7),
            "Name": "Opportunity " + text,
            "StageName": pl.select(
                pl.when(number % 3 == 0).then(pl.lit("Closed Won")).otherwise(pl.lit("Prospecting"))
            ).to_series(),
            "Amount": (number % 99_999 + 100).cast(pl.String),
            "CloseDate": pl.select(pl.lit("2026-03-31").repeat_by(rows).explode()).to_series(),
            "Account.External_ID__c": "acc"
            + (number % (rows // 10) + 1).cast(pl.String).str.zfill(7),
            "Description": "Description of " + text,
        }
    ).sort("Account.External_ID__c", "External_ID__c")
    frame.write_csv(folder / "rows.csv")
    for part in range(0, rows, FILE_ROWS):
        frame.slice(part, FILE_ROWS).write_csv(folder / f"rows-{part:09d}.csv")


def _ran(command: Sequence[str], environment: Mapping[str, str]) -> tuple[dict[str, float], float]:
    """Run a program; return what it told, and its CPU seconds as a whole."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole_cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.splitlines()[-1]), whole_cpu_s


def _pages(ledger: Path) -> tuple[int, int]:
    """Return the bytes of a ledger's pages without those of receipts, and of receipts."""
    with sqlite3.connect(ledger) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = connection.execute(
            "SELECT coalesce(tbl_name = 'receipt', 0) AS is_receipt, sum(pgsize) "
            "FROM dbstat LEFT JOIN sqlite_schema USING (name) GROUP BY 1 ORDER BY 1"
        )
        (_, others), (_, receipts) = found.fetchall()
    return others, receipts


def ledger_bytes(rows: int, jobs: int) -> int:
    """Return what a ledger takes for a load of so many rows in so many jobs, receipts apart.

    The whole file, tables without a line too, after every batch went through all of its states.
    """
    with short_folder() as folder:
        database = Database(f"sqlite:///{folder / 'ledger.db'}")
        ledger = OpenLedger(database, "", "00D000000000001EAA")
        for key in KEYS:
            ticket, store = ledger.ticket(key, request=ABOUT_ALL), ledger.batches()
            size = rows // jobs
            batches = [new_batch(lane, size) for lane in range(jobs // len(KEYS))]
            for batch_id in ledger.planned(ticket, *batches):
                ledger.uploaded(ticket, batch_id)
                store.settled(ticket, settlement(batch_id, size))
        database.close()
        return _pages(folder / "ledger.db")[0]


def in_turns(names: Sequence[str], rows: int, rounds: int) -> dict[str, list[Written]]:
    """Let all sides write in turns, and say each figure as soon as it is known."""
    found: dict[str, list[Written]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            one = measured(name, rows)
            found[name].append(one)
            print(  # noqa: T201
                f"{name:18} {one.cpu_s:6.2f} s, {one.whole_cpu_s:6.2f} s with its start, "
                f"{one.jobs} jobs, {one.calls} calls"
            )
    return found


def bars(found: Mapping[str, Sequence[Written]], rows: int) -> list[Bar]:
    """Hold what was measured against what was promised."""
    bare, ours = (Figure(name, [one.cpu_s for one in found[name]]) for name in (BARE, OURS))
    ratio = ours.middle / bare.middle
    receipts = found[OURS][-1].receipt_bytes
    assert receipts is not None
    kept = 1000 * ledger_bytes(LEDGER_ROWS, LEDGER_JOBS) / LEDGER_ROWS
    return [
        Bar(f"CPU at most {RATIO_MAX} x the bare loop", f"{ratio:.2f} x", ratio <= RATIO_MAX),
        Bar(
            f"ledger at most {LEDGER_BYTES_MAX} bytes a thousand rows, receipts apart",
            f"{kept:.0f} for {LEDGER_ROWS:,} rows in {LEDGER_JOBS} jobs",
            kept <= LEDGER_BYTES_MAX,
        ),
        Bar(
            f"receipts at most {RECEIPT_BYTES_MAX} bytes a row",
            f"{receipts / rows:.2f} where external ids are numbers",
            receipts / rows <= RECEIPT_BYTES_MAX,
        ),
    ]


def study_of(found: Mapping[str, Sequence[Written]], rows: int, rounds: int) -> Study:
    """Return what was measured of a bare loop and of us."""
    last = found[OURS][-1]
    return Study(
        name="write",
        title=f"Writing {rows:,} rows",
        unit="CPU seconds behind the imports",
        command=f"python -m benchmarks.write --rows {rows} --rounds {rounds}",
        figures=[Figure(name, [one.cpu_s for one in found[name]]) for name in (BARE, OURS)],
        bars=bars(found, rows),
        notes=[BARE_DOES, f"{OURS_DOES} ({last.jobs} jobs, {last.calls} calls)."],
        packages=PACKAGES,
    )


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(10_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(*, rows: int, rounds: int) -> None:
    """Write ROWS emulated opportunities by a bare loop and by us, in turns."""
    study = study_of(in_turns([BARE, OURS], rows, rounds), rows, rounds)
    save(study)
    print(table(study))  # noqa: T201
    for bar in study.bars:
        print(f"{'held' if bar.is_held else 'MISSED'}: {bar.promise}: {bar.measured}")  # noqa: T201


if __name__ == "__main__":
    main()
