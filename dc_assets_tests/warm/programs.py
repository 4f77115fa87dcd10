"""Starts processes of a program that a warm server has imported before."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SERVER = Path(__file__).with_name("server.py")
ANY_PROGRAM = Path(__file__).with_name("any_program.py")
SCRIPT = Path(sys.executable).with_name("dc-assets")
PRODUCT = Path(__file__).parents[2] / "dc_assets"
CALM = {"OPENBLAS_NUM_THREADS": "1", "_RJEM_MALLOC_CONF": "background_thread:false"}
"""Keeps libraries from threads of their own, which a fork would lose."""

IMPORTED_LATE = (
    *("anyio", "certifi", "h11", "httpcore"),  # by httpx with its first client
)

STORAGE_IMPORTED_LATE = (
    *("dagster._core.instance.factory", "dagster._core.storage.schedules"),
    *("dagster._core.storage.sqlite_storage", "fsspec.implementations.local", "upath"),
)
"""What Dagster imports when it opens a DAGSTER_HOME."""

READ_AT_A_START = ("PYTHON", "LANG", "LC_")
"""Settings that the interpreter itself reads, once."""


@dataclass(frozen=True)
class Files:
    """Open files that become stdin, stdout and stderr of a process."""

    stdin: int
    stdout: int
    stderr: int


class WarmProcess:
    """A forked process, asked and ended like one of `subprocess`."""

    def __init__(self, fate: int, args: Sequence[str]) -> None:
        self.args = args
        self._fate = os.fdopen(fate, "rb", buffering=0)
        self.pid = int(self._line())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, or None."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, when it has.

        Raises:
            subprocess.TimeoutExpired: it has not, after some seconds.
        """
        ended = self._ended_within(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return ended

    def send_signal(self, number: int) -> None:
        """Send a signal to it while it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._fate], [], [], seconds)[0]:
            self.returncode = int(self._line())
            self._fate.close()
        return self.returncode

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            read = self._fate.read(1)
            if not read:
                self._fate.close()
                message = f"the warm server of {self.args} has ended"
                raise AssertionError(message)
            line += read
        return line


class WarmProgram:
    """A server that has imported a program, started with its first process."""

    def __init__(self, *program: str, modules: Sequence[str], path: str = "") -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders = ours
        self._name = program[-1]
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", str(SERVER), str(theirs.fileno()), *program, *modules],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **CALM, **({"PYTHONPATH": path} if path else {})},
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the server; processes that it forked live on."""
        self._orders.close()
        self._server.wait()

    def start(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        *,
        folder: Path,
        files: Files,
        new_session: bool = False,
        in_background: bool = False,
    ) -> WarmProcess:
        """Fork a process in a folder.

        In the background Ctrl-C is ignored, as a shell does behind an ``&``, and what is printed
        comes line by line.
        """
        order = {
            "arguments": [*arguments],
            "settings": dict(settings),
            "folder": str(folder),
            "umask": _umask(),
            "new_session": new_session,
            "in_background": in_background,
        }
        fate, reports = os.pipe()
        handed = [reports, files.stdin, files.stdout, files.stderr]
        socket.send_fds(self._orders, [json.dumps(order).encode()], handed)
        os.close(reports)
        return WarmProcess(fate, [self._name, *arguments])


def _umask() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("Umask:")[2].split()[0], base=8)


def is_read_at_a_start(settings: Mapping[str, str]) -> bool:
    """Return whether settings differ from ours in what only a new interpreter would read."""
    of_theirs, of_ours = (
        {name: value for name, value in one.items() if name.startswith(READ_AT_A_START)}
        for one in (settings, os.environ)
    )
    return of_theirs != of_ours


def _modules_of(folder: str) -> list[str]:
    """Return the names of the modules of a folder of the product."""
    files = sorted((PRODUCT / folder).glob("[a-z]*.py"))
    return [f"dc_assets.{folder}.{file.stem}" for file in files]


@cache
def product() -> WarmProgram:
    """`dc-assets`, with all that its commands import."""
    return WarmProgram(str(SCRIPT), modules=[*_modules_of("cli"), *IMPORTED_LATE])


@cache
def emulator() -> WarmProgram:
    """`python -m dc_assets.emulator`."""
    return WarmProgram("-m", "dc_assets.emulator", modules=["dc_assets.emulator.command"])


@cache
def dagster() -> WarmProgram:
    """`python` with a program of Dagster's that its first argument names.

    It has imported what services, the definitions and `dc-assets home` need.
    """
    services = ("dagster._daemon.cli", "dagster._cli", "dc_assets.demo.guarded_webserver")
    ours = (*_modules_of("orchestration"), "dc_assets.load.spec_files", "dc_assets.cli.home")
    return WarmProgram(str(ANY_PROGRAM), modules=[*services, *ours, *STORAGE_IMPORTED_LATE])
