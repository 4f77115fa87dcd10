"""Single lines on the terminal without a console: errors, and answers of small commands."""

from __future__ import annotations

import io
import sys

import click

from dc_assets.core.printable import printable


def say(line: str, *, err: bool = False) -> None:
    """Print one line without a console: an error, or the answer of a small command."""
    click.echo(printable(line), err=err)


def never_fail_to_print() -> None:
    """Let a terminal that lacks a sign show its escape: a load must not end over an arrow."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
