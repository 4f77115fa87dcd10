"""`dc-assets settings`: every setting, what it is, where that was found, what it means."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from dc_assets.cli.said import say
from dc_assets.core.exit_codes import ExitCode
from dc_assets.wiring.settings import read_settings, setting_lines

_EXAMPLES = """\b
Examples:
  dc-assets settings                          # as a table
  dc-assets settings --json                   # for programs
"""


@click.command(epilog=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def settings(*, as_json: bool) -> int:
    """Show every setting, its value, where it was found and its meaning.

    No secret is shown. It may stand in a file: SF_CLIENT_SECRET_FILE names the one that holds
    SF_CLIENT_SECRET, and so for every setting that is a secret.
    """
    lines = setting_lines(read_settings())
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines], indent=2))
        return ExitCode.PROVED
    table = [("setting", "value", "from", "meaning")]
    table += [(one.name, one.value or "-", one.origin, one.meaning) for one in lines]
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        say("  ".join([*cells, line[-1]]))
    return ExitCode.PROVED
