"""Lets Python keep its bytecode while tests run, and no test fail because the machine is busy.

A run starts hundreds of interpreters: two workers, Dagster's services, commands. Without bytecode
each of them compiles the product and its tests anew, also where the environment says so.
Each worker of pytest imports everything and makes thousands of tests: all of that stays, so no
collection of garbage has to look at it, then or while tests run.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# In the background of a script Ctrl-C is ignored, and Dagster ignores SIGTERM then: so would every
# program that a test starts and ends.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")

gc.disable()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path,
) -> Generator[None, Sequence[pytest.Collector], Sequence[pytest.Collector]]:
    """Look for doctests only where some are written: each worker would search every double."""
    found = yield
    if not found or ">>>" in file_path.read_text(encoding="utf-8"):
        return found
    return [one for one in found if type(one) is pytest.Module]


def pytest_collection_finish() -> None:
    """Collect garbage again, of what tests make."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--no-loadscope-reorder` begin with the files that may take longest.

    Workers take file by file, and one that takes four minutes would else be alone at the end.
    """
    if config.getoption("loadscopereorder"):
        return
    longest: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        within_s = float(marker.args[0]) if marker else 0.0
        longest[item.path] = max(within_s, longest.get(item.path, 0.0))
    items.sort(key=lambda item: -longest[item.path])
