"""`dc-assets deletions`: rows that we landed and the source has no more; deletes when told so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from dc_assets.cli.cleanup import refuse_while_at_work
from dc_assets.cli.connections import open_ledger, open_org
from dc_assets.cli.console import Console
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import numbers_table
from dc_assets.cli.run import chosen_partitions
from dc_assets.cli.specs import chosen_spec, refuse_other_name
from dc_assets.core.deletions import DeletionObservation, why_kept
from dc_assets.core.errors import ConfigError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.archive import write_parquet
from dc_assets.load.deletion import (
    ID,
    JOB_ROWS_MAX,
    delete_records,
    gone_keys,
    observe,
    rows_before_deletion,
)
from dc_assets.load.reconcile import Audit
from dc_assets.salesforce.bulk_ingest import BulkDeleteJobs
from dc_assets.wiring.connect import OpenLoad, open_load, policy_clock
from dc_assets.wiring.settings import data_folder
from dc_assets.wiring.sign_in import login_from_environment

SHOWN = 10

_EXAMPLE = """\b
Example:
  dc-assets deletions opportunities                           # looks, and deletes nothing
  dc-assets deletions opportunities --confirm opportunities   # deletes what was seen twice alike
"""


@dataclass(frozen=True, slots=True)
class Gone:
    """What is gone from the source in one partition; `why_kept` is "" when it may be deleted."""

    partition_key: str
    seen: DeletionObservation | None
    keys: Sequence[str]
    why_kept: str


@click.command(epilog=_EXAMPLE)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--partitions", metavar="KEYS", help="Only these, such as r1-01,r1-03.")
@click.option("--confirm", metavar="NAME", help="Delete; NAME is the load's name once more.")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def deletions(
    name: str | None, *, partitions: str | None, confirm: str | None, as_json: bool
) -> int:
    """Show the records of LOAD whose rows are gone from the source. Without --confirm: show.

    A record is deleted only if a receipt of ours says that we landed it, if the last two
    observations agree and the source counted what it gave, if they are few
    (refresh.deletes_rows_max), and if the spec says refresh.deletes: apply. Their rows are written
    to a Parquet file before. Every audit observes: checks of a run, dc-assets reconcile, and this.
    """
    spec = chosen_spec(name)
    keys = chosen_partitions(spec, partitions)
    refuse_other_name(spec, confirm)
    if confirm is not None and spec.refresh.deletes == "report":
        raise ConfigError(
            f"The spec {spec.name} only reports deletions. Write refresh.deletes: apply, look with "
            f"dc-assets deletions {spec.name}, then confirm."
        )
    console = Console(stderr=as_json)
    with open_load(
        spec, login_from_environment(), run_id="deletions", note=noted_on_stderr()
    ) as opened:
        audits = {key: opened.audit(key) for key in keys}
        found = [_look(opened, audit) for audit in audits.values()]
        if as_json:
            click.echo(json.dumps([asdict(one) for one in found], indent=2))
        else:
            _print_found(console, found)
        deletable = [one for one in found if not one.why_kept]
        if confirm is not None:
            for one in deletable:
                _delete(console, opened, audits[one.partition_key], one)
        elif deletable:
            _say_how(console, spec)
    held_back = [one for one in found if one.why_kept and (one.seen is None or one.seen.rows)]
    return ExitCode.UNEXPLAINED if confirm is not None and held_back else ExitCode.PROVED


def _look(opened: OpenLoad, audit: Audit) -> Gone:
    """Observe one partition, and judge by the observation before."""
    key = audit.partition_key
    before, now = opened.deletions.last(key), observe(audit)
    if now is not None:
        opened.deletions.keep(key, now)
    return Gone(key, now, gone_keys(audit), why_kept(opened.spec.refresh, before, now))


def _print_found(console: Console, found: Sequence[Gone]) -> None:
    table = numbers_table("partition", "source rows", "gone")
    table.add_column("deleted?")
    for one in found:
        rows = "?" if one.seen is None else f"{one.seen.source_rows:,}"
        said = one.why_kept or "may be deleted"
        table.add_row(one.partition_key, rows, f"{len(one.keys):,}", said)
    console.print(table)
    for one in found:
        if one.keys:
            more = f" and {len(one.keys) - SHOWN:,} more" if len(one.keys) > SHOWN else ""
            console.print(
                f"{one.partition_key}: {', '.join(one.keys[:SHOWN])}{more}",
                soft_wrap=True,
            )


def _say_how(console: Console, spec: LoadSpec) -> None:
    console.print(
        f"Nothing was deleted. To do it: dc-assets deletions {spec.name} --confirm {spec.name}",
        soft_wrap=True,
    )


def _delete(console: Console, opened: OpenLoad, audit: Audit, gone: Gone) -> None:
    """Keep the rows, then delete their records, one job after another."""
    spec = opened.spec
    record_ids = opened.explanations.landed_ids(gone.keys)
    rows = rows_before_deletion(audit, record_ids)
    file = _kept_rows_file(spec, gone)
    write_parquet(file, rows)
    console.print(f"{gone.partition_key}: {rows.height:,} rows are kept in {file}")
    clock = policy_clock(login_from_environment().login_url)
    ids = rows.get_column(ID).to_list()
    refused = 0
    with open_ledger() as database, open_org() as session:
        refuse_while_at_work(spec, StopOrders(database, spec.name))
        jobs = BulkDeleteJobs(session, spec)
        for start in range(0, len(ids), JOB_ROWS_MAX):
            part = ids[start : start + JOB_ROWS_MAX]
            done = delete_records(
                part, jobs, clock, opened.ports.note, job_wait_s_max=spec.limits.job_wait_s_max
            )
            refused += len(done.refused)
            console.print(
                f"{gone.partition_key}: job {done.job_id}: {len(done.gone):,} of {len(part):,} "
                "records are gone",
            )
            for one, code in list(done.refused.items())[:SHOWN]:
                console.print(f"  {one}  {code}")
    if not refused:
        opened.deletions.applied(gone.partition_key)


def _kept_rows_file(spec: LoadSpec, gone: Gone) -> Path:
    digest = gone.seen.keys_sha256[:12] if gone.seen is not None else ""
    return data_folder() / "deleted" / spec.name / f"{gone.partition_key}-{digest}.parquet"
