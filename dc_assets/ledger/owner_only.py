"""Files that hold rows of customers are for their owner alone, whatever the shell's umask says."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_new_files_private() -> None:
    """Take group and others every right to what this process and its children make.

    Each entry of the program begins with it: commands, code location and run workers, demo.
    """
    os.umask(_OTHERS)


def close_to_others(path: Path) -> None:
    """Take group and others every right to a file or folder; one of somebody else stays."""
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)


def open_to_others(folder: Path) -> str:
    """Return one sentence with the remedy if others can look into a folder, else ""."""
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError:
        return ""
    if not mode & _OTHERS:
        return ""
    return f"Others on this machine can look into {folder}, which keeps rows: chmod 700 {folder}"
