"""Keeps a SQLite ledger to one host: its locks and its shared memory are those of one kernel."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.ledger.tables import epoch_now, run_heartbeat


def refuse_second_host(connection: Connection, place: str) -> None:
    """Refuse a SQLite ledger while a run of another kernel beats in it.

    A run that is silent for a lease holds nobody up, so a ledger may move to another host; neither
    does one of our own host before it started anew, nor one of a container beside us.

    Raises:
        ConfigError: another host is at work with the file.
    """
    if connection.dialect.name != "sqlite":
        return
    left_s = run_heartbeat.c.lease_until - epoch_now()
    beating = connection.execute(
        sa.select(run_heartbeat.c.owner, left_s.label("left_s"))
        .where(left_s > 0)
        .order_by(left_s.desc())
    )
    here = current_owner("")
    for row in beating:
        owner = Owner.from_text(row.owner)
        if owner.is_of_another_kernel(here):
            raise ConfigError(
                f"The ledger {place} is at work on {owner.host} (process {owner.pid}), and a "
                "SQLite file is for one host. For several set DC_ASSETS_LEDGER_URL to "
                "postgresql://user:password@host/database. "
                f"If {owner.host} is gone, the ledger opens in {row.left_s:.0f} s."
            )
