"""`dc-assets replay`: send refused rows again after their cause is fixed, or list and export them.

Why it is a partial load: `docs/adr/0013-replay-is-a-partial-load.md`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import click

from dc_assets.cli.beforehand import PRODUCTION
from dc_assets.cli.connections import FOLLOWS_S, open_ledger
from dc_assets.cli.console import Console
from dc_assets.cli.dead_letters import (
    export_dead_letters,
    for_machines,
    print_dead_letters,
    redacted,
)
from dc_assets.cli.here import followed
from dc_assets.cli.id_files import ids_in, not_refused
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import WatchedLoad, print_proof
from dc_assets.cli.run import chosen_partitions
from dc_assets.cli.specs import chosen_spec
from dc_assets.cli.stop import take_back_order
from dc_assets.core.errors import RowsPending
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import run_id_of
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.store import LoadRequest
from dc_assets.views.dead_letters import (
    DeadLetterChoice,
    OpenDeadLetters,
    partitions_of_dead_letters,
)
from dc_assets.views.partitions import LedgerViews
from dc_assets.wiring.connect import OpenLoad, open_load
from dc_assets.wiring.sign_in import login_from_environment

_EXAMPLE = """\b
Example:
  dc-assets replay opportunities --list
  dc-assets replay opportunities --code INVALID_FIELD
