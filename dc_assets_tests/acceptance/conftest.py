"""Fixtures of whole-process tests."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import StageMaker, short_folder


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder of this test; no process that was started on it may outlive the test."""
    with short_folder() as made:
        yield made


@pytest.fixture
def stage_of(folder: Path) -> Generator[StageMaker]:
    """Make a stage: an org and the settings that point `dc-assets` at it."""
    with ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the pictures of the documents."""
    parser.addoption("--write-images", action="store_true", help="write docs/images/*.png")
