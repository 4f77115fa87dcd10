"""`dc-assets restore`: write records back as they were before a load overwrote them.

Why it is a load of its own: `docs/adr/0057-a-restore-is-a-load.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import click

from dc_assets.cli.beforehand import PRODUCTION
from dc_assets.cli.cleanup import refuse_running
from dc_assets.cli.connections import FOLLOWS_S, open_ledger
from dc_assets.cli.console import Console
from dc_assets.cli.here import followed
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import WatchedLoad, numbers_table, print_checks, print_refusals
from dc_assets.cli.specs import chosen_spec, refuse_other_name
from dc_assets.cli.stop import take_back_order
from dc_assets.core.durations import utc_text
from dc_assets.core.errors import ConfigError, RowsPending
from dc_assets.core.exit_codes import ExitCode, exit_code
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import run_id_of
from dc_assets.ledger.receipts import DoubtfulReceipt
from dc_assets.ledger.snapshots import KeptSnapshot, SnapshotRecords
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.restore import Restorable
from dc_assets.load.store import LoadRequest
from dc_assets.views.partitions import LedgerViews
from dc_assets.views.receipts import CreatedRecords
from dc_assets.wiring.restore import OpenRestore, Overwritten, open_restore, overwritten
from dc_assets.wiring.sign_in import login_from_environment

_EXAMPLE = """\b
Example:
  dc-assets restore opportunities                           # shows what would be written back
  dc-assets restore opportunities --confirm opportunities   # writes it back, and proves it
