"""What the exit codes of each command mean: a table, shown at the end of its help."""

from __future__ import annotations

from collections.abc import Mapping

from dc_assets.core.exit_codes import ExitCode

_OF_A_LOAD = {
    ExitCode.PROVED: "all landed, and every check agreed",
    ExitCode.REFUSED_ROWS: "complete, some rows refused, nothing unexplained",
    ExitCode.UNEXPLAINED: "rows pending or unexplained, too many refused, or a check not asked",
}
_STOPPED = "stopped: circuit breaker, the org's day, a silent host or an operator"

ENDINGS: Mapping[str, Mapping[ExitCode, str]] = {
    "cleanup": {
        ExitCode.PROVED: "shown, or all of it deleted",
        ExitCode.REFUSED_ROWS: "the org refused to delete some records",
        ExitCode.UNEXPLAINED: "what became of some records is not known",
    },
    "deletions": {
        ExitCode.PROVED: "shown, or all of it deleted",
        ExitCode.UNEXPLAINED: "with --confirm: records were held back, or are unaccounted for",
    },
    "demo": {**_OF_A_LOAD, ExitCode.CONFIGURATION: "a service did not start, or ended"},
    "dev": {ExitCode.PROVED: "ended by Ctrl-C"},
    "doctor": {
        ExitCode.PROVED: "nothing is red; there may be warnings",
        ExitCode.CONFIGURATION: "something is red",
    },
    "emulator": {ExitCode.PROVED: "ended by Ctrl-C or SIGTERM"},
    "home": {ExitCode.PROVED: "written"},
    "init": {
        ExitCode.PROVED: "written, and nothing is left to ask",
        ExitCode.CONFIGURATION: "written with questions that only you can answer, or not at all",
    },
    "metrics": {
        ExitCode.PROVED: "printed, or ended by SIGTERM",
        ExitCode.CONFIGURATION: "the ledger does not answer, or the port is taken",
    },
    "notify": {
        ExitCode.PROVED: "shown, or the test was taken by every channel",
        ExitCode.CONFIGURATION: "no channel is set, one refused, or a setting is wrong",
    },
    "plan": {
        ExitCode.PROVED: "GO, or GO, WITH CARE",
        ExitCode.CONFIGURATION: "a side does not answer, or the spec cannot be read",
        ExitCode.STOPPED: "STOP",
    },
    "reconcile": _OF_A_LOAD,
    "replay": {**_OF_A_LOAD, ExitCode.STOPPED: _STOPPED},
    "report": {ExitCode.PROVED: "written", ExitCode.CONFIGURATION: "no load is meant, or several"},
    "restore": {
        ExitCode.PROVED: "shown, or every overwritten record is as its snapshot",
        ExitCode.CONFIGURATION: "no snapshot, or the org or the files are not those of the load",
        ExitCode.REFUSED_ROWS: "the org refused some records, the others are as they were",
        ExitCode.UNEXPLAINED: "records are gone, pending or otherwise than they were",
        ExitCode.STOPPED: _STOPPED,
    },
    "run": {
        **_OF_A_LOAD,
        ExitCode.CONFIGURATION: "wrong usage, no webserver, no org, or the plan says STOP",
        ExitCode.STOPPED: f"{_STOPPED}, a canary's bar, or parents that are not complete",
    },
    "settings": {ExitCode.PROVED: "shown"},
    "status": {
        ExitCode.PROVED: "every partition is done, and its checks agree",
        ExitCode.REFUSED_ROWS: "the same, but for refused rows",
        ExitCode.UNEXPLAINED: "a partition is not done, a check failed or has not looked since",
    },
    "stop": {
        ExitCode.PROVED: "ordered, or nothing was unfinished",
        ExitCode.CONFIGURATION: "with --abort: the org would not abort some job",
    },
}
"""By command; 1, 2, 130 and 143 mean the same of every command, unless it says more of 2."""


def endings_text(name: str) -> str:
    """Return the lines that a command's help ends with, empty for an unknown one.

    >>> print(endings_text("settings").replace(chr(8), "-"))
    <BLANKLINE>
    -
    Exit codes:
      0  shown
    """
    codes = ENDINGS.get(name, {})
    lines = [f"  {code.value}  {codes[code]}" for code in sorted(codes)]
    return "\n".join(["", "\b", "Exit codes:", *lines]) if lines else ""
