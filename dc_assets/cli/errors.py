"""The border of the command line: our errors become one sentence and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from dc_assets.cli.said import never_fail_to_print, say
from dc_assets.core.errors import (
    ConfigError,
    DcError,
    LedgerAway,
    LedgerConflict,
    LimitReached,
    RemoteError,
    RunStopped,
)
from dc_assets.core.exit_codes import ExitCode
from dc_assets.ledger.owner_only import keep_new_files_private

_EXIT_CODES: dict[type[DcError], ExitCode] = {
    ConfigError: ExitCode.CONFIGURATION,
    LedgerConflict: ExitCode.CONFIGURATION,
    LedgerAway: ExitCode.STOPPED,
    RunStopped: ExitCode.STOPPED,
    LimitReached: ExitCode.STOPPED,
    RemoteError: ExitCode.CONFIGURATION,
    DcError: ExitCode.UNEXPLAINED,
}
"""The first class in the order of the table that an error is of decides."""


class Commands(click.Group):
    """A click group that shows errors without a traceback."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]  # noqa: ANN401 - click's own signature
        """Run a command and leave with its exit code."""
        _heed_interrupts()
        keep_new_files_private()
        never_fail_to_print()
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except DcError as error:
            say(f"dc-assets: {error}", err=True)
            sys.exit(_code_of(error))
        except click.ClickException as error:
            error.show()
            sys.exit(ExitCode.CONFIGURATION)
        except (KeyboardInterrupt, click.Abort):
            say("dc-assets: interrupted", err=True)
            sys.exit(ExitCode.INTERRUPTED)
        sys.exit(code if isinstance(code, int) else ExitCode.PROVED)


def _heed_interrupts() -> None:
    """Let Ctrl-C end a command that was started with SIGINT ignored, and its children.

    A shell without job control starts what it puts into the background so, and Python keeps it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _code_of(error: DcError) -> ExitCode:
    return next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))
