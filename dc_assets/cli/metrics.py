"""`dc-assets metrics`: the ledger's numbers for Prometheus."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import click
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dc_assets.cli.connections import open_ledger
from dc_assets.cli.said import say
from dc_assets.core.errors import ConfigError, DcError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.ledger.database import Database
from dc_assets.load.spec_files import read_folder
from dc_assets.views.metrics import GAUGES, LedgerMetrics
from dc_assets.wiring.settings import loads_folder

PREFIX = "dc_assets_"
UP = "ledger_up"

_EXAMPLES = """\b
Examples:
  dc-assets metrics --port 9464               # for a scrape of 127.0.0.1:9464/metrics
  dc-assets metrics --once                    # for a file of node_exporter
"""


@click.command(epilog=_EXAMPLES)
@click.option("--port", type=click.IntRange(1, 65535), help="Serve /metrics until Ctrl-C.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; the numbers have no secret and no value of a row.",
)
@click.option("--once", is_flag=True, help="Print the numbers once and end.")
def metrics(*, port: int | None, host: str, once: bool) -> int:
    """Tell Prometheus what the ledger knows of every load of the folder.

    The numbers are read when they are asked for. They are of the newest load of each partition;
    docs/metrics.md lists them. It asks no org and writes nothing.
    """
    if once == (port is not None):
        raise click.UsageError("Say --port NUMBER to serve the numbers, or --once to print them.")
    with open_ledger(bears_s=0) as database:
        registry = CollectorRegistry()
        collector = LedgerCollector(database)
        registry.register(collector)
        if port is None:
            collector.refuse_an_absent_ledger()
            sys.stdout.write(generate_latest(registry).decode())
            return ExitCode.PROVED
        try:
            start_http_server(port, addr=host, registry=registry)
        except OSError as error:
            raise ConfigError(
                f"Nothing can listen on {host}:{port}: {error.strerror}. Name another --port."
            ) from error
        say(f"Metrics at http://{host}:{port}/metrics. Ctrl-C ends it.", err=True)
        threading.Event().wait()
    return ExitCode.PROVED


class LedgerCollector(Collector):
    """Reads the ledger when Prometheus asks; one that is away is a number too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[GaugeMetricFamily]:
        """Name the gauges without asking the ledger for one."""
        return list(_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge with its lines."""
        families = _families()
        try:
            self._fill(families)
        except DcError:
            families = _families()
            families[UP].add_metric((), 0)
        else:
            families[UP].add_metric((), 1)
        yield from families.values()

    def refuse_an_absent_ledger(self) -> None:
        """Raise what a scrape would tell as a number: a file without numbers helps nobody."""
        self._fill(_families())

    def _fill(self, families: dict[str, GaugeMetricFamily]) -> None:
        specs = list(read_folder(loads_folder()).specs.values())
        for sample in LedgerMetrics(self._database, specs).samples():
            families[sample.gauge].add_metric(sample.labels, sample.value)


def _families() -> dict[str, GaugeMetricFamily]:
    families = {
        name: GaugeMetricFamily(f"{PREFIX}{name}", gauge.meaning, labels=gauge.labels)
        for name, gauge in GAUGES.items()
    }
    families[UP] = GaugeMetricFamily(f"{PREFIX}{UP}", "1 if the ledger answered", labels=())
    return families
