"""Who holds a partition: a process that can be told alive from dead on its own host."""

from __future__ import annotations

import functools
import json
import os
import socket
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError

from dc_assets.core.errors import DcError, LedgerConflict
from dc_assets.ledger.database import Database, insert_or_update
from dc_assets.ledger.tables import epoch_now, run_heartbeat


@dataclass(frozen=True, slots=True)
class Owner:
    """One process of one boot of one host, working for one run.

    Attributes:
        started: start time of the process in clock ticks since boot, "" where unknown: a process
            id alone is reused by the system.
    """

    host: str
    boot: str
    pid: int
    started: str
    run_id: str

    def as_text(self) -> str:
        """Return the form that the ledger stores."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Owner:
        """Read the form that the ledger stores."""
        return cls(**json.loads(text))

    def is_known_dead(self) -> bool:
        """Tell whether the process is gone for certain; False when it cannot be known from here."""
        here = current_owner(self.run_id)
        if self.host != here.host:
            return False
        return self.boot != here.boot or _start_ticks(self.pid) != self.started


def current_owner(run_id: str) -> Owner:
    """Return this process as an owner."""
    pid = os.getpid()
    return Owner(socket.gethostname(), _boot_id(), pid, _start_ticks(pid) or "", run_id)


@functools.cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> str | None:
    """Return the start time of a process, "" where the system does not say, None if it is gone.

    Field 22 of /proc/<pid>/stat (man 5 proc); the command name before it may hold spaces. A zombie
    is gone: it can do nothing any more.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return _exists_without_proc(pid)
    return None if fields[0] == "Z" else fields[19]


def _exists_without_proc(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


def living_owner(row: Row[*tuple[Any, ...]]) -> Owner | None:
    """Return who holds a line with ``owner`` and ``is_leased``, unless it is silent or dead."""
    owner = Owner.from_text(row.owner) if row.is_leased else None
    return None if owner is None or owner.is_known_dead() else owner


@contextmanager
def beating(heartbeat: Callable[[], None], every_s: float) -> Generator[None]:
    """Beat from a thread of its own while the block runs, so that no long step keeps it silent.

    A conflict ends the thread: the next write of the run meets the same fence and ends the run.
    Another failure is tried again: a lease outlives several missed heartbeats.
    """
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(every_s):
            try:
                heartbeat()
            except LedgerConflict:
                return
            except (SQLAlchemyError, DcError):
                continue

    thread = threading.Thread(target=follow, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class RunHeartbeats:
    """Leases of runs, by run id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def heartbeat(self, owner: Owner, lease_s: float) -> None:
        """Say that a run lives; its lease begins anew."""
        values = {"owner": owner.as_text(), "lease_until": epoch_now() + lease_s}
        with self._database.begin() as connection:
            insert_or_update(connection, run_heartbeat, {"run_id": owner.run_id, **values}, values)

    def now_s(self) -> float:
        """Return seconds since 1970 by the ledger's clock, which measures all leases."""
        return self._database.time_s()

    def dead(self, run_ids: Iterable[str]) -> dict[str, bool]:
        """Tell of each run that ever beat whether it is dead: silent for a lease, or known gone."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(
                    run_heartbeat.c.run_id,
                    run_heartbeat.c.owner,
                    (run_heartbeat.c.lease_until > epoch_now()).label("is_leased"),
                ).where(run_heartbeat.c.run_id.in_(list(run_ids)))
            ).all()
        return {row.run_id: living_owner(row) is None for row in rows}
