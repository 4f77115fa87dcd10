"""The options of `demo` and `dev`: what world is made, and at which pace it turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

WORLD = (
    click.option(
        "--rows",
        type=click.IntRange(1),
        default=20_000,
        show_default=True,
        help="Of the source.",
    ),
    click.option(
        "--accounts", type=click.IntRange(1), help="Parents; a tenth of the rows if unset."
    ),
    click.option(
        "--skew",
        default="zipf:1.0",
        show_default=True,
        help="How rows fall on parents: uniform, zipf:1.0, or hot:0.05 (one parent has that "
        "share).",
    ),
    click.option(
        "--partitions",
        type=click.IntRange(1, 99),
        default=5,
        show_default=True,
        help="Of equal size, in the load spec.",
    ),
    click.option("--bad-rows", type=click.IntRange(0), default=0, help="Rows the org will refuse."),
    click.option("--seed", type=int, default=1, show_default=True, help="Of all random choices."),
)

WORLD_NAMES = ("rows", "accounts", "skew", "partitions", "bad_rows", "seed")

PACE = (
    click.option(
        "--org",
        type=click.Choice(["instant", "seed-org"]),
        default="instant",
        show_default=True,
        help="Whether ingest jobs take no time, or that of an org with workers and row locks.",
    ),
    click.option(
        "--time-scale",
        type=click.FloatRange(0, 10_000, min_open=True),
        default=1.0,
        show_default=True,
        help="Seconds of the org in one second of the wall.",
    ),
)


def world_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the world and its pace, in the order of this file."""
    for option in reversed(WORLD + PACE):
        command = option(command)
    return command