"""


@click.command(epilog=_EXAMPLE)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--code", "codes", multiple=True, metavar="CODE", help="Only refused with this code.")
@click.option("--id", "ids", multiple=True, metavar="EXTERNAL_ID", help="Only this row.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only rows in this file: external ids, one a line, or an edited export.",
)
@click.option("--partitions", metavar="KEYS", help="Only these, such as r1-01,r1-03.")
@click.option("--list", "as_list", is_flag=True, help="Print the dead letters and send nothing.")
@click.option(
    "--export",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them with their whole rows to a .csv or .parquet file, and send nothing.",
)
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Export a .csv whose cells no spreadsheet runs as formulas; --file reads it too.",
)
@click.option("--redact", is_flag=True, help="List or export types and lengths, not values.")
@PRODUCTION
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def replay(
    name: str | None,
    *,
    codes: Sequence[str],
    ids: Sequence[str],
    file: Path | None,
    partitions: str | None,
    as_list: bool,
    export: Path | None,
    spreadsheet: bool,
    redact: bool,
    production: bool,
    as_json: bool,
) -> int:
    """Send the refused rows of LOAD again, as the source has them now, and print the proof.

    A row counts as refused while its dead letter is the latest outcome of it since the last
    full load began. Fix the cause first.
    """
    spec = chosen_spec(name)
    if redact and not (as_list or export):
        raise click.UsageError("--redact goes with --list or --export.")
    if spreadsheet and (export is None or export.suffix.lower() != ".csv"):
        raise click.UsageError("--spreadsheet goes with --export FILE.csv.")
    wanted = {*ids, *(ids_in(file) if file else ())}
    choice = DeadLetterChoice(
        partition_keys=None if partitions is None else chosen_partitions(spec, partitions),
        codes=codes or None,
        external_ids=wanted or None,
    )
    with open_ledger(bears_s=FOLLOWS_S) as database:
        if wanted:
            _say_not_refused(OpenDeadLetters(database, spec.name), wanted, Console(stderr=as_json))
        if as_list or export:
            return _show(
                spec, database, choice, _Show(as_list, export, spreadsheet, redact, as_json)
            )
        request = LoadRequest(production=production)
        return _replay(spec, database, choice, request, as_json=as_json)


def _say_not_refused(dead_letters: OpenDeadLetters, wanted: set[str], console: Console) -> None:
    """Say which ids name no refused row: a mistyped one is not passed over in silence."""
    refused = {
        one.external_id for one in dead_letters.chosen(DeadLetterChoice(external_ids=wanted))
    }
    said = not_refused(wanted, refused)
    if said is not None:
        console.print(said, style="yellow", soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Show:
    as_list: bool
    export: Path | None
    spreadsheet: bool
    redact: bool
    as_json: bool


def _show(spec: LoadSpec, database: Database, choice: DeadLetterChoice, show: _Show) -> ExitCode:
    """List or export the dead letters; the org is not asked."""
    console = Console(stderr=show.as_json)
    dead_letters = OpenDeadLetters(database, spec.name).chosen(choice)
    if show.redact:
        dead_letters = [redacted(letter, spec) for letter in dead_letters]
    if show.export is not None:
        export_dead_letters(show.export, dead_letters, spreadsheet=show.spreadsheet)
        console.print(
            f"Wrote {len(dead_letters):,} dead letters to {show.export}.",
            soft_wrap=True,
        )
    if show.as_list and show.as_json:
        click.echo(json.dumps([for_machines(letter) for letter in dead_letters], indent=2))
    elif show.as_list:
        print_dead_letters(console, spec, dead_letters)
    return ExitCode.PROVED


@dataclass(slots=True)
class _Replayed:
    """What came of a replay so far."""

    keys: list[str] = field(default_factory=list[str])
    landed: int = 0
    refused: int = 0
    gone: int = 0
    left: int = 0
    failures: list[str] = field(default_factory=list[str])


def _replay(
    spec: LoadSpec,
    database: Database,
    choice: DeadLetterChoice,
    request: LoadRequest,
    *,
    as_json: bool,
) -> ExitCode:
    console = Console(stderr=as_json)
    dead_letters = OpenDeadLetters(database, spec.name)
    keys = {*dead_letters.unfinished(), *partitions_of_dead_letters(dead_letters.chosen(choice))}
    keys &= set(spec.ranges)
    if not keys:
        return _nothing(console, as_json=as_json)
    take_back_order(console, StopOrders(database, spec.name), spec.name)
    load = WatchedLoad(spec, sorted(keys), LedgerViews(database, spec.name), console)
    login = login_from_environment()
    outcomes: list[CheckOutcome] = []
    note, run_id = noted_on_stderr(), run_id_of("replay")
    with (
        followed(load),
        open_load(spec, login, run_id=run_id, note=note, mode="replay") as opened,
    ):
        done = _send(opened, choice, request)
        for key in done.keys:
            outcomes += opened.checked(key)
    if not done.keys:  # what is left is of another org
        return _nothing(console, as_json=as_json)
    _print_end(console, done)
    watched = WatchedLoad(spec, done.keys, load.views, console)
    code = print_proof(watched, outcomes)
    if as_json:
        checks = [{**asdict(o), "severity": o.severity.value} for o in outcomes]
        click.echo(json.dumps({**asdict(done), "checks": checks}, indent=2))
    if code is ExitCode.PROVED and (done.left or done.failures):
        return ExitCode.UNEXPLAINED
    return ExitCode.REFUSED_ROWS if code is ExitCode.PROVED and done.refused else code


def _nothing(console: Console, *, as_json: bool) -> ExitCode:
    console.print("Nothing to replay.")
    if as_json:
        click.echo(json.dumps({**asdict(_Replayed()), "checks": []}, indent=2))
    return ExitCode.PROVED


def _send(opened: OpenLoad, choice: DeadLetterChoice, request: LoadRequest) -> _Replayed:
    """Finish a replay that was killed, then send what is meant until nothing of it is left.

    Rows refused again while the command runs have newer dead letters and are not sent a third time.
    """
    dead_letters, done = opened.dead_letters, _Replayed()
    began_s = dead_letters.now_s()
    send = partial(_send_partition, opened, request, done)
    ranges = opened.spec.ranges
    for key in dead_letters.unfinished():
        if key in ranges:
            chosen = dead_letters.chosen(choice, until=began_s)
            ids = [one.external_id for one in chosen if one.partition_key == key]
            send(key, ids)
    before: set[tuple[str, str]] = set()
    while True:
        chosen = [
            x for x in dead_letters.chosen(choice, until=began_s) if x.partition_key in ranges
        ]
        left = {(letter.partition_key, letter.external_id) for letter in chosen}
        if not left or left == before:
            done.left = len(left)
            return done
        before = left
        for key in partitions_of_dead_letters(chosen):
            send(key, [i for k, i in left if k == key])


def _send_partition(
    opened: OpenLoad, request: LoadRequest, done: _Replayed, key: str, ids: Sequence[str]
) -> None:
    if key not in done.keys:
        done.keys.append(key)
    try:
        loaded = opened.load(key, request, wanted=ids)
    except RowsPending as error:
        done.failures.append(str(error))
        return
    done.landed += loaded.totals.landed
    done.refused += loaded.totals.refused
    replayed = opened.dead_letters.replayed_by(loaded.load_id, key)
    done.gone += max(0, replayed - (loaded.totals.selected or 0))


def _print_end(console: Console, done: _Replayed) -> None:
    for failure in done.failures:
        console.print(failure, style="red")
    console.print(
        f"Replayed: {done.landed:,} rows landed, {done.refused:,} were refused again.",
    )
    if done.gone:
        console.print(f"{done.gone:,} rows are no longer in the source.")
    if done.left:
        console.print(f"{done.left:,} rows could not be sent again.")
