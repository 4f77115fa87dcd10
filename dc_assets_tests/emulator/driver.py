"""A plain client of the emulator for its tests: it knows the wire and nothing of the product."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, cast

import httpx

from dc_assets_tests.warm.programs import Files, WarmProcess, emulator

API = "/services/data/v66.0"
TENANT_GRANT = {
    "grant_type": "urn:salesforce:grant-type:external:cdp",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}
SECRETS = {"SF_CLIENT_ID": "the-client", "SF_CLIENT_SECRET": "the-secret"}
STDERR = 2
START_S = 60
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: a server on this machine speaks plain HTTP, and certificates take long to read."""

JSONDict = dict[str, Any]


@dataclass
class Emulator:
    """A child process and what its ready file says."""

    process: subprocess.Popen[str] | WarmProcess
    ready: dict[str, str]

    def stop(self) -> int:
        """End it by SIGTERM and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


def start(folder: Path, *arguments: str) -> Emulator:
    """Fork an emulator from a warm one and wait until it is ready."""
    ready_file = _ready_file(folder)
    with Path(os.devnull).open("r+b") as nothing:
        process = emulator().start(
            ["--ready-file", str(ready_file), *arguments],
            {**os.environ, **SECRETS},
            folder=Path.cwd(),
            files=Files(nothing.fileno(), nothing.fileno(), STDERR),
        )
    return _when_ready(process, ready_file)


def start_new(folder: Path, *arguments: str) -> Emulator:
    """Start an emulator in an interpreter of its own and wait until it is ready."""
    ready_file = _ready_file(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "dc_assets.emulator", "--ready-file", str(ready_file), *arguments],
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **SECRETS},
    )
    return _when_ready(process, ready_file)


def _ready_file(folder: Path) -> Path:
    file = folder / "ready.json"
    file.unlink(missing_ok=True)
    return file


def _when_ready(process: subprocess.Popen[str] | WarmProcess, ready_file: Path) -> Emulator:
    deadline = time.monotonic() + START_S
    while not ready_file.exists():
        assert process.poll() is None, "the emulator ended before it was ready"
        assert time.monotonic() < deadline, "the emulator was not ready in time"
        wait(0.02)
    return Emulator(process, json.loads(ready_file.read_text()))


def run_to_end(*arguments: str) -> tuple[int, str]:
    """Start an emulator that must refuse: its exit code and its stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "dc_assets.emulator", *arguments],
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    return done.returncode, done.stderr


def side_door(ready: Mapping[str, str], verify: ssl.SSLContext = NO_TLS) -> httpx.Client:
    """A client of the admin routes; it has the token of the ready file."""
    headers = {"Authorization": f"Bearer {ready['admin_token']}"}
    return httpx.Client(base_url=ready["admin_url"], headers=headers, timeout=60, verify=verify)


def wait(seconds: float) -> None:
    """Let other processes work for a moment."""
    Event().wait(seconds)


