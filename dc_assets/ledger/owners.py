"""Who holds a partition: a process that can be told alive from dead on its own host."""

from __future__ import annotations

import functools
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path


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
