"""Who holds a partition: a process that can be told alive from dead on its own host."""

from __future__ import annotations

import functools
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Row


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

    def is_of_another_kernel(self, here: Owner) -> bool:
        """Tell whether a process works, for all that is known, under another kernel than ours.

        The same installation under the same name with another boot is our host before it started
        anew.
        """
        if not (self.boot and here.boot) or self.boot == here.boot:
            return False
        return not self.machine or (self.host, self.machine) != (here.host, here.machine)


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


def run_id_of(command: str) -> str:
    """Return the id of a run that Dagster does not know.

    Process ids do not tell such runs apart: in each container the command may be the first process.
    """
    return f"{command}-{uuid.uuid4().hex[:12]}"


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
