"""Imports a program once, and forks a process of it for each order that comes over a socket.

Started by its path with a socket, the program (a script, or -m and a module) and the modules to
import. It has one thread and runs nothing of the program itself: what is forked is as new as
after its imports. It ends when the other end of the socket is closed.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

ORDER_BYTES_MAX = 200_000
FILES = 4
"""What comes with each order: the end of a pipe for its fate, stdin, stdout and stderr."""

DIES_BY_FORK = {"polars-ooc-clea"}
"""Threads of imports that no test needs: this one tidies up after sorts that outgrow memory."""


@dataclass
class Server:
    """The socket of orders, and where to report the fate of each living child."""

    orders: socket.socket
    fates: dict[int, int] = field(default_factory=dict[int, int])

    def serve(self) -> dict[str, Any] | None:
        """Fork children until no orders can come; returns an order in each child, else None."""
        bell, ringer = os.pipe()
        os.set_blocking(ringer, False)
        signal.set_wakeup_fd(ringer)
        signal.signal(signal.SIGCHLD, _wake)
        while True:
            ready, _, _ = select.select([self.orders, bell], [], [])
            if bell in ready:
                os.read(bell, 4096)
                self._report()
            if self.orders in ready:
                text, files, _, _ = socket.recv_fds(self.orders, ORDER_BYTES_MAX, FILES)
                if not text:
                    return None
                order: dict[str, Any] = json.loads(text)
                if self._is_child(order, files):
                    signal.set_wakeup_fd(-1)
                    os.close(bell)
                    os.close(ringer)
                    return order

    def _is_child(self, order: dict[str, Any], files: list[int]) -> bool:
        child = os.fork()
        if child:
            self.fates[child] = files[0]
            os.write(files[0], f"{child}\n".encode())
            for file in files[1:]:
                os.close(file)
            return False
        self.orders.close()
        for fate in self.fates.values():
            os.close(fate)
        become(order, files)
        return True

    def _report(self) -> None:
        while self.fates:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            fate = self.fates.pop(child)
            with suppress(BrokenPipeError):  # whoever started it has ended, or dropped it
                os.write(fate, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(fate)


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Take a signal, so that the interpreter writes it to the wakeup file."""


def become(order: dict[str, Any], files: list[int]) -> None:
    """Take on what a start gives a process: its files, folder, settings and signals."""
    fate, *standard = files
    os.close(fate)
    if order["new_session"]:
        os.setsid()
    for number, file in enumerate(standard):
        os.dup2(file, number)
        os.close(file)
    os.chdir(order["folder"])
    os.umask(order["umask"])
    os.environ.clear()
    os.environ.update(order["settings"])
    tempfile.tempdir = None
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctrl_c = signal.SIG_IGN if order["in_background"] else signal.default_int_handler
    signal.signal(signal.SIGINT, ctrl_c)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=order["in_background"])  # pyright: ignore[reportAttributeAccessIssue] - text files have it


def main(orders_file: str, *words: str) -> None:
    """Import, serve, and in a child run the program."""
    program, is_module = (words[1], True) if words[0] == "-m" else (words[0], False)
    for module in words[1 + is_module :]:
        importlib.import_module(module)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threads = [(one / "comm").read_text().strip() for one in Path("/proc/self/task").iterdir()]
    left = [name for name in threads if name not in DIES_BY_FORK]
    assert len(left) == 1, f"an import began threads, which no fork takes along: {left}"
    gc.freeze()
    order = Server(socket.socket(fileno=int(orders_file))).serve()
    if order is None:
        return
    sys.argv = [program, *order["arguments"]]
    try:
        if is_module:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        leave(end.code)
    else:
        leave(0)


def leave(code: int) -> None:
    """End as the interpreter does, but leave its modules whole.

    To take them apart copies nearly every page of the server, which is most of the work of a short
    command. What the program itself made and left is collected, so that its complaints are seen.
    Where an output cannot be written any more, the interpreter says so and changes the code.
    """
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue] - waits for all threads
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage] - only the interpreter does it else
    try:
        _flush()
        gc.collect()
        _flush()
    except (OSError, ValueError):
        sys.exit(code)
    os._exit(code & 0xFF)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
