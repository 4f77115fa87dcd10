"""Puts a SQLite file into write-ahead mode, which several processes may ask for at once."""

from __future__ import annotations

import sqlite3

from dc_assets.ledger.absence import LOOK_AGAIN_S, is_locked
from dc_assets.ledger.clock import SystemClock

MS = 1000


def write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the mode on, and wait for another writer as long as the connection waits for one.

    Raises:
        sqlite3.OperationalError: another one held the file for longer.
    """
    clock = SystemClock()
    (timeout_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    until_s = clock.now_s() + timeout_ms / MS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not is_locked(error) or clock.now_s() >= until_s:
                raise
            # This statement is refused at once while another one writes: SQLite does not wait.
            clock.sleep(LOOK_AGAIN_S)
        else:
            return
