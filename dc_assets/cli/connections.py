"""Short-lived connections of commands that load nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dc_assets.cli.noted import noted_on_stderr
from dc_assets.ledger.absence import BEARS_S, Patience
from dc_assets.ledger.database import Database
from dc_assets.wiring.settings import ledger_url

FOLLOWS_S = 600.0
"""How long a command that follows a load bears that ledger or webserver is away."""

if TYPE_CHECKING:
    from dc_assets.salesforce.session import OrgSession


@contextmanager
def open_ledger(*, bears_s: float = BEARS_S) -> Generator[Database]:
    """Open the ledger and close it with the block; an absence is borne for ``bears_s``."""
    database = Database(ledger_url(), Patience(bears_s, note=noted_on_stderr()))
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_org() -> Generator[OrgSession]:
    """Log in to the org of the environment, and leave it with the block."""
    from dc_assets.salesforce.session import OrgSession  # noqa: PLC0415 - most look at the ledger
    from dc_assets.wiring.connect import policy_clock  # noqa: PLC0415
    from dc_assets.wiring.sign_in import login_from_environment  # noqa: PLC0415

    login, note = login_from_environment(), noted_on_stderr()
    sleep = policy_clock(login.login_url).sleep
    with OrgSession.connect(login, sleep=sleep, note=note) as session:
        yield session
