"""The settings of a running demo, as a shell in another terminal reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dc_assets.demo.env_file import how_to_use, write_env_file

FOLDER = """it's a "folder" with $HOME, `id`, \\ and \n a line"""
PLAIN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def read_by(shell: str, words: str) -> dict[str, str]:
    """Return the environment of a shell that was told some words."""
    done = subprocess.run(
        [shell, "-euc", f"{words}\nenv -0"],
        env=PLAIN,
        capture_output=True,
        check=True,
        timeout=30,
    )
    pairs = done.stdout.decode().rstrip("\0").split("\0")
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_reads_back_every_value_as_it_was(shell: str, tmp_path: Path) -> None:
    """Quotes, blanks, dollars, backslashes and line ends, in values and in the folder's name."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    settings = {"DC_ASSETS_DATA": str(folder / "data"), "SF_CLIENT_SECRET": "a'b $c", "EMPTY": ""}
    write_env_file(folder, settings)
    words = how_to_use(folder / "env.sh", "status").removeprefix("In another terminal: ")
    command = words.replace("source ", ". ", 1).removesuffix(", then dc-assets status")
    seen = read_by(shell, command)
    assert {name: seen[name] for name in settings} == settings
    assert seen["PATH"] == f"{PLAIN['PATH']}:{Path(sys.executable).parent}"


def test_the_file_is_for_its_owner_alone_whatever_stood_there(tmp_path: Path) -> None:
    """It holds a secret: mode 0600, also under a wide umask, over a wide file, not by a link."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept", encoding="utf-8")
    (tmp_path / "env.sh").symlink_to(elsewhere)
    before = os.umask(0)
    try:
        file = write_env_file(tmp_path, {"SF_CLIENT_SECRET": "s3cret"})
    finally:
        os.umask(before)
    assert not file.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600
    assert elsewhere.read_text(encoding="utf-8") == "kept"