class Client:
    """A logged-in client of both hosts; `root` calls the org without a token.

    With a `token` it takes part in a session of the org that another client began.
    """

    def __init__(
        self, ready: Mapping[str, str], token: str = "", verify: ssl.SSLContext = NO_TLS
    ) -> None:
        self.ready = dict(ready)
        self.root = httpx.Client(base_url=ready["base_url"], timeout=30, verify=verify)
        self.admin = side_door(ready, verify)
        self.org = httpx.Client(base_url=ready["base_url"] + API, timeout=30, verify=verify)
        self.tenant = httpx.Client(base_url=ready["tenant_url"], timeout=30, verify=verify)
        if token:
            self.org.headers["Authorization"] = f"Bearer {token}"
        else:
            self.log_in()

    def close(self) -> None:
        """Close all connections."""
        for client in (self.root, self.admin, self.org, self.tenant):
            client.close()

    def log_in(self) -> None:
        """Get both tokens."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.ready["client_id"],
            "client_secret": self.ready["client_secret"],
        }
        self.core_token = str(
            self.root.post("/services/oauth2/token", data=form).json()["access_token"]
        )
        self.org.headers["Authorization"] = f"Bearer {self.core_token}"
        answer = self.root.post(
            "/services/a360/token", data={**TENANT_GRANT, "subject_token": self.core_token}
        )
        self.tenant.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def start_clean(self, **seed: object) -> None:
        """Forget everything, seed anew, log in again."""
        answer = self.admin.post("/seed", json=seed)
        assert answer.status_code == 200, answer.text
        self.log_in()

    def faults(self, *faults: JSONDict) -> None:
        """Make these the active faults; none ends them all."""
        answer = self.admin.post("/faults", json={"faults": list(faults)})
        assert answer.status_code == 200, answer.text

    def fired(self, place: int = 0) -> int:
        """How often the fault at this place of the list acted."""
        return int(self.admin.get("/faults").json()["faults"][place]["fired"])

    def commits(self) -> list[JSONDict]:
        """The journal: what the org really did."""
        return cast("list[JSONDict]", self.admin.get("/journal").json()["commits"])

    def soql(self, text: str) -> JSONDict:
        """The answer of a query that is right."""
        answer = self.org.get("/query", params={"q": text})
        assert answer.status_code == 200, answer.text
        return cast("JSONDict", answer.json())

    def count(self, condition: str = "") -> int:
        """Opportunities that meet a condition."""
        where = f" WHERE {condition}" if condition else ""
        return int(self.soql(f"SELECT COUNT() FROM Opportunity{where}")["totalSize"])

    def sql(self, text: str, **headers: str) -> httpx.Response:
        """The answer of a Data Cloud query."""
        return self.tenant.post("/api/v2/query", json={"sql": text}, headers=headers)

    def open_job(self, **properties: object) -> str:
        """Create an upsert job, or what the properties say."""
        body: JSONDict = {"object": "Opportunity", "operation": "upsert", **properties}
        if body["operation"] == "upsert":
            body.setdefault("externalIdFieldName", "External_ID__c")
        answer = self.org.post("/jobs/ingest", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def upload(self, job: str, content: str | bytes) -> httpx.Response:
        """PUT the content of a job."""
        body = content.encode() if isinstance(content, str) else content
        headers = {"Content-Type": "text/csv"}
        return self.org.put(f"/jobs/ingest/{job}/batches", content=body, headers=headers)

    def close_job(self, job: str) -> httpx.Response:
        """PATCH a job to UploadComplete."""
        return self.org.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})

    def info(self, job: str) -> JSONDict:
        """Poll a job once."""
        return cast("JSONDict", self.org.get(f"/jobs/ingest/{job}").json())

    def finish(self, job: str, within_s: float = 20) -> JSONDict:
        """Poll a job until it is over."""
        deadline = time.monotonic() + within_s
        while (info := self.info(job))["state"] not in {"JobComplete", "Failed", "Aborted"}:
            assert time.monotonic() < deadline, info
            wait(0.01)
        return info

    def load(self, content: str | bytes, **properties: object) -> JSONDict:
        """Run one whole job."""
        job = self.open_job(**properties)
        assert self.upload(job, content).status_code == 201
        assert self.close_job(job).status_code == 200
        return self.finish(job)

    def result(self, job: str, name: str) -> list[dict[str, str]]:
        """One result file as records."""
        answer = self.org.get(f"/jobs/ingest/{job}/{name}")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    def row_error(self, content: str, **properties: object) -> str:
        """The error of the only failed row of a job."""
        job = self.load(content, **properties)
        (row,) = self.result(job["id"], "failedResults")
        return row["sf__Error"]


HEADER = "External_ID__c,Name,StageName,CloseDate,Amount,Account.External_ID__c"


def rows_csv(count: int, *, first: int = 1, name: str = "Opp", accounts: int = 10) -> str:
    """An upload of rows with the ids from `first` on."""
    lines = [HEADER]
    lines += [
        f"externalOpp{n:07d},{name} {n},Prospecting,2026-03-31,{n}.50,acc{1 + n % accounts:07d}"
        for n in range(first, first + count)
    ]
    return "\n".join(lines) + "\n"


def one_row(**cells: str) -> str:
    """An upload of one row that is right but for the given cells."""
    row = {
        "External_ID__c": "key-1",
        "Name": "One",
        "StageName": "Prospecting",
        "CloseDate": "2026-03-31",
        **{name.replace("__dot__", "."): cell for name, cell in cells.items()},
    }
    return f"{','.join(row)}\n{','.join(row.values())}\n"
