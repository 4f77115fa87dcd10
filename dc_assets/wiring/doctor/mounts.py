"""Whether a folder lies on a network file system, by the table of mounts of Linux."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
NETWORK = re.compile(r"nfs\d?|cifs|smb\w*|afs|ceph|glusterfs|lustre|fuse\.sshfs|9p")


def network_mount(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return the kind of network file system that a folder lies on, "" for a disk.

    A machine that has no such table tells nothing.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        real = folder.resolve()
    except OSError:
        return ""
    kinds = {Path(_unescaped(one.split()[1])): one.split()[2] for one in lines if one.strip()}
    kind = next((kinds[one] for one in (real, *real.parents) if one in kinds), "")
    return kind if NETWORK.fullmatch(kind) else ""


def _unescaped(path: str) -> str:
    r"""Return a path as it is; the table writes blanks and their like in octal.

    >>> _unescaped(r"/mnt/my\040disk")
    '/mnt/my disk'
    """
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)
