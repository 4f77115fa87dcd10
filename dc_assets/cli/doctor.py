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
from dc_assets.wiring.doctor.checklist import checklist as checklist_of
from dc_assets.wiring.doctor.examine import examined
from dc_assets.wiring.doctor.subject import Subject
from dc_assets.wiring.settings import loads_folder, read_settings

STYLES = {State.OK: "green", State.WARN: "yellow", State.RED: "bold red", State.NOT_ASKED: "dim"}
STATE_CHARS = max(len(state) for state in State)

_EXAMPLES = """\b
Examples:
  dc-assets doctor                            # what all loads need
  dc-assets doctor opportunities              # and what this one needs
  dc-assets doctor opportunities --checklist  # what is left before it goes live
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--checklist", is_flag=True, help="Show what is left before LOAD goes live.")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def doctor(name: str | None, *, checklist: bool, as_json: bool) -> int:
    """Look at everything that a load needs, from the settings to its last query.

    Settings, hosts, sign-in, scopes, API version, the integration user's permissions, limits, data
    space, ledger, data folder and Dagster; with LOAD its objects, fields and every form of query
    it sends, with LIMIT 0. One line each: what was seen, and below it what helps. What waits for
    something red is not asked, so one broken thing is one red line.

    Nothing is changed: no job is opened, no row is sent, and no secret is shown.
    """
    if checklist and name is None:
        raise click.UsageError("--checklist is about one load: dc-assets doctor LOAD --checklist")
    with ExitStack() as cleanup:
        subject = _subject(name, cleanup)
        lines = examined(subject)
        if not checklist:
            return _printed_as_json(list(lines)) if as_json else _printed(lines)
        return _checked(subject, list(lines), as_json=as_json)


def _checked(subject: Subject, lines: Sequence[Line], *, as_json: bool) -> ExitCode:
    """Print the checklist; what is red stands above it."""
    code = exit_code_of(lines)
    if subject.load is None:
        return _printed(lines)
    items = checklist_of(subject, lines)
    if as_json:
        told = {"is_ready": code is ExitCode.PROVED, "checklist": [asdict(one) for one in items]}
        click.echo(json.dumps(told, indent=2))
        return code
    console = Console(soft_wrap=True)
    if reds := [line for line in lines if line.state is State.RED]:
        _printed(reds)
    for item in items:
        console.print(f"[{'x' if item.is_ticked else ' '}] {item.text}: {item.seen}")
        if not item.is_ticked:
            console.print(f"    {item.command}")
    console.print(f"\n{sum(one.is_ticked for one in items)} of {len(items)} are measured")
    return code


def _subject(name: str | None, cleanup: ExitStack) -> Subject:
    try:
        read_settings()
    except ConfigError:  # the first examination says it
        return Subject([], None, [], cleanup)
    load = None if name is None else spec_named(name)
    folder = read_folder_so_far(loads_folder())
    specs = list(folder.specs.values()) if load is None else [load]
    return Subject(specs, load, list(folder.broken.values()), cleanup)


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
