"""The entry point of `dc-assets`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
