"""Heartbeats of a whole run, for as long as Dagster keeps its resources."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from dc_assets.core.errors import DcError
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import RunHeartbeats, beating
from dc_assets.ledger.owners import current_owner
from dc_assets.wiring.connect import lease
from dc_assets.wiring.settings import ledger_url


@contextmanager
def run_alive(run_id: str) -> Generator[None]:
    """Beat for a run while the block lasts.

    A ledger that cannot be opened is no failure here: the step that needs it says so in its own
    words, and a step of others needs none.
    """
    with ExitStack() as cleanup:
        with suppress(DcError, SQLAlchemyError):
            times = lease()
            database = Database(ledger_url())
            cleanup.callback(database.close)
            beat = partial(RunHeartbeats(database).heartbeat, current_owner(run_id), times.lease_s)
            beat()
            cleanup.enter_context(beating(beat, times.heartbeat_s))
        yield
