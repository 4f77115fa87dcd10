"""Asserts guard against faults of our own, so they must be on."""

from __future__ import annotations

from dc_assets.core.errors import ConfigError


def refuse_without_asserts() -> None:
    """Refuse `python -O`: it strips the asserts that guard against faults of our own.

    Raises:
        ConfigError: asserts are off.
    """
    if not __debug__:
        raise ConfigError("dc_assets does not run with python -O or PYTHONOPTIMIZE: unset it.")
