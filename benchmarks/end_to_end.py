"""Measures whole processes that write rows, peers beside us: `python -m benchmarks.end_to_end`.

Each side starts, reads its rows from disk, writes them and reads all results. What counts is the
CPU of its process from the start to the end. Peers come with the extra `[bench]`; jsforce is left
out where `.ci/run foreign` has not brought it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from benchmarks.figures import Bar, Figure, Study, save, table
from benchmarks.write import (
    BARE,
    BARE_DOES,
    JSFORCE,
    OURS,
    OURS_DOES,
    PACKAGES,
    SIMPLE,
    Written,
    in_turns,
    sides,
)

PEERS_DO = "Peers keep nothing but what they return: who stops them does not know what landed."


def study_of(found: Mapping[str, Sequence[Written]], rows: int, rounds: int) -> Study:
    """Return what was measured of whole processes."""
    figures = [Figure(name, [one.whole_cpu_s for one in every]) for name, every in found.items()]
    middles = {figure.side: figure.middle for figure in figures}
    peer = min((SIMPLE, JSFORCE), key=lambda name: middles.get(name, float("inf")))
    ratio, last = middles[OURS] / middles[peer], found[OURS][-1]
    notes = [PEERS_DO, BARE_DOES, f"{OURS_DOES} ({last.jobs} jobs, {last.calls} calls)."]
    if JSFORCE not in found:
        notes.append("jsforce is not installed here: `.ci/run foreign` brings it.")
    return Study(
        name="end_to_end",
        title=f"Writing {rows:,} rows, with the start of the process",
        unit="CPU seconds",
        command=f"python -m benchmarks.end_to_end --rows {rows} --rounds {rounds}",
        figures=figures,
        bars=[Bar(f"at most the best peer ({peer})", f"{ratio:.2f} x", ratio <= 1)],
        notes=notes,
        packages=[*PACKAGES, "simple-salesforce"],
    )


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(10_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(*, rows: int, rounds: int) -> None:
    """Write ROWS emulated opportunities by every side, in turns."""
    names = [name for name in (BARE, SIMPLE, JSFORCE, OURS) if name in sides()]
    study = study_of(in_turns(names, rows, rounds), rows, rounds)
    save(study)
    print(table(study))  # noqa: T201
    [bar] = study.bars
    print(f"{'held' if bar.is_held else 'MISSED'}: {bar.promise}: {bar.measured}")  # noqa: T201


if __name__ == "__main__":
    main()
