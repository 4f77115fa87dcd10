"""A forked process is what a started one would be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dc_assets_tests.acceptance.stage import alive_with, wait_until
from dc_assets_tests.warm.programs import (
    ANY_PROGRAM,
    Files,
    WarmProcess,
    WarmProgram,
    is_read_at_a_start,
)

SETTINGS = {"A_SETTING": "of it", "PATH": "/bin", "LC_CTYPE": "C.UTF-8"}
MIRROR = Path(__file__).with_name("mirror.py")
ROOT = Path(__file__).parents[2]
OURS = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
LEAVES_MUCH = """
import atexit, sys, threading, time

class Left:
    def __init__(self):
        self.own = self

    def __del__(self):
        sys.stderr.write("collected\\n")

def late():
    time.sleep(0.1)
    for sink in (sys.stdout, sys.stderr):
        sink.write("from a thread\\n")

threading.Thread(target=late).start()
atexit.register(sys.stderr.write, "at exit\\n")
Left()
"""


@pytest.fixture(scope="module")
def mirror() -> Generator[WarmProgram]:
    """A warm program that says what it was started with."""
    program = WarmProgram(str(MIRROR), modules=["threading"])
    yield program
    program.close()


def fork(program: WarmProgram, folder: Path, *words: str, alone: bool = False) -> WarmProcess:
    """Fork the mirror; what it writes comes into files of the folder."""
    (folder / "in").write_text("from stdin")
    with (
        (folder / "in").open() as given,
        (folder / "out").open("w") as out,
        (folder / "err").open("w") as err,
    ):
        files = Files(given.fileno(), out.fileno(), err.fileno())
        return program.start(
            *(words, SETTINGS), folder=folder, files=files, new_session=alone, in_background=alone
        )


def seen_by(folder: Path) -> dict[str, Any]:
    """Return what the mirror saw of its start."""
    return json.loads((folder / "out").read_text())


def test_a_forked_process_sees_the_start_that_was_ordered(
    mirror: WarmProgram, tmp_path: Path
) -> None:
    """Arguments, settings and no others, folder, umask, files and no others, signals, exit code."""
    before = os.umask(0o027)
    try:
        process = fork(mirror, tmp_path, "7")
    finally:
        os.umask(before)
    assert process.wait(10) == process.poll() == process.returncode == 7
    cold = subprocess.run(
        [sys.executable, str(MIRROR), "7"],
        input="from stdin",
        capture_output=True,
        text=True,
        env=SETTINGS,
        cwd=tmp_path,
        umask=0o027,
        check=False,
    )
    as_started = json.loads(cold.stdout)
    assert cold.returncode == 7
    assert seen_by(tmp_path) == {**as_started, "pid": process.pid}
    assert (tmp_path / "err").read_text() == cold.stderr == "to stderr\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_forked_process_is_found_and_ended_by_a_signal(
    mirror: WarmProgram, tmp_path: Path, number: signal.Signals
) -> None:
    """By its folder, for its environment is hidden; afterwards it has left the process list."""
    process = fork(mirror, tmp_path, "wait", alone=True)
    wait_until(lambda: (tmp_path / "err").read_text() or (tmp_path / "out").read_text(), "it runs")
    seen = seen_by(tmp_path)
    assert seen["leads_session"]
    assert not seen["hears_ctrl_c"]  # as behind an & of a shell
    assert alive_with(str(tmp_path)) == [process.pid]
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(number)
    assert process.wait(10) == -number
    assert alive_with(str(tmp_path)) == []
    process.kill()  # of what has ended is nothing


@pytest.mark.parametrize("words", [["-m", "dc_assets_tests.warm.mirror"], [str(MIRROR)]])
def test_one_server_runs_any_program_as_python_does(tmp_path: Path, words: list[str]) -> None:
    """A module is known by its name, which what it spawns looks up; a script has none."""
    program = WarmProgram(str(ANY_PROGRAM), modules=["threading"])
    try:
        assert fork(program, tmp_path, words[-1], "0").wait(10) == 0
    finally:
        program.close()
    cold = subprocess.run(
        [sys.executable, *words, "0"],
        capture_output=True,
        text=True,
        env={**SETTINGS, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    as_started = json.loads(cold.stdout)
    seen = {name: seen_by(tmp_path)[name] for name in ("arguments", "module")}
    assert seen == {name: as_started[name] for name in ("arguments", "module")}


def test_many_are_told_apart(mirror: WarmProgram, tmp_path: Path) -> None:
    """Each has a fate of its own, in whatever order they are asked."""
    folders = [tmp_path / str(number) for number in range(5)]
    for folder in folders:
        folder.mkdir()
    started = [fork(mirror, folder, folder.name) for folder in folders]
    assert [process.wait(10) for process in reversed(started)] == [4, 3, 2, 1, 0]
    assert [seen_by(folder)["pid"] for folder in folders] == [one.pid for one in started]


@pytest.mark.parametrize("code", ["3", "None", "'a sentence'"])
@pytest.mark.parametrize("out", ["out", "/dev/full"])
def test_a_forked_process_ends_as_a_started_one(tmp_path: Path, code: str, out: str) -> None:
    """Threads are waited for, exits are run, what is left is collected, a full disk is told."""
    script = tmp_path / "ending.py"
    script.write_text(f"{LEAVES_MUCH}sys.exit({code})\n", encoding="utf-8")
    program = WarmProgram(str(script), modules=["threading"])
    sinks = [tmp_path / out, tmp_path / "err"]
    with Path(os.devnull).open() as nothing, ExitStack() as stack:
        files = [nothing, *(stack.enter_context(sink.open("w")) for sink in sinks)]
        numbers = Files(*(file.fileno() for file in files))
        forked = program.start([], SETTINGS, folder=tmp_path, files=numbers).wait(10)
    program.close()
    with sinks[0].open("w") as full_or_not:
        cold = subprocess.run(
            [sys.executable, str(script)],
            env={**SETTINGS, **OURS},
            stdout=full_or_not,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (forked, sinks[1].read_text()) == (cold.returncode, cold.stderr)
    assert "collected" in cold.stderr


def test_an_import_that_begins_a_thread_is_refused(tmp_path: Path) -> None:
    """No fork takes it along: the first start fails, and does not hang later."""
    (tmp_path / "busy.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    program = WarmProgram(str(tmp_path / "busy.py"), modules=["busy"], path=str(tmp_path))
    with pytest.raises((AssertionError, OSError)):
        fork(program, tmp_path, "0")
    program.close()


def test_what_only_a_new_interpreter_reads_is_known() -> None:
    """A fork cannot do as if it had been started with other switches."""
    assert not is_read_at_a_start({**os.environ, "SF_LOGIN_URL": "x"})
    assert is_read_at_a_start({**os.environ, "PYTHONOPTIMIZE": "1"})
