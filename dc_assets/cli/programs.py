"""`demo`, `dev` and `emulator` are programs of their own: this process becomes them."""

from __future__ import annotations

import os
import sys

import click

_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True}


def _become(module: str, arguments: list[str]) -> None:
    """Replace this process, so that signals reach the program and its exit code is ours."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own module


@click.command(context_settings=_PASSED_ON, add_help_option=False)
@click.pass_context
def demo(context: click.Context) -> None:
    """Load an emulated org through a private Dagster, and print the proof (--rows, --keep …)."""
    _become("dc_assets.demo", ["demo", *context.args])


@click.command(context_settings=_PASSED_ON, add_help_option=False)
@click.pass_context
def dev(context: click.Context) -> None:
    """Start the emulator and the Dagster UI on a home that lasts, and stay up."""
    _become("dc_assets.demo", ["dev", *context.args])


@click.command(context_settings=_PASSED_ON, add_help_option=False)
@click.pass_context
def emulator(context: click.Context) -> None:
    """Start a small Salesforce org with a Data Cloud tenant on 127.0.0.1."""
    _become("dc_assets.emulator", context.args)
