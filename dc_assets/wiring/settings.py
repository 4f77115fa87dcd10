"""Where things are, as the environment says: folders and ledger. Cheap to import."""

from __future__ import annotations

import os
from pathlib import Path

from dc_assets.core.errors import ConfigError

PACKAGED_LOADS = Path(__file__).parent.parent / "loads"


def refuse_without_asserts() -> None:
    """Refuse `python -O`: it strips the asserts that guard against faults of our own.

    Raises:
        ConfigError: asserts are off.
    """
    if not __debug__:
        raise ConfigError("dc_assets does not run with python -O or PYTHONOPTIMIZE: unset it.")


def data_folder() -> Path:
    """Return the folder of ledger, spool and receipts: `DC_ASSETS_DATA`, or ~/.dc_assets."""
    return Path(os.environ.get("DC_ASSETS_DATA") or Path.home() / ".dc_assets").absolute()


def loads_folder() -> Path:
    """Return the folder of the load specs: `DC_ASSETS_LOADS`, or the packaged one."""
    return Path(os.environ.get("DC_ASSETS_LOADS") or PACKAGED_LOADS).absolute()


def ledger_url() -> str:
    """Return `DC_ASSETS_LEDGER_URL`, or a SQLite file in the data folder. It is never printed."""
    return os.environ.get("DC_ASSETS_LEDGER_URL") or f"sqlite:///{data_folder() / 'ledger.db'}"
