"""Runs `dc-assets` in this process: a command costs no interpreter of its own."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import click

from dc_assets.cli.main import main
from dc_assets_tests.acceptance.stage import OWN_SETTINGS, Done


def every_command() -> dict[str, click.Command]:
    """Import all commands, by name."""
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in main.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


@contextmanager
def environment_is(settings: Mapping[str, str]) -> Generator[None]:
    """Let this process have some settings and no other of ours, while the block runs."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(OWN_SETTINGS)]:
        del os.environ[name]
    os.environ.update(settings)
    umask = os.umask(0o022)  # as in the shell of most; an entry changes it
    try:
        yield
    finally:
        os.umask(umask)
        os.environ.clear()
        os.environ.update(before)


def run_here(settings: Mapping[str, str], *arguments: str, encoding: str = "utf-8") -> Done:
    """Run a command to its end, with outputs of an encoding."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
    code: object = None
    with environment_is(settings), redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments, prog_name="dc-assets")
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int), f"{arguments} did not end with a code"
    texts = [sink.buffer.getvalue().decode(encoding) for sink in (out, err)]  # type: ignore[attr-defined]
    return Done(code, *texts)
