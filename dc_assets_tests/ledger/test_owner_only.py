"""What holds rows of customers is for its owner alone."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from dc_assets.ledger.database import Database
from dc_assets.ledger.owner_only import close_to_others, keep_new_files_private, open_to_others
from dc_assets_tests.acceptance.stage import short_folder

NOBODY = 65_534


@pytest.fixture
def careless() -> Generator[None]:
    """A shell with the umask that most have."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    """Return the rights of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def files_of(folder: Path) -> dict[str, int]:
    """Return the rights of each file of a folder."""
    return {file.name: mode(file) for file in sorted(folder.iterdir())}


def readable_by(uid: int, folder: Path) -> set[str]:
    """Return what another user can read of a folder and below it, asked as that user."""
    done = subprocess.run(
        ["find", str(folder), "-readable"],  # noqa: S607 - of the system
        user=uid,
        group=uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stdout.splitlines())


@pytest.mark.usefixtures("careless")
def test_a_ledger_is_for_its_owner(tmp_path: Path) -> None:
    """Its -wal and -shm too, whatever the umask, and the folder that is made for it."""
    folder = tmp_path / "data"
    with closing(Database(f"sqlite:///{folder / 'ledger.db'}")):
        assert mode(folder) == 0o700
        assert files_of(folder) == {f"ledger.db{tail}": 0o600 for tail in ("", "-shm", "-wal")}


@pytest.mark.usefixtures("careless")
def test_a_ledger_that_others_could_read_is_closed(tmp_path: Path) -> None:
    """One of an earlier version, in a folder that is for everybody."""
    file = tmp_path / "ledger.db"
    with closing(Database(f"sqlite:///{file}")):
        for one in tmp_path.iterdir():
            one.chmod(0o644)
        with closing(Database(f"sqlite:///{file}")):
            assert set(files_of(tmp_path).values()) == {0o600}
            assert len(files_of(tmp_path)) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
def test_another_user_reads_nothing() -> None:
    """Not even in a folder that is for everybody."""
    with short_folder() as folder:
        folder.chmod(0o755)
        (folder / "plain").write_text("for all")
        (folder / "plain").chmod(0o644)
        with closing(Database(f"sqlite:///{folder / 'ledger.db'}")):
            found = readable_by(NOBODY, folder)
        assert found == {str(folder), str(folder / "plain")}  # the question finds what is open


def test_new_files_are_private_after_the_entry(tmp_path: Path) -> None:
    """Also those that a library makes."""
    before = os.umask(0o022)
    try:
        keep_new_files_private()
        (tmp_path / "file").write_text("x")
        (tmp_path / "folder").mkdir()
    finally:
        os.umask(before)
    assert files_of(tmp_path) == {"file": 0o600, "folder": 0o700}


def test_a_folder_that_others_look_into_is_named_with_the_remedy(tmp_path: Path) -> None:
    """In one sentence; a private one, and one that is not there, in none."""
    tmp_path.chmod(0o750)
    assert open_to_others(tmp_path).endswith(f"chmod 700 {tmp_path}")
    close_to_others(tmp_path)
    assert open_to_others(tmp_path) == ""
    assert open_to_others(tmp_path / "nowhere") == ""
