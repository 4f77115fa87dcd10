"""Fixtures of whole-process tests."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import POSTGRES, StageMaker, short_folder
from dc_assets_tests.conformance.conftest import (
    postgres_url as postgres_url,  # noqa: PLC0414 - a fixture
)
from dc_assets_tests.conformance.postgres import new_database


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


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.hunt])]
)
def stage_on(request: pytest.FixtureRequest, stage_of: StageMaker) -> StageMaker:
    """Make a stage whose ledger and Dagster are on SQLite, or both on PostgreSQL."""
    if request.param == "postgres":
        server_url = str(request.getfixturevalue("postgres_url"))
        name = uuid.uuid4().hex[:8]
        stage_of.settings = {
            "DC_ASSETS_LEDGER_URL": new_database(server_url, f"ledger-{name}"),
            POSTGRES: new_database(server_url, f"dagster-{name}"),
        }
    return stage_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the pictures of the documents."""
    parser.addoption("--write-images", action="store_true", help="write docs/images/*.png")
