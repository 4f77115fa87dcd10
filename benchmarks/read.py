"""Measures what reading a source costs by each query API: `python -m benchmarks.read --help`.

An emulated tenant is filled, and one range of all its rows is read by Query API V2 and by V3, in
turns, in this process, so that its CPU is that of the reader alone. All rows must be the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import click
from rich.console import Console
from rich.table import Table

from dc_assets.core.ranges import IdRange
from dc_assets.core.run_events import unheard
from dc_assets.core.source_spec import QueryAPIName
from dc_assets.core.spec import LoadSpec
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.session import OrgSession
from dc_assets_tests.acceptance.stage import Org, emulated_org, short_folder
from dc_assets_tests.proof.world import opportunities

APIS: Sequence[QueryAPIName] = ("v2", "v3")
CALLS = ("data_cloud_query", "data_cloud_batch")


@dataclass(frozen=True)
class Reading:
    """One reading of all rows.

    Attributes:
        digest: of the rows in their order.
    """

    rows: int
    pages: int
    cpu_s: float
    wall_s: float
    calls: int
    digest: int


def read_all(org: Org, tenant: Host, spec: LoadSpec) -> Reading:
    """Read all rows of a spec, and forget each page at once."""
    calls = sum(map(org.calls, CALLS))
    rows = pages = digest = 0
    cpu_s = 0.0
    started_s = time.monotonic()
    found = DataCloudSource(tenant, spec).pages(IdRange(None, None))
    while True:
        before_s = time.process_time()
        page = next(found, None)
        cpu_s += time.process_time() - before_s
        if page is None:
            break
        rows, pages = rows + page.height, pages + 1
        digest = crc32(page.write_csv(include_header=False).encode(), digest)
    wall_s = time.monotonic() - started_s
    return Reading(rows, pages, cpu_s, wall_s, sum(map(org.calls, CALLS)) - calls, digest)


def by_api(rows: int) -> dict[QueryAPIName, LoadSpec]:
    """Return a spec of each API."""
    spec = LoadSpec.model_validate_json(json.dumps(opportunities(rows)))
    specs: dict[QueryAPIName, LoadSpec] = {}
    for api in APIS:
        source = spec.source.model_copy(update={"api": api})
        specs[api] = spec.model_copy(update={"source": source})
    return specs


def best(readings: Sequence[Reading]) -> Reading:
    """Return the one that took least CPU: what else the machine does only adds to it."""
    return min(readings, key=lambda one: one.cpu_s)


def shown(readings: dict[QueryAPIName, list[Reading]], console: Console) -> None:
    """Print the best reading of each API, and their ratio."""
    table = Table("API", "rows", "pages", "calls", "CPU s", "CPU s per million", "rows/s", "wall s")
    for api, all_of_it in readings.items():
        one = best(all_of_it)
        table.add_row(
            api,
            f"{one.rows:,}",
            f"{one.pages}",
            f"{one.calls}",
            f"{one.cpu_s:.2f}",
            f"{one.cpu_s / one.rows * 1e6:.2f}",
            f"{one.rows / one.wall_s:,.0f}",
            f"{one.wall_s:.2f}",
        )
    console.print(table)
    v2, v3 = (best(readings[api]).cpu_s for api in APIS)
    console.print(f"CPU of the reader by V3: {v3 / v2:.2f} of that by V2.")


@click.command()
@click.option("--rows", default=500_000, show_default=True, type=click.IntRange(1_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(*, rows: int, rounds: int) -> None:
    """Read ROWS emulated opportunities by both APIs, in turns, and compare them."""
    console = Console(width=120, highlight=False)
    seeding = ("--opportunities", str(rows), "--accounts", str(max(1, rows // 10)))
    readings: dict[QueryAPIName, list[Reading]] = {api: [] for api in APIS}
    with short_folder() as folder, emulated_org(folder, *seeding) as org:
        names = ("base_url", "client_id", "client_secret")
        login = Login(ClientCredentials(*(org.ready[name] for name in names)))
        with OrgSession.connect(login, sleep=time.sleep, note=unheard) as session:
            tenant = session.tenant()
            with tenant.client:
                for _ in range(rounds):
                    for api, spec in by_api(rows).items():
                        readings[api].append(read_all(org, tenant, spec))
    shown(readings, console)
    digests = {one.digest for all_of_it in readings.values() for one in all_of_it}
    if len(digests) > 1 or {one.rows for one in readings["v3"]} != {rows}:
        raise click.ClickException("The rows are not the same, or not all.")


if __name__ == "__main__":
    main()
