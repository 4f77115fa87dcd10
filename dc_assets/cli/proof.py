"""Prints the proof of a load: counts of both sides, distributions, checks, refused rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from dc_assets.cli.console import Console
from dc_assets.cli.last_checks import print_verdicts
from dc_assets.cli.refused import READ_MAX, print_alike
from dc_assets.core.checks import COVERAGE, ROW_COUNT, check_descriptions
from dc_assets.core.exit_codes import ExitCode, exit_code
from dc_assets.core.load_state import PartitionState, RowCounts, sum_of
from dc_assets.core.spec import LoadSpec, check_name
from dc_assets.core.standing import verdict_of
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, rewritten_in
from dc_assets.views.partitions import LedgerViews

_WORDS = {
    Severity.PASSED: "passed",
    Severity.WARN: "WARNING",
    Severity.ERROR: "FAILED",
    Severity.NOT_ASKED: "NOT ASKED",
}


@dataclass(frozen=True, slots=True)
class WatchedLoad:
    """The partitions that a command loads, where it reads their state and where it prints."""

    spec: LoadSpec
    keys: Sequence[str]
    views: LedgerViews
    console: Console


def print_proof(load: WatchedLoad, outcomes: Sequence[CheckOutcome]) -> ExitCode:
    """Print everything that an auditor asks first, and return the exit code that it amounts to."""
    spec, keys, views, console = load.spec, load.keys, load.views, load.console
    newest = {k: one for k, one in views.states.of_spec().newest.items() if k in keys}
    console.print("\nRows of both sides, beside the ledger")
    console.print(_counts(keys, outcomes, newest))
    console.print(f"{ROW_COUNT}: {_total(outcomes).sentence}")
    if said := _part(outcomes, newest):
        console.print(said, soft_wrap=True)
    for field in spec.checks.distributions:
        console.print()
        console.print(_distribution(field, outcomes))
    console.print()
    print_checks(console, keys, outcomes)
    print_refusals(console, views, spec, newest)
    seen = (one.checks[COVERAGE].outcome for one in newest.values() if COVERAGE in one.checks)
    print_rewritten(console, rewritten_in(seen))
    console.print()
    needed = list(check_descriptions(spec))
    print_verdicts(console, {key: verdict_of(newest.get(key), needed) for key in keys})
    done = [one for one in newest.values() if one.is_done]
    expected = len(keys) * len(needed)
    return exit_code(
        refused=sum_of(one.rows for one in done).refused,
        pending=sum_of(one.rows for one in newest.values()).pending + len(keys) - len(done),
        unexplained=expected - sum(o.severity.is_good for o in outcomes),
    )


def _total(outcomes: Sequence[CheckOutcome]) -> CountVerdict:
    """Add up the row counts of both sides over the partitions that were checked."""
    counts = _both(outcomes).values()
    return CountVerdict(
        source_rows=sum(c.source_rows for c in counts),
        target_rows=sum(c.target_rows for c in counts),
        refused=sum(c.refused for c in counts),
    )


def _part(outcomes: Sequence[CheckOutcome], newest: Mapping[str, PartitionState]) -> str:
    """Say what the columns of the ledger leave out, where a load was of some rows only."""
    source = {key: counts.source_rows for key, counts in _both(outcomes).items()}
    chosen = {key: newest[key].rows.selected or 0 for key in source if key in newest}
    if all(rows >= source[key] for key, rows in chosen.items()):
        return ""
    return (
        "landed, refused and pending are of the newest load of each partition alone: it chose "
        f"{sum(chosen.values()):,} of {sum(source[key] for key in chosen):,} rows. Rows that "
        "landed before it are in target."
    )


def _both(outcomes: Sequence[CheckOutcome]) -> Mapping[str, CountVerdict]:
    """Return what both sides counted of each partition that was checked."""
    return {
        o.partition_key: o.values[0].counts for o in outcomes if o.check == ROW_COUNT and o.values
    }


def _counts(
    keys: Sequence[str], outcomes: Sequence[CheckOutcome], newest: Mapping[str, PartitionState]
) -> Table:
    """Put what both sides count beside what the ledger recorded."""
    both = _both(outcomes)
    table = numbers_table(
        "partition", "source", "target", "landed", "refused", "pending", "unexplained"
    )
    for key in keys:
        counts = both.get(key)
        ledger = _of_ledger(newest[key].rows if key in newest else RowCounts())
        if counts is None:
            table.add_row(key, "?", "?", *ledger, "not checked")
        else:
            table.add_row(key, *_of_sides(counts), *ledger, f"{counts.unexplained:,}")
    total, ledger = _total(outcomes), _of_ledger(sum_of(one.rows for one in newest.values()))
    table.add_row("all", *_of_sides(total), *ledger, f"{_unexplained(both):,}", style="bold")
    return table


def _of_ledger(rows: RowCounts) -> Sequence[str]:
    return [f"{n:,}" for n in (rows.landed, rows.refused, rows.pending)]


def _of_sides(counts: CountVerdict) -> Sequence[str]:
    return [f"{n:,}" for n in (counts.source_rows, counts.target_rows)]


def _unexplained(both: Mapping[str, CountVerdict]) -> int:
    """Add up partition by partition: one that lacks rows does not make up for one with too many."""
    return sum(counts.unexplained for counts in both.values())


def numbers_table(first: str, *numbers: str) -> Table:
    """Return a table with one column of names and columns of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def _distribution(field: str, outcomes: Sequence[CheckOutcome]) -> Table:
    """Add up the value counts of all partitions."""
    sums: dict[str, list[int]] = {}
    for outcome in outcomes:
        if outcome.check == check_name(field):
            for value in outcome.values:
                counts = value.counts
                line = sums.setdefault(str(value.value), [0, 0, 0, 0])
                line[0] += counts.source_rows
                line[1] += counts.target_rows
                line[2] += counts.refused
                line[3] += counts.unexplained
    table = numbers_table(field, "source", "target", "refused", "unexplained")
    for name, line in sorted(sums.items(), key=lambda item: -item[1][0]):
        table.add_row(name, *(f"{n:,}" for n in line))
    return table


