"""Measures rows a CPU second of the emulated org: `python -m benchmarks.emulator --help`.

An org of its own process is filled to each size, and then takes the same jobs a few times: rows
that are new, rows that are known by their external id, and rows that are named by their record id.
Counted is what its process burns for uploads, processing, result files, and for bringing all of it
before a query. The rows are those of one partition, in no order, in jobs of 10,000.
"""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import polars as pl

from benchmarks.figures import Bar, Figure, Study, save, table
from dc_assets_tests.emulator.driver import Client, Emulator, JSONDict, start_new, wait

JOB_ROWS = 10_000
FILL_JOB_ROWS = 200_000
PARENTS = 46_000
POLL_S, POLLS_MAX = 0.25, 2400
ANSWER_S = 600
BAR = 150_000
BEFORE = "While DuckDB found the records: about 26,000, and fewer the larger the table."


@dataclass(frozen=True, slots=True)
class Org:
    """An emulated org, and what its process burns."""

    client: Client
    emulator: Emulator

    @property
    def cpu_s(self) -> float:
        """User and system time of the process so far."""
        stat = Path(f"/proc/{self.emulator.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(") ")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def load(self, rows: pl.DataFrame, job_rows: int = JOB_ROWS, operation: str = "upsert") -> None:
        """Take rows in jobs and their result files, and bring them before a query."""
        for piece in rows.iter_slices(job_rows):
            job = self.client.open_job(operation=operation)
            sink = io.BytesIO()
            piece.write_csv(sink, quote_style="necessary")
            self.client.upload(job, sink.getvalue())
            self.client.close_job(job)
            info = self._finish(job)
            done = (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"])
            if done != ("JobComplete", piece.height, 0):
                raise click.ClickException(f"A job ended with {info}.")
            for name in ("successfulResults", "failedResults"):
                self.client.org.get(f"/jobs/ingest/{job}/{name}").raise_for_status()
        self.client.count()

    def _finish(self, job: str) -> JSONDict:
        """Poll a job as seldom as a load does: an answer costs the org as much as 100 rows."""
        for _ in range(POLLS_MAX):
            info = self.client.info(job)
            if info["state"] in {"JobComplete", "Failed", "Aborted"}:
                return info
            wait(POLL_S)
        raise click.ClickException(f"The job {job} does not end.")

    def rows_a_cpu_s(self, rows: pl.DataFrame, operation: str = "upsert") -> float:
        """What taking these rows costs, the other way round."""
        before_s = self.cpu_s
        self.load(rows, operation=operation)
        return rows.height / (self.cpu_s - before_s)


def rows_of(first: int, count: int) -> pl.DataFrame:
    """Opportunities with seven fields; a text in twenty has quotes and a comma."""
    number = pl.int_range(first, first + count, eager=True).alias("n").to_frame()
    n, padded = pl.col("n"), pl.col("n").cast(pl.String).str.zfill(8)
    cents, day = n * 7919 % 25_000_000 / 100, (n % 28 + 1).cast(pl.String).str.zfill(2)
    parent = (n * 7 % PARENTS + 1).cast(pl.String).str.zfill(7)
    told = pl.format('Said "yes", then: {}', n)
    return number.select(
        pl.format("externalOpp{}", padded).alias("External_ID__c"),
        pl.format("Opportunity {}", n).alias("Name"),
        pl.lit("Prospecting").alias("StageName"),
        cents.cast(pl.String).alias("Amount"),
        pl.format("2026-05-{}", day).alias("CloseDate"),
        pl.format("acc{}", parent).alias("Account.External_ID__c"),
        pl.when(n % 20 == 0).then(told).otherwise(pl.lit("")).alias("Description"),
    )


def shuffled(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The rows in no order, as lanes take them."""
    return rows.sample(fraction=1, shuffle=True, seed=seed)


def ids_of(org: Org, first: int, count: int) -> pl.DataFrame:
    """The record ids of rows with these numbers."""
    keys = rows_of(first, count)["External_ID__c"]
    sql = (
        'SELECT "External_ID__c", "Id" FROM "Opportunity" '  # noqa: S608  keys are made here
        f"WHERE \"External_ID__c\" BETWEEN '{keys[0]}' AND '{keys[-1]}'"
    )
    answer = org.client.admin.post("/sql", json={"store": "core", "sql": sql}, timeout=ANSWER_S)
    names = {"External_ID__c": pl.String, "Id": pl.String}
    return pl.DataFrame(answer.json()["rows"], schema=names, orient="row")


def measured(org: Org, made: int, rows: int, runs: int) -> Iterator[tuple[str, float]]:
    """Each deed with its rows a CPU second, in turns; `made` records are there before."""
    for run in range(runs):
        new, old = rows_of(made + run * rows, rows), rows_of((made - rows) // 2, rows)
        yield "insert", org.rows_a_cpu_s(shuffled(new, run))
        yield "upsert of known rows", org.rows_a_cpu_s(shuffled(old, run))
        named = ids_of(org, (made - rows) // 2, rows)
        by_id = old.join(named, on="External_ID__c").drop("External_ID__c")
        yield "update by id", org.rows_a_cpu_s(shuffled(by_id, run), "update")


Found = dict[tuple[str, int], list[float]]
"""Rows a CPU second, run by run, by what was done and the size of the table."""


def study_of(found: Found, sizes: Sequence[int]) -> Study:
    """The figures with the two bars: how fast, and how flat."""
    figures = [
        Figure(f"{deed}, {size / 1e6:g} M rows in the table", values)
        for (deed, size), values in found.items()
    ]
    slowest = min(figures, key=lambda one: one.middle)
    deeds = dict.fromkeys(deed for deed, _ in found)
    kept = {
        deed: Figure(deed, found[deed, sizes[-1]]).middle
        / Figure(deed, found[deed, sizes[0]]).middle
        for deed in deeds
    }
    flat = ", ".join(f"{deed} {share:.2f}" for deed, share in kept.items())
    return Study(
        name="emulator",
        title="The emulated org",
        unit="rows a CPU second",
        command="python -m benchmarks.emulator",
        figures=figures,
        bars=[
            Bar(f"≥ {BAR:,}", f"{slowest.middle:,.0f} ({slowest.side})", slowest.middle >= BAR),
            Bar(
                f"{sizes[-1] / 1e6:g} M ≥ 0.85 x {sizes[0] / 1e6:g} M",
                flat,
                min(kept.values()) >= 0.85,
            ),
        ],
        notes=[
            BEFORE,
            "Uploads, processing, result files, and a query at the end that sees every row.",
        ],
        packages=["duckdb", "polars"],
    )


def _all_of(org: Org, sizes: Sequence[int], rows: int, runs: int) -> Found:
    org.client.org.timeout = ANSWER_S
    org.client.admin.post("/options", json={"daily_batches_max": 10**6}).raise_for_status()
    found, made = Found(), 0
    for size in sizes:
        org.load(rows_of(made, size - made), FILL_JOB_ROWS)
        for deed, speed in measured(org, size, rows, runs):
            found.setdefault((deed, size), []).append(speed)
            click.echo(f"{size:>9,} rows  {deed:<22} {speed:>9,.0f} rows a CPU second")
        made = size + runs * rows
    return found


@click.command()
@click.option("--sizes", default="200000,1000000,5000000", show_default=True)
@click.option("--rows", default=100_000, show_default=True, help="Of each deed.")
@click.option("--runs", default=3, show_default=True)
@click.option("--keep/--no-keep", default=True, help="Save the figures.")
def main(sizes: str, rows: int, runs: int, *, keep: bool) -> None:
    """Fill an org to each size and let it take the same rows."""
    wanted = [int(size) for size in sizes.split(",")]
    with TemporaryDirectory() as folder:
        emulator = start_new(Path(folder), "--accounts", str(PARENTS), "--edition", "enterprise")
        try:
            found = _all_of(Org(Client(emulator.ready), emulator), wanted, rows, runs)
        finally:
            # Its folder of some gigabytes goes with it, which may take a while.
            emulator.process.send_signal(signal.SIGTERM)
            emulator.process.wait(ANSWER_S)
    study = study_of(found, wanted)
    click.echo(table(study))
    for bar in study.bars:
        click.echo(f"{bar.promise}: {bar.measured}: {'ok' if bar.is_held else 'MISSED'}")
    if keep:
        save(study)


if __name__ == "__main__":
    main()
