"""`dc-assets doctor`: is everything in place that a load needs, and what helps if not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict

import click

from dc_assets.cli.console import Console
from dc_assets.cli.specs import spec_named
from dc_assets.core.errors import ConfigError
from dc_assets.core.examination import Line, State, exit_code_of
from dc_assets.core.exit_codes import ExitCode
from dc_assets.load.spec_files import read_folder_so_far
from dc_assets.wiring.settings import loads_folder, read_settings

STYLES = {State.OK: "green", State.WARN: "yellow", State.RED: "bold red", State.NOT_ASKED: "dim"}
STATE_CHARS = max(len(state) for state in State)

_EXAMPLES = """\b
Examples:
  dc-assets doctor                            # what all loads need
  dc-assets doctor opportunities              # and what this one needs
  dc-assets doctor --json                     # for machines
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def doctor(name: str | None, *, as_json: bool) -> int:
    """Look at everything that a load needs, from the settings to its last query.

    Settings, hosts, sign-in, scopes, API version, the integration user's permissions, limits, data
    space, ledger, data folder and Dagster; with LOAD its objects, fields and every form of query
    it sends, with LIMIT 0. One line each: what was seen, and below it what helps. What waits for
    something red is not asked, so one broken thing is one red line.

    Nothing is changed: no job is opened, no row is sent, and no secret is shown.
    """
    with ExitStack() as cleanup:
        lines = _lines(name, cleanup)
        if as_json:
            return _printed_as_json(list(lines))
        return _printed(lines)


def _lines(name: str | None, cleanup: ExitStack) -> Iterable[Line]:
    from dc_assets.wiring.doctor.examine import examined  # noqa: PLC0415 - help needs none of it
    from dc_assets.wiring.doctor.subject import Subject  # noqa: PLC0415 - likewise

    try:
        read_settings()
    except ConfigError:  # the first examination says it
        return examined(Subject([], None, [], cleanup))
    load = None if name is None else spec_named(name)
    folder = read_folder_so_far(loads_folder())
    specs = list(folder.specs.values()) if load is None else [load]
    return examined(Subject(specs, load, list(folder.broken.values()), cleanup))


def _printed(lines: Iterable[Line]) -> ExitCode:
    console, shown = Console(soft_wrap=True), list[Line]()
    width = 20
    for line in lines:
        shown.append(line)
        console.print(
            f"{line.state:<{STATE_CHARS}}  {line.area:<{width}} {line.seen}",
            style=STYLES[line.state],
        )
        if line.remedy and line.state is not State.OK:
            console.print(f"{'':<{STATE_CHARS}}  {'':<{width}} {line.remedy}")
    console.print(_sum(shown))
    return exit_code_of(shown)


def _sum(lines: Sequence[Line]) -> str:
    counted = [(state, sum(line.state is state for line in lines)) for state in State]
    return "\n" + ", ".join(f"{number} {state}" for state, number in counted if number)


def _printed_as_json(lines: Sequence[Line]) -> ExitCode:
    code = exit_code_of(lines)
    told = {"is_ready": code is ExitCode.PROVED, "lines": [asdict(line) for line in lines]}
    click.echo(json.dumps(told, indent=2))
    return code
