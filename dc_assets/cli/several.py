"""Runs several loads, parents before children, and says at the end what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from dc_assets.cli.console import Console
from dc_assets.cli.errors import told
from dc_assets.core.errors import DcError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec

_WORST_LAST = (
    ExitCode.PROVED,
    ExitCode.REFUSED_ROWS,
    ExitCode.UNEXPLAINED,
    ExitCode.STOPPED,
    ExitCode.CONFIGURATION,
)
_WORDS = {
    ExitCode.PROVED: "proved",
    ExitCode.REFUSED_ROWS: "complete, some rows refused",
    ExitCode.UNEXPLAINED: "not proved",
    ExitCode.STOPPED: "stopped",
    ExitCode.CONFIGURATION: "not begun",
}


def run_in_order(specs: Sequence[LoadSpec], run_one: Callable[[LoadSpec], int]) -> int:
    """Run loads one after another, and return the worst of their exit codes.

    One that ends badly keeps no other from its turn: a child of it refuses by itself to begin.
    """
    console = Console()
    codes: dict[str, ExitCode] = {}
    for spec in specs:
        console.print(f"\n{spec.name}", style="bold")
        try:
            codes[spec.name] = ExitCode(run_one(spec))
        except DcError as error:
            codes[spec.name] = ExitCode(told(error))
    table = Table("load", "ended", box=None)
    for name, code in codes.items():
        table.add_row(name, _WORDS.get(code, code.name.lower()))
    console.print()
    console.print(table)
    return max(codes.values(), key=_WORST_LAST.index)
