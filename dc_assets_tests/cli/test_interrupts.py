"""A signal ends a command with one line and its exit code, while it imports too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click
import pytest

from dc_assets.cli.errors import Commands
from dc_assets.cli.interrupts import code_heard, held, interrupted_in_order
from dc_assets.core.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]
LINE = "dc-assets: interrupted\n"

AT_IMPORT = """
import os, signal, sys
class Strikes:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{end})
sys.meta_path.insert(0, Strikes())
from dc_assets.{entry} import main
main()
"""
"""A program whose import of a module is met by a signal."""


def test_the_program_begins_with_the_entry_that_heeds_signals() -> None:
    """What is imported before it is nothing but Python itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"dc-assets": "dc_assets.cli.entry:main"}


@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    ("entry", "module"),
    [("cli.entry", "click"), ("cli.entry", "sqlalchemy"), ("demo.__main__", "click")],
)
def test_an_interrupted_import_is_one_line(
    tmp_path: Path, entry: str, module: str, end: str
) -> None:
    """Neither a traceback nor another error comes of it."""
    program = AT_IMPORT.format(entry=entry, module=module, end=end)
    done = subprocess.run(
        [sys.executable, "-c", program, "status"],
        env={**os.environ, "DC_ASSETS_DATA": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        {"SIGINT": 130, "SIGTERM": 143}[end],
        "",
        LINE,
    )


def begin_and_note(noted: list[str]) -> None:
    """Be met by a signal between a beginning and the note of it."""
    with held():
        os.kill(os.getpid(), signal.SIGTERM)
        noted.append("begun")
    noted.append("never")


def be_interrupted_twice(done: list[str]) -> None:
    """Be met by two more signals while things are left in order."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(5)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("in order")


@pytest.mark.parametrize(
    ("command", "left", "code"),
    [(begin_and_note, "begun", 143), (be_interrupted_twice, "in order", 130)],
)
def test_a_signal_comes_once_and_at_a_good_moment(
    command: Callable[[list[str]], None], left: str, code: int
) -> None:
    """Not before what was begun is noted, and not again while the first one is obeyed."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interrupted_in_order():
        command(done)
    assert done == [left]
    assert code_heard() == code


class InterruptedOutside(click.Group):
    """A group that is interrupted before click listens, or after."""

    def main(self, *_: object, **__: object) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Be interrupted."""
        raise KeyboardInterrupt


class OurGroup(Commands, InterruptedOutside):  # pyright: ignore[reportIncompatibleMethodOverride]
    """Our border around it."""


def test_an_interrupt_that_click_does_not_see_is_an_interrupt_too() -> None:
    """Python would end the process by the signal itself, with its own traceback."""
    with pytest.raises(SystemExit) as ended:
        OurGroup("dc-assets").main([])
    assert ended.value.code == ExitCode.INTERRUPTED
