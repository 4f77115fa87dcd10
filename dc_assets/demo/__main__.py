"""Runs `dc-assets demo` or `dc-assets dev`, as the first argument says."""

from __future__ import annotations

import sys

from dc_assets.cli.interrupts import end_at_once_when_interrupted


def main() -> None:
    """Run the command; Ctrl-C, SIGTERM and a closed terminal clean up what it has begun."""
    end_at_once_when_interrupted()
    from dc_assets.cli.errors import Commands  # noqa: PLC0415 - signals are heeded first
    from dc_assets.demo.commands import demo, dev  # noqa: PLC0415 - likewise

    commands = Commands(
        "dc-assets",
        {"demo": demo, "dev": dev},
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    commands.main(sys.argv[1:], prog_name="dc-assets")


if __name__ == "__main__":
    main()
