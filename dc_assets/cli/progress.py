"""Shows how far a load is: one line a partition, rows a second, time left."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.views import RangeStatus

PLAIN_EVERY_S = 5.0
"""Distance of the lines where the output is no terminal."""


def partitions_table(
    keys: Sequence[str], ranges: Mapping[str, RangeStatus], runs: Mapping[str, str] | None = None
) -> Table:
    """Return one line for each partition, also for those that were not begun."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("partition")
    for title in ("selected", "landed", "refused", "pending", "jobs now", "seconds"):
        table.add_column(title, justify="right")
    table.add_column("state")
    for key in keys:
        status = ranges.get(key)
        run = f" ({runs[key].lower()})" if runs and key in runs else ""
        if status is None:
            table.add_row(key, *[""] * 6, "not begun" + run)
            continue
        known = status.selected is not None
        table.add_row(
            key,
            f"{status.selected:,}" if known else "reading",
            f"{status.landed:,}",
            f"{status.refused:,}",
            f"{status.pending:,}" if known else "",
            str(status.in_flight),
            f"{status.seconds:.0f}",
            _state(status) + run,
        )
    return table


def _state(status: RangeStatus) -> str:
    if status.phase == "done":
        return "done"
    doing = "reading" if status.phase == "new" else "writing"
    return doing if status.is_held else f"{doing}, stopped"


class Speed:
    """Rows a second and time left, from the moment the first row had an outcome."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None

    def line(self, keys: Sequence[str], ranges: Mapping[str, RangeStatus]) -> str:
        """Return one line for the whole load."""
        done = sum(r.landed + r.refused for r in ranges.values())
        known = [ranges[k].selected for k in keys if k in ranges]
        sizes = [size for size in known if size is not None]
        selected = sum(sizes)
        if not done or len(sizes) < len(keys):
            return f"{done:,} rows done, {selected:,} read so far"
        now_s = self._clock.now_s()
        if self._first is None:
            self._first = (now_s, done)
        started_s, before = self._first
        elapsed_s = now_s - started_s
        rate = (done - before) / elapsed_s if elapsed_s > 0 else 0.0
        line = f"{done:,} of {selected:,} rows done"
        if rate <= 0:
            return line  # one look says nothing of the speed
        return f"{line}, {rate:,.0f} rows/s, about {(selected - done) / rate:,.0f} s left"


class Progress:
    """A table that follows a load on a terminal, or a line now and then elsewhere."""

    def __init__(self, console: Console, keys: Sequence[str]) -> None:
        self._console = console
        self._keys = keys
        self._clock = SystemClock()
        self._speed = Speed(self._clock)
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

    def update(self, ranges: Sequence[RangeStatus], runs: Mapping[str, str] | None = None) -> None:
        """Show the present state."""
        by_key = {r.partition_key: r for r in ranges if r.partition_key in self._keys}
        line = self._speed.line(self._keys, by_key)
        if self._live is not None:
            table = partitions_table(self._keys, by_key, runs)
            self._live.update(Group(table, Text(line)), refresh=True)
        elif self._clock.now_s() >= self._next_line_s:
            self._next_line_s = self._clock.now_s() + PLAIN_EVERY_S
            self._console.print(line, highlight=False)
