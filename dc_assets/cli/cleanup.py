"""`dc-assets cleanup`: delete what our loads created in the org, or old state on this host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import click

from dc_assets.cli.connections import open_ledger, open_org
from dc_assets.cli.console import Console
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import numbers_table
from dc_assets.cli.specs import chosen_spec, refuse_other_name
from dc_assets.core.errors import ConfigError, LedgerConflict
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.cleanings import Cleanings
from dc_assets.ledger.database import Database
from dc_assets.ledger.old_state import OldState, mark_cleaned
from dc_assets.ledger.receipts import DoubtfulReceipt
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.deletion import JOB_ROWS_MAX, delete_records
from dc_assets.salesforce.bulk_ingest import BulkDeleteJobs
from dc_assets.views.receipts import CreatedRecords, Receipt
from dc_assets.wiring.connect import policy_clock, signed
from dc_assets.wiring.settings import data_folder
from dc_assets.wiring.sign_in import login_from_environment

REFUSED_SHOWN = 40
DOUBTS_SHOWN = 5

_EXAMPLE = """\b
Example:
  dc-assets cleanup opportunities                           # shows what would go
  dc-assets cleanup opportunities --confirm opportunities   # deletes it
  dc-assets cleanup opportunities --older-than 90           # old state on this host
"""


@click.command(epilog=_EXAMPLE)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option(
    "--load",
    "load_id",
    metavar="ID",
    help="Only what this load created; the first letters of its id are enough.",
)
@click.option("--confirm", metavar="NAME", help="Do it; NAME is the load's name once more.")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Instead: remove ledger rows, receipts, spool and snapshots of loads that ended so long "
    "ago.",
)
def cleanup(
    name: str | None, *, load_id: str | None, confirm: str | None, older_than: int | None
) -> int:
    """Delete the records that LOAD created in the org, and no others. Without --confirm: show.

    Receipts say which records those are; records that we only updated stay. They go to the org's
    recycle bin. With --older-than old state on this host goes instead: records created by loads
    that were removed so can no longer be cleaned up, nor can what they overwrote be restored.
    """
    spec = chosen_spec(name)
    refuse_other_name(spec, confirm)
    if older_than is not None and load_id is not None:
        raise click.UsageError("--load goes without --older-than.")
    console = Console()
    with open_ledger() as database:
        if older_than is not None:
            return _old_state(console, spec, database, older_than, confirmed=confirm is not None)
        records = CreatedRecords(database, spec.name)
        found = _look(records, _whole_id(records, spec, load_id))
        _print_found(console, found)
        if confirm is None or not any(found.records.values()):
            _preview_end(console, spec, found)
            in_doubt = confirm is not None and found.doubts
            return ExitCode.UNEXPLAINED if in_doubt else ExitCode.PROVED
        return _delete(console, spec, database, found)


@dataclass(slots=True)
class _Found:
    """What receipts say: the records of each batch, and the receipts that cannot be believed."""

    records: dict[Receipt, Sequence[str]] = field(default_factory=dict[Receipt, Sequence[str]])
    doubts: list[str] = field(default_factory=list[str])


def _whole_id(records: CreatedRecords, spec: LoadSpec, prefix: str | None) -> str | None:
    if prefix is None:
        return None
    ids = records.loads_named(prefix)
    if len(ids) != 1:
        count = "no load" if not ids else f"{len(ids)} loads"
        raise ConfigError(f"{spec.name} has {count} whose id begins with {prefix!r}.")
    return ids[0]


def _look(records: CreatedRecords, load_id: str | None) -> _Found:
    found = _Found()
    for receipt in records.receipts(load_id):
        try:
            found.records[receipt] = records.created_ids(receipt)
        except DoubtfulReceipt as doubt:
            found.doubts.append(f"Batch {receipt.batch_id[:8]}: {doubt}; its records are left.")
    return found


def _print_found(console: Console, found: _Found) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    for receipt, ids in found.records.items():
        counts[receipt.load_id, receipt.mode, receipt.org_id] += len(ids)
    table = numbers_table("load", "records created")
    for title in ("mode", "org"):
        table.add_column(title)
    for (load_id, mode, org_id), rows in counts.items():
        table.add_row(load_id[:12], f"{rows:,}", mode, org_id)
    if counts:
        console.print(table)
    for doubt in found.doubts[:DOUBTS_SHOWN]:
        console.print(doubt, style="red", soft_wrap=True)
    if (more := len(found.doubts) - DOUBTS_SHOWN) > 0:
        console.print(f"And {more:,} more like it.", style="red")


def _preview_end(console: Console, spec: LoadSpec, found: _Found) -> None:
    total = sum(len(ids) for ids in found.records.values())
    if not total and found.doubts:
        console.print(
            f"What {spec.name} created is not known: {len(found.doubts):,} receipts cannot be "
            "read. Those that an older version wrote are files, found by their whole path: if the "
            "data folder was moved, put a symbolic link at its old place and give the same "
            "command again.",
            soft_wrap=True,
        )
    elif not total:
        console.print(f"No record that {spec.name} created is left to delete.")
    else:
        console.print(
            f"{total:,} records of {spec.target.object} would be deleted; nothing was changed. "
            f"To do it: dc-assets cleanup {spec.name} --confirm {spec.name}",
            soft_wrap=True,
        )


def _delete(console: Console, spec: LoadSpec, database: Database, found: _Found) -> ExitCode:
    orders = StopOrders(database, spec.name)
    clock = policy_clock(login_from_environment().login_url)
    note = signed(noted_on_stderr(), spec.name, "cleanup")
    wait_s_max = spec.limits.job_wait_s_max
    deleted, refused = 0, dict[str, str]()
    refuse_while_at_work(spec, orders)
    with open_org() as session:
        jobs = BulkDeleteJobs(session, spec)
        cleanings = Cleanings(database, spec.name, session.org_id)
        ours = {r: ids for r, ids in found.records.items() if r.org_id == session.org_id}
        elsewhere = len(found.records) - len(ours)
        for group in _groups(ours):
            refuse_while_at_work(spec, orders)
            ids = [one for receipt in group for one in ours[receipt]]
            if ids:
                cleanings.begin({receipt.partition_key for receipt in group if ours[receipt]})
                done = delete_records(ids, jobs, clock, note, job_wait_s_max=wait_s_max)
                deleted += len(done.gone)
                refused |= done.refused
                cleanings.add(_by_partition(ours, group, set(done.gone)))
                console.print(
                    f"job {done.job_id}: {len(done.gone):,} of {len(ids):,} records are gone",
                )
            whole = [r.batch_id for r in group if not any(i in refused for i in ours[r])]
            mark_cleaned(database, whole)
    _print_end(console, spec, deleted, refused, elsewhere)
    if found.doubts:
        return ExitCode.UNEXPLAINED
    return ExitCode.REFUSED_ROWS if refused else ExitCode.PROVED


def refuse_while_at_work(spec: LoadSpec, orders: StopOrders) -> None:
    """Let nobody delete under a run.

    Raises:
        LedgerConflict: a run is live, or a batch is in flight.
    """
    refuse_running(spec, orders, "Nothing is deleted")
    if flying := orders.in_flight():
        raise _busy(spec, "Nothing is deleted", f"{len(flying)} of its batches are in flight")


def refuse_running(spec: LoadSpec, orders: StopOrders, said: str) -> None:
    """Let nobody change records under a live run; ``said`` is what is not done.

    Raises:
        LedgerConflict: a run is live.
    """
    if runs := orders.runs_at_work():
        raise _busy(spec, said, f"run {runs[0].run_id} is working on {runs[0].partition_key}")


def _busy(spec: LoadSpec, said: str, busy: str) -> LedgerConflict:
    return LedgerConflict(
        f"{said} under a running load: {spec.name}, {busy}. Wait for its end, or order it to stop "
        f"(dc-assets stop {spec.name}); batches that a dead run left are settled by dc-assets run "
        f"{spec.name}."
    )


def _groups(records: dict[Receipt, Sequence[str]]) -> Iterator[list[Receipt]]:
    """Yield whole batches that fit into one job together."""
    group: list[Receipt] = []
    rows = 0
    for receipt, ids in records.items():
        if group and rows + len(ids) > JOB_ROWS_MAX:
            yield group
            group, rows = [], 0
        group.append(receipt)
        rows += len(ids)
    if group:
        yield group


def _by_partition(
    records: dict[Receipt, Sequence[str]], group: Sequence[Receipt], gone: AbstractSet[str]
) -> Counter[str]:
    """Count the records of some batches that are gone, by partition."""
    counts: Counter[str] = Counter()
    for receipt in group:
        counts[receipt.partition_key] += sum(one in gone for one in records[receipt])
    return counts


def _print_end(
    console: Console, spec: LoadSpec, deleted: int, refused: dict[str, str], elsewhere: int
) -> None:
    console.print(f"{deleted:,} records of {spec.target.object} are gone.")
    if elsewhere:
        console.print(
            f"{elsewhere:,} batches are of another org than SF_LOGIN_URL leads to: left alone.",
        )
    for code, rows in Counter(refused.values()).most_common():
        console.print(f"  {rows:>9,}  {code}")
    for one in list(refused)[:REFUSED_SHOWN]:
        console.print(f"  {one}  {refused[one]}")
    if deleted:
        console.print(f"To load them again: dc-assets run {spec.name} --new-load")


def _old_state(
    console: Console, spec: LoadSpec, database: Database, days: int, *, confirmed: bool
) -> ExitCode:
    """Show or remove what ended long ago."""
    old = OldState(database, spec.name, data_folder())
    loads, folders = old.loads(days), old.folders(days)
    for one in loads:
        left = one.created_not_cleaned
        warning = f"; {left:,} of its batches landed rows and were not cleaned up" if left else ""
        console.print(
            f"load {one.load_id[:12]} ({one.mode}, org {one.org_id}), ended "
            f"{one.days:,.0f} days ago{warning}",
            soft_wrap=True,
        )
    for folder in folders:
        console.print(str(folder), soft_wrap=True)
    what = f"{len(loads):,} loads and {len(folders):,} leftover folders"
    if not loads and not folders:
        console.print(f"Nothing is older than {days} days and not needed any more.")
    elif confirmed:
        old.remove([one.load_id for one in loads], folders)
        console.print(f"Removed {what}.")
    else:
        console.print(
            f"{what} would be removed; nothing was changed. To do it: "
            f"dc-assets cleanup {spec.name} --older-than {days} --confirm {spec.name}",
            soft_wrap=True,
        )
    return ExitCode.PROVED
