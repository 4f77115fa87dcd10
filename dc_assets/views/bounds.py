"""What the ledger knows of the cuts that a spec had before."""

from __future__ import annotations

import sqlalchemy as sa

from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.bounds import OtherBounds, refuse_other_bounds
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import scheme_bounds


@one_transaction
def other_bounds(database: Database, spec: LoadSpec) -> str:
    """Say that the ledger knows other bounds under the scheme of a spec; "" if it does not."""
    try:
        with database.read() as connection:
            refuse_other_bounds(connection, spec)
    except OtherBounds as error:
        return str(error)
    return ""


@one_transaction
def last_scheme(database: Database, spec_name: str) -> int:
    """Return the highest scheme that a load of a spec ever had, 0 before the first one."""
    query = sa.select(sa.func.max(scheme_bounds.c.scheme))
    with database.read() as connection:
        return connection.execute(query.where(scheme_bounds.c.spec_name == spec_name)).scalar() or 0
