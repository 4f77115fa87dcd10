"""The first hour of docs/try.md, followed to the letter from a second terminal."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.services import free_port
from dc_assets_tests.acceptance.stage import (
    PROGRAM,
    Done,
    alive_with,
    environment_of,
    run_program,
    running,
    wait_until,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

TRY = Path(__file__).parents[2] / "docs" / "try.md"
UP_WITHIN_S = 240.0


@dataclass(frozen=True)
class Line:
    """A command of the guide, and the exit code that stands behind it."""

    words: str
    code: int


def blocks() -> list[list[Line]]:
    """Return the commands of the section's code blocks, block by block."""
    section = TRY.read_text(encoding="utf-8").partition("\n## The first hour")[2]
    texts = re.findall(r"^```\n(.*?)^```", section.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    return [[line_of(text) for text in block.splitlines()] for block in texts]


def line_of(text: str) -> Line:
    """Read one line."""
    words, _, code = text.partition("#")
    return Line(words.strip(), int(code or 0))


@dataclass(frozen=True)
class FirstTerminal:
    """A program that stays up in a terminal."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8")

    def end(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def first_terminal(folder: Path, command: str, latest_outcomes: str) -> Generator[FirstTerminal]:
    """Give a command as the guide does, and wait for the latest results before it stays up."""
    log = folder / "first.log"
    log.unlink(missing_ok=True)
    words = [str(PROGRAM), *command.removeprefix("dc-assets ").split()]
    with running(words, environment_of(folder), log=log) as process:
        terminal = FirstTerminal(process, log)
        wait_until(
            lambda: latest_outcomes in terminal.said or process.poll() is not None,
            latest_outcomes,
            within_s=UP_WITHIN_S,
        )
        assert process.poll() is None, terminal.said
        yield terminal


def in_second_terminal(folder: Path, source: str, command: str) -> Done:
    """Give a command in a shell that knows nothing but how to read the file."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder / "home"), "COLUMNS": "160"}
    done = subprocess.run(
        ["/bin/bash", "-c", f"{source} && {command}"],
        env={**environment, "TMPDIR": str(folder / "tmp")},
        cwd=elsewhere,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def follow(
    folder: Path, terminal: FirstTerminal, lines: Sequence[Line], expected: dict[str, str]
) -> None:
    """Give the lines one after another; each ends with its code and says what is expected."""
    found = re.search(r"In another terminal: (source .*?), then dc-assets", terminal.said)
    assert found is not None, terminal.said
    for number, line in enumerate(lines):
        done = in_second_terminal(folder, found.group(1), line.words)
        said = f"{line.words}\n{done.out}{done.err}"
        assert done.code == line.code, said
        assert "Traceback" not in said
        assert expected[f"{number} {line.words.split()[1]}"] in done.out, said


@pytest.mark.timeout(900)
def test_demo_keep_gives_the_right_picture_from_a_second_terminal(folder: Path) -> None:
    """Status, report, reconcile, replay and run agree on 1,993 landed and 7 refused rows."""
    demo, lines, _, _ = blocks()
    with first_terminal(folder, demo[0].words, "Still up") as terminal:
        expected = {
            "0 status": "Refused rows: 7",
            "1 report": "2,000 selected, 1,993 landed, 7 refused, 0 pending",
            "2 reconcile": "row_count_matches",
            "3 replay": "7 dead letters",
            "4 run": "row_count_matches: source 2,000, target 1,993: 7 refused, 0 unexplained",
        }
        follow(folder, terminal, lines, expected)
        assert terminal.end() == 3, terminal.said
    assert not [*(folder / "tmp").glob("dc-assets-demo-*")]
    assert not alive_with(str(folder))


@pytest.mark.timeout(900)
def test_dev_gives_the_right_picture_from_a_second_terminal(folder: Path) -> None:
    """Plan, run and proof of 2,000 rows; a shell that knows nothing launches nothing."""
    _, _, dev, lines = blocks()
    port = free_port()
    with first_terminal(folder, f"{dev[0].words} --port {port}", "Ctrl-C stops") as terminal:
        ignorant = {**environment_of(folder), "DC_ASSETS_DAGSTER_URL": f"http://127.0.0.1:{port}"}
        refused = run_program(["run"], ignorant)
        assert refused.code == 2, refused.out + refused.err
        assert "loads into another ledger" in refused.err
        assert "source ~/.dc_assets/dev/env.sh" in refused.err
        expected = {
            "0 status": "not begun",
            "1 plan": "2,000 rows",
            "2 run": "row_count_matches: source 2,000, target 2,000: 0 refused, 0 unexplained",
            "3 status": "r1-01, r1-02, r1-03, r1-04, r1-05: proved",
            "4 report": "PROVED: 2,000 selected, 2,000 landed, 0 refused, 0 pending",
            "5 reconcile": "row_count_matches",
            "6 replay": "Nothing to replay.",
        }
        follow(folder, terminal, lines, expected)
        assert terminal.end() == 0, terminal.said
    again = f"dc-assets dev --rows 600 --port {free_port()}"
    with first_terminal(folder, again, "Ctrl-C stops") as terminal:
        assert ": 2,000 rows, 200 parents" in terminal.said
        assert "--rows 600 is not applied" in terminal.said
        follow(folder, terminal, lines[3:4], {"0 status": "r1-05: proved"})
        assert terminal.end() == 0, terminal.said
