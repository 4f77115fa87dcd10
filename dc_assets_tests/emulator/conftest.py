"""One emulator for all tests of a run; each test starts with ten accounts and nothing else."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dc_assets_tests.emulator.driver import Client, Emulator
