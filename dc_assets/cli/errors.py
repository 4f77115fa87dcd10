"""The border of the command line: our errors become one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from dc_assets.cli.interrupts import LINE, code_heard, interrupted_in_order
from dc_assets.cli.said import never_fail_to_print, say
from dc_assets.core.errors import (
    STOPPING,
    ConfigError,
    DcError,
    LedgerAway,
    LedgerConflict,
    RemoteError,
)
from dc_assets.core.exit_codes import ExitCode
from dc_assets.ledger.owner_only import keep_new_files_private

_EXIT_CODES: dict[type[DcError], ExitCode] = {
    ConfigError: ExitCode.CONFIGURATION,
    LedgerConflict: ExitCode.CONFIGURATION,
    LedgerAway: ExitCode.STOPPED,
    **dict.fromkeys(STOPPING, ExitCode.STOPPED),
    RemoteError: ExitCode.CONFIGURATION,
    DcError: ExitCode.UNEXPLAINED,
}
"""The first class in the order of the table that an error is of decides."""


class Commands(click.Group):
    """A click group that shows errors without a traceback."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]  # noqa: ANN401 - click's own signature
        """Run a command and leave with its exit code."""
        keep_new_files_private()
        never_fail_to_print()
        with interrupted_in_order():
            try:
                code = super().main(args, standalone_mode=False, **extra)
            except KeyboardInterrupt:  # raised where click does not look for it
                sys.exit(_interrupted())
            except Exception as error:
                if code_heard() is not None:  # whatever an interrupted import or call made of it
                    sys.exit(_interrupted())
                if not isinstance(error, DcError | click.ClickException | click.Abort):
                    raise
                sys.exit(told(error))
            sys.exit(code if isinstance(code, int) else ExitCode.PROVED)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was named; click would print an empty line for an interrupt."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_interrupted()) from None


def _interrupted() -> int:
    """Say that the command was interrupted, and return its exit code."""
    say(LINE, err=True)
    return code_heard() or ExitCode.INTERRUPTED


def told(error: DcError | click.ClickException | click.Abort) -> ExitCode | int:
    """Say in one sentence what ended a command, and return its exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return ExitCode.CONFIGURATION
    if isinstance(error, click.Abort):
        return _interrupted()
    say(f"dc-assets: {error}", err=True)
    return _code_of(error)


def _code_of(error: DcError) -> ExitCode:
    return next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))
