"""Child processes of the demo: each in a session of its own, each ended with the demo."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from dc_assets.cli.interrupts import held
from dc_assets.core.errors import ConfigError
from dc_assets.ledger.clock import SystemClock

STOP_WITHIN_S = 3.0
LOOK_EVERY_S = 0.1


class Service:
    """One program and everything that it starts."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path) -> None:
        self._name = name
        self._log = log
        self._clock = SystemClock()
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C reaches us alone; we end it in order
            )

    def wait_until(self, is_ready: Callable[[], bool], *, within_s: float) -> None:
        """Wait for a service to be ready.

        Raises:
            ConfigError: it ended, or was not ready in time; the last lines of its log are shown.
        """
        deadline_s = self._clock.now_s() + within_s
        while not is_ready():
            if self._process.poll() is not None or self._clock.now_s() > deadline_s:
                tail = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
                raise ConfigError(f"{self._name} did not start: {' '.join(tail) or 'no output'}")
            self._clock.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """End the program, politely first, and then whatever is left of its session."""
        with held():
            self._stop()

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_WITHIN_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def begin(services: ExitStack, name: str, command: Sequence[str], log: Path) -> Service:
    """Start a program that ends with the stack, whenever a signal comes."""
    with held():
        return services.enter_context(Service(name, command, log=log))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refuse_taken_port(port: int) -> None:
    """Say so in one sentence when a port cannot be listened on.

    Raises:
        ConfigError: another program has it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}. "
                "Name another one with --port."
            ) from error
