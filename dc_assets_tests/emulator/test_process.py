"""The process: where it listens, what it writes, how it ends, what it keeps."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from dc_assets.emulator.command import main
from dc_assets_tests.emulator.driver import Client, Emulator, rows_csv, run_to_end, start, wait


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator of one test's own, with data to keep."""
    emulator = start(tmp_path, "--data", str(tmp_path / "data"), "--accounts", "10")
    yield emulator
    if emulator.process.poll() is None:
        emulator.stop()


def test_the_ready_file_is_for_its_owner_only(running: Emulator, tmp_path: Path) -> None:
    """It holds the secret and all addresses."""
    mode = stat.S_IMODE((tmp_path / "ready.json").stat().st_mode)
    assert mode == 0o600
    assert set(running.ready) == {
        "base_url",
        "tenant_url",
        "client_id",
        "client_secret",
        "username",
        "password",
        "refresh_token",
        "admin_token",
        "admin_url",
    }
    assert running.ready["client_id"] == "the-client"


def test_a_signal_ends_it_soon_even_with_a_held_call(running: Emulator) -> None:
    """Within five seconds, with exit code 0."""
    client = Client(running.ready)
    client.admin.post("/hold", json={"kind": "limits"})
    with pytest.raises(Exception, match="timed out"):
        client.org.get("/limits", timeout=0.2)
    started = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - started < 5
    client.close()


def test_state_survives_a_restart(running: Emulator, tmp_path: Path) -> None:
    """Records, jobs, results, journal; not the tokens."""
    client = Client(running.ready)
    done = client.load(rows_csv(5))
    results = client.org.get(f"/jobs/ingest/{done['id']}/successfulResults").content
    old_token = client.core_token
    client.close()
    assert running.stop() == 0
    again = start(tmp_path, "--data", str(tmp_path / "data"), "--accounts", "99")
    client = Client(again.ready)
    try:
        assert client.count() == 5
        assert client.soql("SELECT COUNT() FROM Account")["totalSize"] == 10
        assert client.info(done["id"]) == done
        path = f"/jobs/ingest/{done['id']}/successfulResults"
        assert client.org.get(path).content == results
        assert len(client.admin.get("/journal").json()["commits"]) == 1
        header = {"Authorization": f"Bearer {old_token}"}
        assert client.org.get("/limits", headers=header).status_code == 401
        assert client.open_job() != done["id"]
    finally:
        client.close()
        again.stop()


def test_a_job_cut_by_a_stop_is_finished_after_the_restart(
    running: Emulator, tmp_path: Path
) -> None:
    """Each row once: what was committed is not written again."""
    client = Client(running.ready)
    job = client.open_job()
    client.upload(job, rows_csv(60_000))
    client.close_job(job)
    while not client.admin.get("/journal").json()["commits"]:
        wait(0.01)
    running.process.kill()
    running.process.wait()
    client.close()
    again = start(tmp_path, "--data", str(tmp_path / "data"))
    client = Client(again.ready)
    try:
        done = client.finish(job)
        assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 60_000)
        assert client.count() == 60_000
        commits = client.admin.get("/journal").json()["commits"]
        assert [c["batch"] for c in commits] == list(range(6))
        rows = client.result(job, "successfulResults")
        assert (len(rows), {row["sf__Created"] for row in rows}) == (60_000, {"true"})
    finally:
        client.close()
        again.stop()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 is not a loopback address"),  # noqa: S104
        (["--skew", "warm"], "The skew warm is none of"),
        (["--source", "/no/such.parquet"], "cannot be read"),
        (["--source", "/no/such.xlsx"], "neither .parquet nor .csv"),
        (["--schema", "/no/such.yaml"], "schema file /no/such.yaml cannot be read"),
        (
            ["--ready-file", "/no/such/r.json"],
            "ready file /no/such/r.json cannot be written: No such",
        ),
        (["--ready-file", "/proc/r.json"], "The ready file /proc/r.json cannot be written"),
        (["--ready-file", "/tmp"], "The ready file /tmp cannot be written: it is a folder."),  # noqa: S108
        (["--data", "/dev/null/x"], "data folder /dev/null/x cannot be used"),
        (["--data", "/proc/nothing"], "data folder /proc/nothing cannot be used"),
        (["--opportunities", "5"], "need at least one account"),
        (["--background", "heavy"], "The preset instant has no parameters"),
        (["--org", "seed-org", "--org-set", "workers=0"], "workers of the org is at least 1"),
        (["--org", "seed-org", "--org-set", "speed=9"], "speed=9 is no NAME=VALUE"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(arguments: list[str], sentence: str) -> None:
    """Exit code 2 and no traceback."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_said_in_one_line() -> None:
    """With the number of the port; the whole process ends with code 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, text = run_to_end("--port", str(port))
    assert code == 2
    assert text.startswith(f"emulator: Port {port} on 127.0.0.1 cannot be used")


def test_a_schema_of_ones_own_is_served(tmp_path: Path) -> None:
    """No object is named in code; a seed that needs another object is refused."""
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "objects:\n  Thing__c:\n    key_prefix: '123'\n    fields:\n"
        "      Key__c: {type: string, length: 20, external_id: true, case_sensitive: true}\n"
    )
    emulator = start(tmp_path, "--schema", str(schema))
    client = Client(emulator.ready)
    try:
        done = client.load("Key__c\na\nA\n", object="Thing__c", externalIdFieldName="Key__c")
        assert done["numberRecordsFailed"] == 0
        assert client.soql("SELECT COUNT() FROM Thing__c WHERE Key__c = 'a'")["totalSize"] == 1
        assert client.admin.post("/seed", json={"accounts": 1}).status_code == 400
    finally:
        client.close()
        emulator.stop()


def test_a_source_file_is_served_from_the_start(tmp_path: Path) -> None:
    """Under the name asked for."""
    (tmp_path / "deals.csv").write_text("Key__c,Amount__c\na,1\n")
    source = ("--source", str(tmp_path / "deals.csv"), "--source-object", "Own__dlm")
    emulator = start(tmp_path, *source)
    client = Client(emulator.ready)
    try:
        assert client.sql('SELECT "Key__c" FROM "Own__dlm"').json()["data"] == [["a"]]
    finally:
        client.close()
        emulator.stop()


def test_a_temporary_data_folder_is_removed(tmp_path: Path) -> None:
    """When no folder was named."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(tmp_path)
    try:
        emulator = start(tmp_path)
        assert [path.name for path in tmp_path.glob("emulator-*")]
        emulator.stop()
        assert not list(tmp_path.glob("emulator-*"))
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
