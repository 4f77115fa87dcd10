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


def is_open_to_others(path: Path) -> bool:
    """Tell whether group or others have any right to a file or folder that is there."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def open_to_others(folder: Path) -> str:
    """Return one sentence with the remedy if others can look into a folder, else ""."""
    if not is_open_to_others(folder):
        return ""
    return f"Others on this machine can look into {folder}, which keeps rows: chmod 700 {folder}"
