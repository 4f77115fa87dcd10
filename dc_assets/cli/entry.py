"""The program `dc-assets`: it heeds signals before it imports the rest."""

from __future__ import annotations

from dc_assets.cli.interrupts import end_at_once_when_interrupted


def main() -> None:
    """Run a command; imports that are interrupted end in one line too."""
    end_at_once_when_interrupted()
    from dc_assets.cli.main import main as commands  # noqa: PLC0415 - signals are heeded first

    commands()
