"""Fixtures of the proof: a folder that outlives one test, and orgs that end with their module."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import short_folder


@pytest.fixture(scope="module")
def module_folder() -> Generator[Path]:
    """A folder of this module; no process that was started on it may outlive it."""
    with short_folder() as made:
        yield made
