"""The one way to a terminal shows every text as it is."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.table import Table

import dc_assets.cli
from dc_assets.cli.console import Console
from dc_assets.cli.proof import numbers_table

VALUES = ["[/nope]", "[red]x[/]", "[link=http://x]y[/link]", ":smile:", "1,234 'a' http://x"]


def shown(printed: str | Table) -> str:
    """Return what a terminal with colours gets."""
    sink = io.StringIO()
    console = Console(file=sink, width=80)
    console.print(printed)
    return sink.getvalue()


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_no_markup(value: str) -> None:
    """Neither in a line nor in a cell or a title of a table."""
    assert shown(f"before {value} after") == f"before {value} after\n"
    table = Table(value, box=None)
    table.add_row(value)
    assert shown(table).count(value) == 2


@pytest.mark.parametrize("width", [80, None])
def test_an_id_is_never_cut(width: int | None) -> None:
    """On a narrow terminal other columns wrap; what is piped does not wrap at all."""
    sink = io.StringIO()
    console = Console(file=sink, width=width)
    table = numbers_table("load", "records saved")
    cells = ["63a99079a0ab", "1,234", *(f"{number} of many words" for number in range(6))]
    for title in cells[2:]:
        table.add_column(title)
    table.add_row(*cells)
    console.print(table)
    lines = sink.getvalue().splitlines()
    assert any(line.startswith("63a99079a0ab ") for line in lines)
    assert (len(lines) == 2) is (width is None)


def test_a_value_cannot_begin_a_line() -> None:
    """Line ends inside of a text are shown; those before it are empty lines above."""
    assert (
        shown("\nrefused: a\r\n0 rows unexplained")
        == "\n" + r"refused: a\r\n0 rows unexplained" + "\n"
    )
    assert shown("\x1b]0;title\x07") == r"\x1b]0;title\x07" + "\n"


BESIDES = re.compile(
    r"from rich\.(console|text|markup|panel) import (?!Group$)|import rich|rich\.print"
    r"|\b(markup|highlight|emoji)=True|click\.(echo|secho|style)\((?!json\.dumps)"
)


def test_there_is_no_other_way_to_the_terminal() -> None:
    """Commands print by `cli.console`; only JSON, which has its own escapes, goes past it."""
    folder = Path(dc_assets.cli.__file__).parent
    files = [*folder.glob("*.py"), *(folder.parent / "demo").glob("*.py")]
    assert [
        f"{file.name}: {line}"
        for file in files
        if file.name not in {"console.py", "said.py"}
        for line in file.read_text(encoding="utf-8").splitlines()
        if BESIDES.search(line)
    ] == []
