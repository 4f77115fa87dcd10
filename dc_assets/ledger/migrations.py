"""Brings the schema of an older ledger to the present one, on opening."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.errors import ConfigError
from dc_assets.ledger import tables

_LOCK = 0x0DC_A55E75  # any constant: all versions of the product take the same lock

STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE load ADD COLUMN stopped_at FLOAT",
        "ALTER TABLE batch ADD COLUMN cleaned_at FLOAT",
        "ALTER TABLE dead_letter ADD COLUMN first_refused_at FLOAT",
        "ALTER TABLE dead_letter ADD COLUMN run_id TEXT",
        "ALTER TABLE dead_letter ADD COLUMN replayed_by VARCHAR(32)",
        "CREATE INDEX dead_letter_by_key ON dead_letter (external_id)",
    ),
    3: (
        "ALTER TABLE load ADD COLUMN lane_scope VARCHAR(96)",
        "ALTER TABLE load ADD COLUMN window_cut_at FLOAT",
        "ALTER TABLE batch ADD COLUMN locked INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE batch ADD COLUMN ended_at FLOAT",
    ),
    4: (
        "ALTER TABLE load ADD COLUMN spec_json TEXT",
        "ALTER TABLE load ADD COLUMN versions TEXT",
        "ALTER TABLE range_state ADD COLUMN source_state TEXT",
        "ALTER TABLE range_state ADD COLUMN proved_at FLOAT",
        "ALTER TABLE range_state ADD COLUMN paused_until FLOAT",
        "ALTER TABLE range_state ADD COLUMN paused_why TEXT",
    ),
}
"""What leads to each version from the one before; new tables need no step."""


def migrate(connection: Connection) -> None:
    """Create the tables, or alter those of an older version.

    Raises:
        ConfigError: a newer program wrote the ledger.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    version = _version(connection)
    if version is not None and version > tables.SCHEMA_VERSION:
        raise ConfigError(
            f"The ledger has schema version {version}, this program knows "
            f"{tables.SCHEMA_VERSION}. Install the newer dc-assets that wrote it."
        )
    if version is not None:
        for step in range(version + 1, tables.SCHEMA_VERSION + 1):
            for statement in STEPS[step]:
                connection.exec_driver_sql(statement)
    tables.metadata.create_all(connection)
    if version is None:
        connection.execute(tables.ledger_version.insert().values(version=tables.SCHEMA_VERSION))
    elif version < tables.SCHEMA_VERSION:
        connection.execute(tables.ledger_version.update().values(version=tables.SCHEMA_VERSION))


def _version(connection: Connection) -> int | None:
    if not sa.inspect(connection).has_table(tables.ledger_version.name):
        return None
    return connection.execute(sa.select(sa.func.max(tables.ledger_version.c.version))).scalar()
