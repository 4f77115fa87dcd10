"""Files of the owner alone: the folder of the data, and the ready file with its secrets."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

OWNER_ONLY = 0o077
"""The bits that a file or folder made by the emulator never has."""


class ReadyFileError(Exception):
    """The ready file cannot be written; the text is one sentence."""


class ReadyFile:
    """A file that appears when all is ready, whole, and with the mode 0600."""

    def __init__(self, path: Path, draft: Path) -> None:
        self._path = path
        self._draft = draft

    def publish(self, content: Mapping[str, str]) -> None:
        """Write the content and give the file its name.

        Raises:
            ReadyFileError: the file cannot be written.
        """
        with _told(self._path):
            self._draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
            self._draft.replace(self._path)


@contextmanager
def ready_file(path: Path) -> Generator[ReadyFile]:
    """Try at once whether the file can be made: nobody should seed for minutes in vain.

    Raises:
        ReadyFileError: it cannot.
    """
    with _told(path):
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        # A name that nobody can foresee, made by this call: in a shared folder another user
        # could have laid a link under any other.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    draft = Path(name)
    try:
        yield ReadyFile(path, draft)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        text = f"The ready file {path} cannot be written: {error.strerror}."
        raise ReadyFileError(text) from error


def open_folder(folder: Path) -> Path:
    """Make the folder of the data if it is absent, and close what it holds to other users.

    A folder that was there keeps its mode, for it may be any folder; what is in it of an earlier
    start does not.

    Raises:
        OSError: the folder cannot be made, or is not ours.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stores = (*folder.glob("core.duckdb*"), *folder.glob("data_cloud.duckdb*"))
    for kept in (*stores, folder / "jobs", folder / "commits"):
        if kept.exists() and kept.stat().st_mode & OWNER_ONLY:
            kept.chmod(kept.stat().st_mode & ~OWNER_ONLY)
    return folder.resolve()
