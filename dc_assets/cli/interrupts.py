"""Ctrl-C, SIGTERM and a closed terminal end a command with one line, at every moment.

Before a command begins there is nothing to leave in order, so the process ends at once; that
matters while modules are imported, where an exception would become a traceback or another error.
Then the command is interrupted by an exception, and has `GRACE_S` to leave things in order.
This module imports nothing that takes time.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

CODES = {signal.SIGINT: 130, signal.SIGHUP: 130, signal.SIGTERM: 143}
"""The exit code of each signal, as shells write them; a closed terminal is its operator."""

GRACE_S = 13.0
"""How long a command may take to leave things in order, a call to a silent host included."""

LINE = "dc-assets: interrupted"


class _Heard:
    """What this process has heard.

    Attributes:
        code: exit code of the first signal; None before.
        is_held: whether a signal has to wait until something was begun or ended whole.
        is_raised: whether the command was interrupted; it is once.
        last: ends the process when the command does not.
    """

    code: int | None = None
    is_held: bool = False
    is_raised: bool = False
    last: threading.Timer | None = None


def end_at_once_when_interrupted() -> None:
    """Let a signal end this process, and say so in one line.

    A shell without job control starts what it puts into the background with SIGINT ignored; a
    signal to end is meant there too. A terminal that closes is ignored under nohup.
    """
    for number in CODES:
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        signal.signal(number, _end)


@contextmanager
def interrupted_in_order() -> Generator[None]:
    """Let a signal raise KeyboardInterrupt in the block, once; afterwards it is as before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Heard.code, _Heard.is_held, _Heard.is_raised, _Heard.last = None, False, False, None
    before = {number: signal.getsignal(number) for number in CODES}
    for number, handler in before.items():
        if number is signal.SIGHUP and handler is signal.SIG_IGN:
            continue
        signal.signal(number, _hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if _Heard.last is not None and before[signal.SIGINT] is not _end:
            _Heard.last.cancel()  # this process is not the program: it does not end now


@contextmanager
def held() -> Generator[None]:
    """Let a signal wait until the block is done: what it begins is noted, what it ends is gone."""
    was_held, _Heard.is_held = _Heard.is_held, True
    try:
        yield
    finally:
        _Heard.is_held = was_held
    _raise_once()


def code_heard() -> int | None:
    """Return the exit code of the signal that interrupted the command, or None."""
    return _Heard.code


def _hear(number: int, _: object) -> None:
    """Take in a signal; later ones change nothing: the first one is being obeyed."""
    if _Heard.code is None:
        _Heard.code = CODES[signal.Signals(number)]
        _Heard.last = threading.Timer(GRACE_S, _end, (number, None))
        _Heard.last.daemon = True
        _Heard.last.start()
    _raise_once()


def _raise_once() -> None:
    if _Heard.code is not None and not _Heard.is_held and not _Heard.is_raised:
        _Heard.is_raised = True
        raise KeyboardInterrupt


def _end(number: int, _: object) -> NoReturn:
    os.write(2, f"{LINE}\n".encode())
    os._exit(CODES[signal.Signals(number)])
