"""`dc-assets run a b c`: several loads, parents before children, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table

from dc_assets.cli.console import Console
from dc_assets.cli.errors import told
from dc_assets.cli.specs import OrderedSpec, OrderedSpecs
from dc_assets.core.errors import DcError
from dc_assets.core.exit_codes import ExitCode, worst_of

LOADED: Mapping[ExitCode, str] = {
    ExitCode.PROVED: "proved",
    ExitCode.REFUSED_ROWS: "complete, some rows refused",
    ExitCode.STOPPED: "stopped",
    ExitCode.UNEXPLAINED: "not proved",
    ExitCode.CONFIGURATION: "not loaded",
}
"""How a load ended, by its exit code."""

LOOKED_AT: Mapping[ExitCode, str] = {
    **LOADED,
    ExitCode.PROVED: "could be sent",
    ExitCode.REFUSED_ROWS: "some rows cannot be sent",
}
"""The same of a load of which nothing was sent."""


def run_several(
    chosen: OrderedSpecs,
    run_one: Callable[[OrderedSpec], ExitCode],
    console: Console,
    words: Mapping[ExitCode, str] = LOADED,
) -> ExitCode:
    """Run loads one after another, print how each ended, and return the worst of their codes.

    One that fails keeps no other from its turn: a load that comes after it asks the ledger itself.
    A broken spec takes no other down, and counts.
    """
    ended: dict[str, ExitCode] = {}
    for number, load in enumerate(chosen.loads, start=1):
        name = load.spec.name
        console.print(f"\n{name} ({number} of {len(chosen.loads)})", style="bold")
        try:
            ended[name] = run_one(load)
        except DcError as error:
            ended[name] = ExitCode(told(error))
    console.print()
    console.print(_table(chosen.loads, ended, words))
    for sentence in chosen.broken:
        console.print(f"Not loaded: {sentence}", style="red", soft_wrap=True)
    broken = [ExitCode.CONFIGURATION] if chosen.broken else []
    return worst_of([*ended.values(), *broken])


def _table(
    loads: Sequence[OrderedSpec], ended: Mapping[str, ExitCode], words: Mapping[ExitCode, str]
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("load", "after", "ended", "exit code"):
        table.add_column(title)
    for load in loads:
        code = ended[load.spec.name]
        after = ", ".join(parent.name for parent in load.parents)
        table.add_row(load.spec.name, after, words[code], str(code.value))
    return table
