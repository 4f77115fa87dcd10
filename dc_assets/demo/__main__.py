"""Runs `dc-assets demo` or `dc-assets dev`, as the first argument says."""

from __future__ import annotations

import signal
import sys

from dc_assets.cli.errors import Commands
from dc_assets.demo.commands import demo, dev

COMMANDS = Commands(
    "dc-assets",
    {"demo": demo, "dev": dev},
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; SIGTERM and a closed terminal clean up like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored: started with nohup
        signal.signal(signal.SIGHUP, _interrupt)
    COMMANDS.main(sys.argv[1:], prog_name="dc-assets")


if __name__ == "__main__":
    main()
