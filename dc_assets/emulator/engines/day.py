"""The internal batches an org takes in a day."""

from __future__ import annotations

from threading import Lock

from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.options import Options


class BatchesOfTheDay:
    """Counts down; what an earlier process committed counts too."""

    def __init__(self, core: CoreStore, options: Options) -> None:
        self._core = core
        self._options = options
        self._used: int | None = None
        self._lock = Lock()

    def take(self, wanted: int = 1) -> int:
        """Take so many, or as many as are left; how many it were."""
        with self._lock:
            if self._used is None:
                self._used = self._core.commit_count()
            taken = max(0, min(wanted, self._options.daily_batches_max - self._used))
            self._used += taken
            return taken

    def begin(self) -> None:
        """Begin a new day."""
        with self._lock:
            self._used = None