def print_checks(console: Console, keys: Sequence[str], outcomes: Sequence[CheckOutcome]) -> None:
    """Print one line for each check, and what the failed ones found."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("check", *keys):
        table.add_column(title)
    for check in dict.fromkeys(outcome.check for outcome in outcomes):
        said = {o.partition_key: _WORDS[o.severity] for o in outcomes if o.check == check}
        table.add_row(check, *(said.get(key, "not run") for key in keys))
    console.print(table)
    for outcome in outcomes:
        if not outcome.severity.is_good:
            line = f"{outcome.check} {outcome.partition_key}: {outcome.summary}"
            console.print(line, style="bold red")
            if outcome.repair:
                word = "repair" if outcome.severity.is_asked else "ask again"
                console.print(f"  {word}: {outcome.repair}")


def print_rewritten(console: Console, values: Mapping[str, int]) -> None:
    """Print how many values of the source were sent in another form than they have there."""
    if values:
        console.print("\nValues that are sent in canonical form, which is not the source's")
    for what, count in values.items():
        console.print(f"  {count:>9,}  {what}", soft_wrap=True)


def print_refusals(
    console: Console, views: LedgerViews, spec: LoadSpec, newest: Mapping[str, PartitionState]
) -> None:
    """Print refused rows of some partitions by code, and an example of each kind."""
    by_code = sum_of(one.rows for one in newest.values()).refused_by_code
    if not by_code:
        return
    total = sum(by_code.values())
    console.print(f"\nRefused rows: {total:,}")
    for code, rows in by_code.items():
        console.print(f"  {rows:>9,}  {code}")
    print_alike(console, spec, views.refusals(READ_MAX, newest), total)
