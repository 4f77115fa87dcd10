"""The exit codes of every `dc-assets` command: one table."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command says to the shell."""

    PROVED = 0
    """All rows landed and every check agreed."""
    OWN_FAULT = 1
    """A fault in our own program."""
    CONFIGURATION = 2
    """Wrong usage or configuration."""
    REFUSED_ROWS = 3
    """Complete; some rows were refused, nothing is unexplained."""
    UNEXPLAINED = 4
    """Rows are pending or unexplained, too many are refused, or a check was not asked."""
    STOPPED = 5
    """Stopped by the circuit breaker, a budget, an operator, a canary's bar or missing parents."""
    INTERRUPTED = 130
    """Interrupted by the operator."""
    TERMINATED = 143
    """Ended by SIGTERM."""


def exit_code(*, refused: int, pending: int, unexplained: int) -> ExitCode:
    """Choose the exit code of a finished load from its row counts.

    >>> exit_code(refused=37, pending=0, unexplained=0).name
    'REFUSED_ROWS'
    """
    if pending or unexplained:
        return ExitCode.UNEXPLAINED
    return ExitCode.REFUSED_ROWS if refused else ExitCode.PROVED


_WORST_FIRST = (
    ExitCode.OWN_FAULT,
    ExitCode.CONFIGURATION,
    ExitCode.UNEXPLAINED,
    ExitCode.STOPPED,
    ExitCode.REFUSED_ROWS,
    ExitCode.PROVED,
)


def worst_of(codes: Iterable[ExitCode]) -> ExitCode:
    """Choose the exit code of several loads: what stops the others outranks that they stopped.

    >>> worst_of([ExitCode.PROVED, ExitCode.STOPPED, ExitCode.UNEXPLAINED]).name
    'UNEXPLAINED'
    """
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.PROVED)
