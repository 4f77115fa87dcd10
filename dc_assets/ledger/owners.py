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
from dc_assets.ledger.absence import LOOK_AGAIN_S_MAX, one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import epoch_now, range_state, run_heartbeat
from dc_assets.ledger.upsert import insert_or_update


@dataclass(frozen=True, slots=True)
class Owner:
    """One process of one boot of one host, working for one run.

    Attributes:
        boot: id of the boot of the kernel, "" where unknown.
        started: start time of the process in clock ticks since boot, "" where unknown: a process
            id alone is reused by the system.
        machine: id of the installation, "" where unknown; clones of one may have the same.
        processes: id of the set of processes (PID namespace) in which the process id counts, ""
            where unknown: two containers of one host and name have the same ids for others.
    """

    host: str
    boot: str
    pid: int
    started: str
    run_id: str
    machine: str = ""
    processes: str = ""

    def as_text(self) -> str:
        """Return the form that the ledger stores."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Owner:
        """Read the form that the ledger stores."""
        return cls(**json.loads(text))

    def is_known_dead(self) -> bool:
        """Tell whether the process is gone for certain; False when it cannot be known from here.

        Then its lease decides. It is known only where our process would have been given the same
        ids: on the same boot of the same machine, among the same processes.
        """
        here = current_owner(self.run_id)
        if not (self.boot and self.processes and self.started):
            return False
        if self.place != here.place or not _sees_others():
            return False
        return _start_ticks(self.pid) not in {self.started, _UNKNOWN}

    @property
    def place(self) -> tuple[str, ...]:
        """Where its process id counts."""
        return (self.host, self.machine, self.boot, self.processes)


_UNKNOWN = ""


def current_owner(run_id: str) -> Owner:
    """Return this process as an owner."""
    pid = os.getpid()
    return Owner(
        host=socket.gethostname(),
        boot=_text_of("/proc/sys/kernel/random/boot_id"),
        pid=pid,
        started=_start_ticks(pid) or _UNKNOWN,
        run_id=run_id,
        machine=_text_of("/etc/machine-id"),
        processes=_process_set(),
    )


@functools.cache
def _text_of(file: str) -> str:
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return _UNKNOWN


def _process_set() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return _UNKNOWN


def _sees_others() -> bool:
    """Tell whether /proc shows processes of other users; hidepid takes them away."""
    return _start_ticks(1) not in {None, _UNKNOWN}


def _start_ticks(pid: int) -> str | None:
    """Return the start time of a process, "" where the system does not say, None if it is gone.

    Field 22 of /proc/<pid>/stat (man 5 proc); the command name before it may hold spaces. A zombie
    is gone: it can do nothing any more.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except (OSError, ValueError):
        return _UNKNOWN
    return None if fields[0] == "Z" else fields[19]


def living_owner(row: Row[*tuple[Any, ...]]) -> Owner | None:
    """Return who holds a line with ``owner`` and ``is_leased``, unless it is silent or dead."""
    owner = Owner.from_text(row.owner) if row.is_leased else None
    return None if owner is None or owner.is_known_dead() else owner


@contextmanager
def beating(heartbeat: Callable[[], None], every_s: float) -> Generator[None]:
    """Beat from a thread of its own while the block runs, so that no long step keeps it silent.

    A conflict ends the thread: the next write of the run meets the same fence and ends the run.
    Another failure is tried again soon: a lease outlives several missed heartbeats.
    """
    stop = threading.Event()

    def follow() -> None:
        wait_s = every_s
        while not stop.wait(wait_s):
            wait_s = every_s
            try:
                heartbeat()
            except LedgerConflict:
                return
            except (SQLAlchemyError, DcError):
                wait_s = min(every_s, LOOK_AGAIN_S_MAX)

    thread = threading.Thread(target=follow, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class LastHeartbeat:
    """What the last heartbeat of a run tells.

    Attributes:
        is_silent: a lease has passed since.
        is_gone: the process that it came from is known to be gone.
    """

    is_silent: bool
    is_gone: bool


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

    @one_transaction
    def holders(self) -> set[str]:
        """Return the runs that hold a partition of an unfinished load, or held it last."""
        held = sa.select(range_state.c.owner).where(
            range_state.c.open_as.is_not(None), range_state.c.owner.is_not(None)
        )
        with self._database.begin() as connection:
            return {Owner.from_text(owner).run_id for owner in connection.execute(held).scalars()}

    @one_transaction
    def last(self, run_ids: Iterable[str]) -> dict[str, LastHeartbeat]:
        """Return the last heartbeat of each run that ever had one."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(
                    run_heartbeat.c.run_id,
                    run_heartbeat.c.owner,
                    (run_heartbeat.c.lease_until > epoch_now()).label("is_leased"),
                ).where(run_heartbeat.c.run_id.in_(list(run_ids)))
            ).all()
        return {
            row.run_id: LastHeartbeat(
                is_silent=not row.is_leased, is_gone=Owner.from_text(row.owner).is_known_dead()
            )
            for row in rows
        }
