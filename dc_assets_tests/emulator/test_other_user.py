"""Another user of the machine: no file, no side door, no SQL."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dc_assets.emulator.owned import open_folder
from dc_assets_tests.emulator.driver import Client, Emulator, rows_csv, start_new

NOBODY = 65_534
INTERPRETER = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
INTRUDER = """
import json, os, sys, urllib.error, urllib.request
folder, base, tenant, pid = sys.argv[1:]
got = []
for path in [folder + "/ready.json", f"/proc/{pid}/environ", folder + "/data/core.duckdb"]:
    try:
        got.append(path + ":" + open(path).read())
    except OSError:
        pass
for place, folders, files in os.walk(folder):
    for name in files + folders:
        path = os.path.join(place, name)
        if os.access(path, os.R_OK) or os.access(path, os.W_OK):
            got.append(path)
answers = []
sql = json.dumps({"store": "core", "sql": "SELECT 1"}).encode()
query = json.dumps({"sql": "SELECT 1"}).encode()
tries = [("/__emulator__/" + name, None) for name in ("state", "jobs", "journal", "faults")]
tries += [("/__emulator__/" + name, sql) for name in ("sql", "seed", "source", "reset")]
for url, body in [(base + p, b) for p, b in tries] + [(tenant + "/api/v2/query", query)]:
    for token in ("", "Bearer guess"):
        headers = {"Content-Type": "application/json", "Authorization": token}
        request = urllib.request.Request(url, body, headers)
        try:
            answers.append(urllib.request.urlopen(request).status)
        except urllib.error.HTTPError as error:
            answers.append(error.code)
seen = open(f"/proc/{pid}/cmdline").read()
print(json.dumps({"uid": os.getuid(), "got": got, "answers": answers, "seen": seen}))
"""


@pytest.fixture
def running() -> Iterator[tuple[Emulator, Path]]:
    """An emulator whose files lie where everybody may look, with rows in all of them."""
    place = Path(tempfile.mkdtemp(prefix="shared-"))  # that of pytest is closed to others
    place.chmod(0o755)
    before = os.umask(0o022)
    emulator = None
    try:
        emulator = start_new(place, "--data", str(place / "data"), "--accounts", "10")
        client = Client(emulator.ready)
        client.load(rows_csv(5))
        client.close()
        yield emulator, place
    finally:
        os.umask(before)
        if emulator is not None:
            emulator.stop()
        shutil.rmtree(place)


def test_every_file_is_for_the_owner_alone(running: tuple[Emulator, Path]) -> None:
    """Whatever the umask of the shell was."""
    place = running[1]
    made = [place / "ready.json", place / "data", *(place / "data").rglob("*")]
    assert len(made) > 8
    loose = {str(p): oct(p.stat().st_mode) for p in made if stat.S_IMODE(p.stat().st_mode) & 0o077}
    assert not loose


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_gets_at_nothing(running: tuple[Emulator, Path]) -> None:
    """Neither files nor the side door nor SQL; the process list shows no secret."""
    emulator, place = running
    urls = (emulator.ready["base_url"], emulator.ready["tenant_url"])
    done = subprocess.run(
        [INTERPRETER, "-I", "-c", INTRUDER, str(place), *urls, str(emulator.process.pid)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["uid"], told["got"], set(told["answers"])) == (NOBODY, [], {401})
    assert "--data" in told["seen"]
    for name in ("client_secret", "admin_token"):
        assert emulator.ready[name] not in told["seen"]


def test_files_of_an_earlier_start_are_closed(tmp_path: Path) -> None:
    """A folder that was there keeps its mode, for it may be any folder."""
    tmp_path.chmod(0o755)
    (tmp_path / "jobs").mkdir(mode=0o755)
    for name in ("core.duckdb", "core.duckdb.wal", "data_cloud.duckdb", "of-the-user.txt"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    open_folder(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert (modes.pop("of-the-user.txt"), modes.pop("jobs")) == (0o644, 0o700)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