"""


@click.command(epilog=_EXAMPLE)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option(
    "--load",
    "load_id",
    metavar="ID",
    help="The snapshot of this load, else the newest; the first letters of its id are enough.",
)
@click.option("--confirm", metavar="NAME", help="Do it; NAME is the load's name once more.")
@PRODUCTION
def restore(name: str | None, *, load_id: str | None, confirm: str | None, production: bool) -> int:
    """Write records back as they were before LOAD overwrote them. Without --confirm: show.

    It takes the newest snapshot that is not restored yet, or that of --load; a restored one by
    --load only. Only records that a load wrote since and that differ from the snapshot are sent,
    by their record ids: nothing is created, and a record that was deleted stays so. Unfinished
    loads are given up. Give the command again after any failure: it goes on where it stopped. What
    loads created is left to the command cleanup. What triggers, flows and mails did is undone by
    neither. What makes snapshots: dc-assets run --snapshot.
    """
    spec = chosen_spec(name)
    refuse_other_name(spec, confirm)
    console = Console()
    with open_ledger(bears_s=FOLLOWS_S) as database:
        every = SnapshotRecords(database, spec.name).all()
        kept = _chosen(spec, every, load_id)
        refuse_running(spec, StopOrders(database, spec.name), "Nothing is restored")
        _print_snapshots(console, every)
        if not kept:
            _print_none_due(console, spec)
            return ExitCode.PROVED
        found = overwritten(database, spec, kept)
        if not any(found.rows.values()):
            if confirm is not None:
                _note_untouched(database, found)
            console.print(f"Load {kept[0].load_id[:12]} overwrote no record: nothing to restore.")
            return ExitCode.PROVED
        if confirm is None:
            return _preview(console, database, found)
        keys = [key for key, rows in found.rows.items() if rows]
        request = LoadRequest(partition_keys=keys, production=production)
        return _restore(console, database, found, request)


def _chosen(
    spec: LoadSpec, every: Sequence[KeptSnapshot], prefix: str | None
) -> Sequence[KeptSnapshot]:
    """Return the snapshots of one load; none if nobody named one and all are restored."""
    if not every:
        raise ConfigError(
            f"No load of {spec.name} took a snapshot: nothing can be restored. A load takes one "
            f"before it overwrites: dc-assets run {spec.name} --snapshot"
        )
    ids = list(dict.fromkeys(one.load_id for one in every))
    if prefix is not None:
        ids = [one for one in ids if one.startswith(prefix)]
        if len(ids) != 1:
            count = "no snapshot of a load" if not ids else f"snapshots of {len(ids)} loads"
            raise ConfigError(f"{spec.name} has {count} whose id begins with {prefix!r}.")
    else:
        ids = [one.load_id for one in every if one.restored_at is None and one.file.rows]
    return [one for one in every if one.load_id in ids[:1]]


def _print_none_due(console: Console, spec: LoadSpec) -> None:
    """Say why nothing is picked: what was restored is picked again by its id only."""
    console.print(
        "Every snapshot that holds records is restored, and no load wrote since: nothing to do. "
        f"To go back to one of them all the same: dc-assets restore {spec.name} --load ID",
        soft_wrap=True,
    )


def _print_snapshots(console: Console, every: Sequence[KeptSnapshot]) -> None:
    table = numbers_table("load", "partitions", "records saved")
    for title in ("mode", "org", "taken", "restored"):
        table.add_column(title)
    for load_id in dict.fromkeys(one.load_id for one in every):
        its = [one for one in every if one.load_id == load_id]
        filled = [one for one in its if one.file.rows]
        done = sum(one.restored_at is not None for one in filled)
        progress = f"{done} of {len(filled)}" if done else "no"
        table.add_row(
            load_id[:12],
            str(len(its)),
            f"{sum(one.file.rows for one in its):,}",
            its[0].mode,
            its[0].org_id,
            utc_text(min(one.taken_at for one in its)),
            ("yes" if done == len(filled) else progress) if filled else "-",
        )
    console.print(table)


def _preview(console: Console, database: Database, found: Overwritten) -> ExitCode:
    name, load_id = found.spec.name, found.kept[0].load_id
    with _opened(found) as restore:
        seen = {key: restore.look(key) for key, rows in found.rows.items() if rows}
    _print_found(console, found, seen)
    _print_created(console, database, found)
    differing = sum(one.differing.len() for one in seen.values())
    if not differing:
        console.print("Every record that is there is as its snapshot: nothing to write back.")
        return ExitCode.PROVED
    console.print(
        f"{differing:,} records of {found.spec.target.object} would be written back; nothing was "
        f"changed. To do it: dc-assets restore {name} --load {load_id[:12]} --confirm {name}",
        soft_wrap=True,
    )
    return ExitCode.PROVED


def _opened(found: Overwritten) -> AbstractContextManager[OpenRestore]:
    login = login_from_environment()
    run_id = run_id_of("restore")
    return open_restore(found, login, run_id=run_id, note=noted_on_stderr())


def _print_found(console: Console, found: Overwritten, seen: Mapping[str, Restorable]) -> None:
    console.print(f"\nLoad {found.kept[0].load_id[:12]}, beside the org as it is now")
    table = numbers_table("partition", "saved", "overwritten", "differ now", "gone")
    saved = {one.partition_key: one.file.rows for one in found.kept}
    for key, rows in found.rows.items():
        if key not in saved and not rows:
            continue
        now = seen.get(key)
        numbers = (saved.get(key, 0), rows, now.differing.len() if now else 0)
        table.add_row(key, *(f"{n:,}" for n in numbers), f"{now.gone if now else 0:,}")
    console.print(table)
    for doubt in found.doubts:
        line = f"{doubt}: all records of its snapshot count as overwritten."
        console.print(line, style="yellow", soft_wrap=True)
    if gone := sum(one.gone for one in seen.values()):
        console.print(
            f"{gone:,} records are gone and are not created anew: undelete them from the org's "
            "recycle bin, then restore them.",
            style="yellow",
            soft_wrap=True,
        )


def _print_created(console: Console, database: Database, found: Overwritten) -> None:
    """Say what a restore leaves: records that did not exist before the load."""
    name, load_id = found.spec.name, found.kept[0].load_id
    created = 0
    records = CreatedRecords(database, name)
    for receipt in records.receipts(load_id):
        try:
            created += len(records.created_ids(receipt))
        except DoubtfulReceipt:
            continue  # cleanup names it
    if created:
        console.print(
            f"{created:,} records that the load created stay. To delete them: "
            f"dc-assets cleanup {name} --load {load_id[:12]}",
            soft_wrap=True,
        )


@dataclass(slots=True)
class _Sent:
    """What came of a restore so far."""

    landed: int = 0
    refused: int = 0
    pending: list[str] = field(default_factory=list[str])
    outcomes: list[CheckOutcome] = field(default_factory=list[CheckOutcome])


def _restore(
    console: Console, database: Database, found: Overwritten, request: LoadRequest
) -> ExitCode:
    """Write the records back, partition by partition, then hold them against the snapshot."""
    spec = found.spec
    keys = list(request.partition_keys)
    load = WatchedLoad(spec, keys, LedgerViews(database, spec.name), console)
    with followed(load), _opened(found) as restore:
        loads = restore.opened.loads
        restore.opened.org.guard.refuse_unasked(request, loads.sends_unasked)
        for load_id in loads.give_up_others():
            console.print(f"Gave up the unfinished load {load_id[:8]}: no run goes on with it.")
        take_back_order(console, StopOrders(database, spec.name), spec.name)
        sent = _send(restore, keys, request)
    _note_untouched(database, found)
    newest = load.views.states.of_spec().newest
    print_refusals(console, load.views, spec, {k: newest[k] for k in keys if k in newest})
    console.print()
    print_checks(
        console, list(dict.fromkeys(o.partition_key for o in sent.outcomes)), sent.outcomes
    )
    for reason in sent.pending:
        console.print(reason, style="red", soft_wrap=True)
    return _end(console, database, found, sent)


def _note_untouched(database: Database, found: Overwritten) -> None:
    """Note of which partitions nothing was overwritten: they are as their snapshots."""
    for one in found.kept:
        if not found.rows[one.partition_key]:
            SnapshotRecords(database, found.spec.name).restored(one)


def _send(restore: OpenRestore, keys: Sequence[str], request: LoadRequest) -> _Sent:
    sent = _Sent()
    for key in keys:
        try:
            loaded = restore.send(key, request)
        except RowsPending as error:
            sent.pending.append(str(error))
            continue
        sent.landed += loaded.totals.landed
        sent.refused += loaded.totals.refused
        sent.outcomes += restore.checked(loaded)
    return sent


def _end(console: Console, database: Database, found: Overwritten, sent: _Sent) -> ExitCode:
    spec, unexplained = found.spec, [one for one in sent.outcomes if not one.severity.is_good]
    console.print(f"\n{sent.landed:,} records were written back, {sent.refused:,} were refused.")
    line_ends = sum(sum(one.rewritten.values()) for one in sent.outcomes)
    if line_ends:
        console.print(
            f"{line_ends:,} values had line ends other than LF and have LF now: a bulk job carries "
            "no others.",
            style="yellow",
            soft_wrap=True,
        )
    if not (unexplained or sent.pending or sent.refused):
        console.print(
            "Every record that the load overwrote is as its snapshot in the mapped fields.",
            soft_wrap=True,
        )
    _print_created(console, database, found)
    console.print(
        f"The org is older than the source now. No refresh sensor brings {spec.name} over again "
        f"before somebody runs it; the schedule {spec.name}_daily would: turn it off.",
        soft_wrap=True,
    )
    return exit_code(refused=sent.refused, pending=len(sent.pending), unexplained=len(unexplained))
