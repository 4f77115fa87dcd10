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
    click.option(
        "--edition",
        type=click.Choice(["developer", "enterprise"]),
        help="15,000 calls a day, or 5,000,000; enterprise above 200,000 rows if unset.",
    ),
)

DEVELOPER_ROWS_MAX = 200_000
"""Rows that a developer org surely takes in a day, with all that is read to prove them."""


def edition_for(rows: int, edition: str | None) -> str:
    """Return the edition that was asked for, or one whose calls of a day are enough.

    >>> edition_for(20_000, None), edition_for(2_000_000, None)
    ('developer', 'enterprise')
    """
    return edition or ("developer" if rows <= DEVELOPER_ROWS_MAX else "enterprise")


def world_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the world and its pace, in the order of this file."""
    for option in reversed(WORLD + PACE):
        command = option(command)
    return command
