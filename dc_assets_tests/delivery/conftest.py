"""Servers and a ledger of one test."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.ledger.database import Database
from dc_assets_tests.delivery.servers import HookServer, MailServer, serving
from dc_assets_tests.fakes.ledgers import OpenLedger, lay_ledger


@pytest.fixture
def mail_server() -> Generator[MailServer]:
    """A mail server without TLS."""
    server = MailServer()
    with serving(server):
        yield server
        server.hold.release()


@pytest.fixture
def hook_server() -> Generator[HookServer]:
    """A server of a webhook."""
    server = HookServer()
    with serving(server):
        yield server
        server.hold.release()


@pytest.fixture
def ledger(tmp_path: Path) -> Generator[OpenLedger]:
    """The ledger in a data folder of the test."""
    url = lay_ledger(tmp_path / "ledger.db")
    database = Database(url)
    yield OpenLedger(database, url, org_id="00D000000000001")
    database.close()
