"""Fixtures of the tests of what Dagster sees."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack

import pytest

from dc_assets_tests.acceptance.stage import Stage, StageMaker, short_folder


@pytest.fixture
def stage() -> Generator[Stage]:
    """An org of this test, with one refused row in the second of two partitions."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)(rows=60, partitions=2, bad_rows=1)
