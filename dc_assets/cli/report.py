"""`dc-assets report`: one load as one HTML file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dc_assets.cli.connections import open_ledger
from dc_assets.cli.said import say
from dc_assets.cli.specs import chosen_spec
from dc_assets.core.errors import ConfigError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.load_state import LoadState
from dc_assets.ledger.database import Database
from dc_assets.pages.page_files import write_whole
from dc_assets.pages.report_facts import for_machines, gathered
from dc_assets.pages.report_page import page_of
from dc_assets.views.load_history import LoadHistory

NAMED_MAX = 5

_EXAMPLE = """\b
Example:
  dc-assets report opportunities
  dc-assets report --load 3f2a --out /srv/reports/monday.html
"""


@click.command(epilog=_EXAMPLE)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option(
    "--load", "prefix", metavar="ID", help="This load; the first letters of its id are enough."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Where the page goes; report-<name>-<id>.html here if not said.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the same facts for machines; then a page is written only with --out.",
)
def report(name: str | None, *, prefix: str | None, out: Path | None, as_json: bool) -> int:
    """Write what became of a load into one HTML file: proof, times, refusals, budget, forecast.

    The newest load of LOAD, whatever sent it. Only the ledger is asked, so this works without an
    org, and while the load is still running. The file stands alone: it can be mailed or printed.
    """
    with open_ledger() as database:
        load = _chosen(database, name, prefix)
        facts = gathered(database, load)
    if out is None and not as_json:
        out = Path(f"report-{load.spec_name}-{load.load_id[:8]}.html")
    if out is not None:
        write_whole(out, page_of(facts))
        say(f"Wrote {out.absolute()}", err=as_json)
    if as_json:
        click.echo(json.dumps(for_machines(facts), indent=2))
    else:
        say(f"{facts.verdict.word}: {facts.verdict.sentence}")
    return ExitCode.PROVED


def _chosen(database: Database, name: str | None, prefix: str | None) -> LoadState:
    """Return the load that is meant: an id needs no name beside it."""
    spec_name = None if name is None and prefix is not None else chosen_spec(name).name
    history = LoadHistory(database)
    if prefix is None:
        found = history.loads_named(spec_name, "", limit=1)
        if not found:
            raise ConfigError(
                f"{spec_name} has no load in this ledger yet: dc-assets run makes one."
            )
        return found[0]
    found = history.loads_named(spec_name, prefix, limit=NAMED_MAX + 1)
    if len(found) == 1:
        return found[0]
    of = "" if spec_name is None else f" of {spec_name}"
    if not found:
        raise ConfigError(f"No load{of} has an id that begins with {prefix!r}.")
    ids = ", ".join(load.load_id for load in found[:NAMED_MAX])
    more = " and more" if len(found) > NAMED_MAX else ""
    raise ConfigError(f"Several loads{of} have ids that begin with {prefix!r}: {ids}{more}.")
