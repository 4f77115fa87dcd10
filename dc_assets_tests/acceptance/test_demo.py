"""`dc-assets demo` as a stranger runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import (
    IN_BACKGROUND,
    PROGRAM,
    alive_with,
    environment_of,
    run_program,
    wait_until,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]


def leftovers(folder: Path) -> list[str]:
    """Return what the demo left in the place for temporary files."""
    return [path.name for path in (folder / "tmp").glob("dc-assets-demo-*")]


def test_the_demo_proves_its_load_and_leaves_nothing_behind(folder: Path) -> None:
    """2,000 rows, seven of them bad: the proof names each, and the exit code says so."""
    done = run_program(
        ["demo", "--rows", "2000", "--bad-rows", "7", "--partitions", "2"], environment_of(folder)
    )
    assert done.code == 3, done.out + done.err
    assert "row_count_matches: source 2,000, target 1,993: 7 refused, 0 unexplained" in done.out
    named = re.findall(r"r1-0[12]  (externalOpp\d{7})  ([A-Z_]+): \S+", done.out)
    assert len(set(named)) == 7
    assert {code for _, code in named} == {
        "REQUIRED_FIELD_MISSING",
        "INVALID_FIELD",
        "STRING_TOO_LONG",
    }
    for check in ("row_count_matches", "stage_name_distribution_matches"):
        assert re.search(rf"^{check} +(WARNING *){{2}}$", done.out, re.MULTILINE), done.out
    assert "Traceback" not in done.out + done.err
    assert not leftovers(folder)
    assert not alive_with(str(folder))


@contextmanager
def demo_in_its_backfill(folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """Give a demo that has launched its backfill, in the background of a script."""
    heard = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup lets its children hear none
    log = folder / "demo.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*IN_BACKGROUND, str(PROGRAM), "demo", "--rows", "500"],
            env=environment_of(folder),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    signal.signal(signal.SIGHUP, heard)
    try:
        wait_until(lambda: b"Backfill" in log.read_bytes(), "the backfill began")
        assert leftovers(folder)
        yield process
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert not leftovers(folder)
    assert not alive_with(str(folder))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_ends_everything_the_demo_started(folder: Path, end: signal.Signals) -> None:
    """In the middle of the backfill, in a script's background or with its terminal closed: 130."""
    with demo_in_its_backfill(folder) as process:
        process.send_signal(end)
        assert process.wait(30) == 130


def test_a_demo_ends_when_one_of_its_programs_does(folder: Path) -> None:
    """Nothing would ever start the runs. Webserver and daemon had one code server until then."""
    with demo_in_its_backfill(folder) as process:
        wait_until(lambda: alive_with(str(folder), command="spawn_main"), "a run began")
        (daemon,) = alive_with(str(folder), command="dagster._daemon")
        assert len(alive_with(str(folder), command="grpc")) == 1
        os.kill(daemon, signal.SIGKILL)
        assert process.wait(30) == 2
    said = (folder / "demo.log").read_text(encoding="utf-8")
    assert said.splitlines()[-1].startswith("dc-assets: Dagster's daemon has ended: ")
    assert "continues in Dagster" not in said


def test_a_port_in_use_is_said_before_anything_starts(folder: Path) -> None:
    """One sentence with the port, and exit code 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["demo", "--rows", "500", "--port", str(port)]
        done = run_program(arguments, environment_of(folder))
    assert done.code == 2
    assert done.err.startswith(f"dc-assets: Port {port} of 127.0.0.1 cannot be used: ")
    assert done.err.count("\n") == 1
    assert "--port" in done.err
    assert not leftovers(folder)
