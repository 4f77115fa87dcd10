"""Which user of this machine holds the other end of a connection on loopback.

Linux tells it in /proc/net/tcp, and nothing need be kept or typed. Where there is no such file
(macOS, Windows) it is not known.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ROOT = 0

Address = tuple[str, int]


def is_foreign(peer: Address | None, own: Address | None) -> bool:
    """Tell whether a connection comes from another user than this process's, root excepted.

    One that no table lists is foreign, unless there are no tables.
    """
    if peer is None or own is None or not TABLES[0].exists():
        return False
    tables = [table.read_text(encoding="ascii") for table in TABLES if table.exists()]
    return user_of(peer, own, tables) not in {os.getuid(), ROOT}


def user_of(peer: Address, own: Address, tables: Iterable[str]) -> int | None:
    """Return the user id of the socket that is bound to one address and connected to another.

    A socket whose process has closed it has no user: the kernel shows it with inode 0, and user 0.
    """
    ends = (_written(*peer), _written(*own))
    for table in tables:
        for line in table.splitlines()[1:]:
            fields = line.split()
            if (_in_version_4(fields[1]), _in_version_4(fields[2])) == ends:
                return int(fields[7]) if fields[9] != "0" else None
    return None


def _written(host: str, port: int) -> str:
    """Write an IPv4 address as the kernel does: bytes of the host from the last to the first."""
    return f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}"


def _in_version_4(end: str) -> str:
    """Shorten an IPv4 address in an IPv6 table to its own part."""
    return end.removeprefix("0000000000000000FFFF0000")
