"""Fixtures of the tests of the command line."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack

import pytest

from dc_assets_tests.acceptance.stage import Stage, StageMaker, short_folder


@pytest.fixture(scope="module")
def stage() -> Generator[Stage]:
    """One org for the tests of a module: they change nothing in it, or do so in order."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)(rows=60, partitions=2, bad_rows=2)


@pytest.fixture
def fresh() -> Generator[Stage]:
    """An org of one test, which may do with it what it likes."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)(rows=120, partitions=2)


@pytest.fixture
def fresh_thousand() -> Generator[Stage]:
    """An org of one test with a thousand rows."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)(rows=1_000, partitions=2)


@pytest.fixture(scope="module")
def module_stage() -> Generator[StageMaker]:
    """Make one stage for the tests of a module, of any size."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)
