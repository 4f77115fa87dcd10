"""Shows how far a load is: one line a partition, rows a second, time left."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from rich.console import Group
from rich.live import Live
from rich.table import Table

from dc_assets.cli.console import Console
from dc_assets.core.durations import duration
from dc_assets.core.load_state import PartitionState, SpecState
from dc_assets.core.pauses import goes_on_at
from dc_assets.core.phases import Phase
from dc_assets.ledger.clock import SystemClock
from dc_assets.views.partitions import LedgerViews
from dc_assets.views.progress import Snapshot

PLAIN_EVERY_S = 5.0
"""Distance of the lines where the output is no terminal."""

TOLD_BY_CLOCK_S = 600.0
"""A longer time left is told with the time of day at which it is over."""

SLOW_ROWS_A_S = 10.0
"""Slower speeds are told with two digits."""

NAMED_MAX = 3


def partitions_table(
    keys: Sequence[str], newest: Mapping[str, PartitionState], runs: Mapping[str, str] | None = None
) -> Table:
    """Return one line for each partition, also for those that were not begun."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("partition")
    for title in ("selected", "landed", "refused", "pending", "jobs now", "seconds"):
        table.add_column(title, justify="right")
    table.add_column("state")
    for key in keys:
        state = newest.get(key)
        run = f" ({runs[key].lower()})" if runs and key in runs else ""
        if state is None:
            table.add_row(key, *[""] * 6, "not begun" + run)
            continue
        rows = state.rows
        known = rows.selected is not None
        table.add_row(
            key,
            f"{rows.selected:,}" if known else "reading" * (state.phase == Phase.READING),
            f"{rows.landed:,}",
            f"{rows.refused:,}",
            f"{rows.pending:,}" if known else "",
            str(rows.in_flight),
            f"{state.seconds:.0f}",
            _doing(state) + run,
        )
    return table


def _doing(state: PartitionState) -> str:
    if state.is_done:
        return "canary: only a sample is sent" if state.mode == "canary" else state.phase
    if state.paused_why is not None:
        return f"paused until {goes_on_at(state.paused_why)}"
    if state.phase == Phase.NEW:
        return "not begun"
    return state.phase if state.is_held else f"{state.phase}, {state.halted}"


def line(seen: Snapshot) -> str:
    """Return one line for the whole load: rows, speed, time left, locks, refusals, calls left.

    While nothing is sent, it says why instead of a falling speed: a pause, or checks that run.
    """
    whole, left_s = seen.counts, seen.seconds_left()
    said = [f"{whole.done:,} of {seen.rows:,} rows done" if seen.rows else "0 rows done"]
    if seen.paused_why is not None:
        said.append(f"paused until {goes_on_at(seen.paused_why)}")
    elif seen.checking:
        said.append(f"checking {_few(seen.checking)}")
    elif rows_per_s := seen.rows_per_s():
        said.append(f"{_rate(rows_per_s)} rows/s")
    if left_s and seen.load is not None:
        said.append(f"about {_time_left(left_s, seen.load.seen_at)}")
    met = [
        f"{rows:,} {what}"
        for rows, what in ((whole.locked, "met locks"), (whole.refused, "refused"))
        if rows
    ]
    parts = [", ".join(said), ", ".join(met)]
    if seen.api_calls_left is not None:
        parts.append(f"{seen.api_calls_left:,} API calls left")
    return "; ".join(part for part in parts if part)


def _few(keys: Sequence[str]) -> str:
    """Name the first keys, and how many more there are.

    >>> _few(["r1-01", "r1-02"]), _few(["r1-01", "r1-02", "r1-03", "r1-04"])
    ('r1-01, r1-02', 'r1-01 and 3 more')
    """
    return ", ".join(keys) if len(keys) <= NAMED_MAX else f"{keys[0]} and {len(keys) - 1} more"


def _rate(rows_per_s: float) -> str:
    return f"{rows_per_s:,.0f}" if rows_per_s >= SLOW_ROWS_A_S else f"{rows_per_s:.2g}"


def _time_left(seconds: float, at: float) -> str:
    """Write the time left, and for a longer one when it is over, by the clock of this host.

    >>> _time_left(66.4, 0.0)
    '66 s left'
    """
    left = f"{duration(seconds)} left"
    if seconds < TOLD_BY_CLOCK_S:
        return left
    now, end = (datetime.fromtimestamp(s, tz=UTC).astimezone() for s in (at, at + seconds))
    return f"{left}, until {end:%H:%M}" + (
        "" if end.date() == now.date() else f" on {end:%a %d %b}"
    )


class Progress:
    """A table that follows a load on a terminal, or a line now and then elsewhere."""

    def __init__(
        self,
        console: Console,
        keys: Sequence[str],
        views: LedgerViews,
        *,
        were_launched: bool = True,
    ) -> None:
        """Look at the ledger for the first time.

        ``were_launched`` says that all of the partitions take part in the load that is followed; a
        load that is over when this is made is an earlier one then.
        """
        self._console = console
        self._keys = keys
        self._look = partial(views.progress.look, keys, were_launched=were_launched)
        first = self._look()
        is_over = were_launched and first.load is not None and first.load.state != "open"
        self._earlier = first.load.load_id if first.load is not None and is_over else None
        self._were_launched = were_launched
        self._clock = SystemClock()
        self._live: Live | None = None
        self._next_line_s = 0.0

    @contextmanager
    def shown(self) -> Generator[Progress]:
        """Keep the display up while the block runs."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            self._live = live
            yield self

    def update(
        self,
        state: SpecState,
        runs: Mapping[str, str] | None = None,
        starts_in_s: Mapping[str, float] | None = None,
    ) -> None:
        """Show the present state.

        Args:
            state: what stands in the table.
            runs: states of Dagster's runs, by partition.
            starts_in_s: when partitions are launched that wait for their time.
        """
        if self._live is None and self._clock.now_s() < self._next_line_s:
            return
        seen = self._look(starts_in_s=starts_in_s)
        if not self._were_launched:  # whether anybody checks what was loaded before is not known
            seen = replace(seen, checking=())
        is_earlier = seen.load is not None and seen.load.load_id == self._earlier
        text = line(Snapshot() if is_earlier else seen)
        if self._live is not None:
            table = partitions_table(self._keys, state.newest, runs)
            self._live.update(Group(table, text), refresh=True)
        else:
            self._next_line_s = self._clock.now_s() + PLAIN_EVERY_S
            self._console.print(text, soft_wrap=True)
