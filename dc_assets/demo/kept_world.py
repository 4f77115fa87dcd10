"""The world of `dc-assets dev`: made once, kept until its user begins anew."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dc_assets.core.errors import ConfigError
from dc_assets.demo.world import Seeding

WORLD_FILE = "world.json"

BEGIN_ANEW = "To begin anew: dc-assets dev --fresh, which deletes that folder."


@dataclass(frozen=True, slots=True)
class KeptWorld:
    """What was made in a folder, as it is remembered there; an interrupted seeding is not."""

    folder: Path

    @property
    def is_there(self) -> bool:
        """Whether an org was made there, whole or not."""
        return (self.folder / "org").exists()

    def remember(self, seeding: Seeding) -> None:
        """Write down what was made."""
        told = json.dumps(asdict(seeding), indent=2)
        (self.folder / WORLD_FILE).write_text(told, encoding="utf-8")

    def description(self, not_applied: Sequence[str]) -> str:
        """Say what is kept, and which options of this start are for a new world alone."""
        said = f"Going on with what is in {self.folder}: {self._contents()}."
        if not_applied:
            verb = "is" if len(not_applied) == 1 else "are"
            said += f" {' and '.join(not_applied)} {verb} not applied: for a new world only."
        return f"{said} {BEGIN_ANEW}"

    def _contents(self) -> str:
        file = self.folder / WORLD_FILE
        if not file.exists():
            return "an org whose seeding was interrupted, or of an earlier version"
        told = json.loads(file.read_text(encoding="utf-8"))
        return (
            f"{told['rows']:,} rows, {told['accounts']:,} parents, {told['skew']}, "
            f"{told['bad_rows']:,} bad rows, and the load spec"
        )

    def forget(self) -> None:
        """Delete everything there."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def held_alone(folder: Path) -> Generator[None]:
    """Keep other processes from holding a folder while the block runs.

    Raises:
        ConfigError: one holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConfigError(
            f"Another `dc-assets dev` is working on {folder}. End it with Ctrl-C first, or use it."
        ) from error
    finally:
        os.close(lock)
