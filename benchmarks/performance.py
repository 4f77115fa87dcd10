"""Writes docs/performance.md from what the programs of this folder kept.

python -m benchmarks.performance
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import KEPT, Bar, Figure, Study, table

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
ORDER = (
    "write",
    "end_to_end",
    "jobs",
    "read",
    "checks",
    "startup",
    "emulator",
    "growth",
    "demo",
    "workers",
)
HEAD = (
    "# Performance\n\n"
    "What a load costs, beside other programs in the same run. Written by "
    "`python -m benchmarks.performance` from what the programs of `benchmarks/` measured; "
    "nothing here is typed by hand.\n\n"
    "The org is emulated, so its own time says nothing: what is measured is ours, as CPU seconds "
    "of user and system. Compare ratios, which are of one run on one machine; seconds differ from "
    "machine to machine and hour to hour. No test asserts a time.\n"
)


def page(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the whole page, one section for each study, in the order of a row's way."""
    names = [*(name for name in ORDER if name in kept), *sorted(set(kept) - set(ORDER))]
    return "\n".join([HEAD, *(section(kept[name]) for name in names)]).rstrip() + "\n"


def section(kept: Mapping[str, Any]) -> str:
    """Return what one program kept: a table, its bars and its notes for each study."""
    parts: list[str] = []
    for one in kept["studies"]:
        read: Mapping[str, Any] = {
            **one,
            "figures": [Figure(**side) for side in one["figures"]],
            "bars": [Bar(**bar) for bar in one["bars"]],
        }
        study = Study(**read)
        parts += [f"## {study.title}", f"`{study.command}`, in {study.unit}.", table(study)]
        parts += [bars(study.bars)] if study.bars else []
        parts += ["\n".join(f"- {note}" for note in study.notes)] if study.notes else []
    versions = ", ".join(f"{name} {number}" for name, number in kept["versions"].items())
    parts.append(f"*{kept['day']}, {kept['machine']}{', ' if versions else ''}{versions}.*")
    return "\n\n".join(parts) + "\n"


def bars(every: Sequence[Bar]) -> str:
    """Return the bars of a study as a table of Markdown."""
    rows = [f"| {bar.promise} | {bar.measured} | {_held(bar)} |" for bar in every]
    return "\n".join(["| bar | measured | |", "|---|---|---|", *rows])


def _held(bar: Bar) -> str:
    return "held" if bar.is_held else "**missed**"


def main() -> None:
    """Write the page."""
    kept = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(KEPT.glob("*.json"))}
    PAGE.write_text(page(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
