"""Lets Python keep its bytecode while tests run, and no test fail because the machine is busy.

A run starts hundreds of interpreters: two workers, Dagster's services, commands. Without bytecode
each of them compiles the product and its tests anew, also where the environment says so.
Each worker of pytest imports everything and makes thousands of tests: all of that stays, so no
collection of garbage has to look at it, then or while tests run.
"""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import HealthCheck, settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")

gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again, of what tests make."""
    gc.freeze()
    gc.enable()
