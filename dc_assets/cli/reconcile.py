"""`dc-assets reconcile`: the asset checks, without Dagster and without loading anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from dc_assets.cli.console import Console
from dc_assets.cli.last_checks import print_verdicts
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import print_checks, print_rewritten
from dc_assets.cli.run import chosen_partitions
from dc_assets.cli.specs import chosen_spec
from dc_assets.core.checks import check_descriptions
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.core.standing import Verdict, verdict_of_checks
from dc_assets.core.verdicts import CheckOutcome, Severity, rewritten_in
from dc_assets.wiring.connect import open_load
from dc_assets.wiring.sign_in import login_from_environment

_EXAMPLES = """\b
Examples:
  dc-assets reconcile opportunities
  dc-assets reconcile opportunities --partitions r1-02 --json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--partitions", metavar="KEYS", help="Only these, such as r1-01,r1-03.")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def reconcile(name: str | None, *, partitions: str | None, as_json: bool) -> int:
    """Compare both sides of LOAD: counts, keys, values. Nothing is written.

    These are the checks that Dagster shows. What they find is printed with the command that
    repairs it; a Parquet file with all of it is named.
    """
    spec = chosen_spec(name)
    keys = chosen_partitions(spec, partitions)
    console = Console()
    outcomes: list[CheckOutcome] = []
    login = login_from_environment()
    with open_load(spec, login, run_id="reconcile", note=noted_on_stderr()) as opened:
        for key in keys:
            if not as_json:
                console.print(f"{key} …")
            outcomes += opened.checked(key)
    if as_json:
        lines = [{**asdict(o), "severity": o.severity.value} for o in outcomes]
        click.echo(json.dumps(lines, indent=2))
    else:
        print_checks(console, keys, outcomes)
        print_rewritten(console, rewritten_in(outcomes))
        console.print()
        print_verdicts(console, {key: _verdict_of(spec, key, outcomes) for key in keys})
    return _code_of(outcomes)


def _verdict_of(spec: LoadSpec, key: str, outcomes: Sequence[CheckOutcome]) -> Verdict:
    of_partition = [one for one in outcomes if one.partition_key == key]
    return verdict_of_checks(of_partition, list(check_descriptions(spec)))


def _code_of(outcomes: Sequence[CheckOutcome]) -> ExitCode:
    severities = {outcome.severity for outcome in outcomes}
    if not all(severity.is_good for severity in severities):
        return ExitCode.UNEXPLAINED
    return ExitCode.REFUSED_ROWS if Severity.WARN in severities else ExitCode.PROVED
