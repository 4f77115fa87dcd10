"""Short-lived connections of commands that load nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dc_assets.cli.noted import noted_on_stderr
from dc_assets.ledger.database import Database
from dc_assets.wiring.settings import ledger_url

if TYPE_CHECKING:
    from dc_assets.salesforce.session import OrgSession


@contextmanager
def open_ledger() -> Generator[Database]:
    """Open the ledger and close it with the block."""
    database = Database(ledger_url())
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_org() -> Generator[OrgSession]:
    """Log in to the org of the environment, and leave it with the block."""
    from dc_assets.salesforce.session import OrgSession  # noqa: PLC0415 - most look at the ledger
    from dc_assets.wiring.connect import login_from_environment, policy_clock  # noqa: PLC0415

    login, note = login_from_environment(), noted_on_stderr()
    sleep = policy_clock(login.login_url).sleep
    with OrgSession.connect(login, sleep=sleep, note=note) as session:
        yield session
