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
LINES_SHOWN = 3


class Service:
    """One program and everything that it starts."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C reaches us alone; we end it in order
            )

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def failure(self, what: str) -> ConfigError:
        """Return the error that it did something; the last lines of its log are shown."""
        tail = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN:]
        return ConfigError(f"{self._name} {what}: {' '.join(tail) or 'no output'}")

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


class Services(ExitStack):
    """Programs that need each other and end together, the last one first."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: list[Service] = []

    def begin(self, name: str, command: Sequence[str], log: Path) -> Service:
        """Start a program that ends with the block, whenever a signal comes."""
        with held():
            self._begun.append(self.enter_context(Service(name, command, log=log)))
        return self._begun[-1]

    def refuse_dead(self) -> None:
        """Say so when a program has ended: what the others wait for will never come.

        Raises:
            ConfigError: one has ended.
        """
        for service in self._begun:
            if service.is_over:
                raise service.failure("has ended")

    def wait_for(self, service: Service, is_ready: Callable[[], bool], *, within_s: float) -> None:
        """Wait for a program to be ready.

        Raises:
            ConfigError: it was not ready in time, or one of the programs has ended.
        """
        clock = SystemClock()
        deadline_s = clock.now_s() + within_s
        while not is_ready():
            self.refuse_dead()
            if clock.now_s() > deadline_s:
                raise service.failure("did not start")
            clock.sleep(LOOK_EVERY_S)


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
