"""Ways to work with an org on a clock that stands until it is advanced."""

from __future__ import annotations

from dc_assets_tests.emulator.driver import Client, JSONDict, rows_csv

PLAIN = ("chunk_overhead_s=0", "batch_overhead_s=0", "queue_latency_s=0", "row_ms=10")
"""Two seconds for a chunk of 200 rows, and nothing beside."""

OPTIONS = ("--org", "seed-org", *(word for value in PLAIN for word in ("--org-set", value)))


def advance(client: Client, seconds: float) -> JSONDict:
    """Advance the clock; what is due then is done."""
    answer = client.admin.post("/clock", json={"advance_s": seconds})
    assert answer.status_code == 200, answer.text
    return answer.json()


def closed(client: Client, content: str, **properties: object) -> str:
    """Upload and close a job."""
    job = client.open_job(**properties)
    assert client.upload(job, content).status_code == 201
    assert client.close_job(job).status_code == 200
    return job


def change(client: Client, **values: object) -> None:
    """Change settings of the org."""
    answer = client.admin.post("/org", json=values)
    assert answer.status_code == 200, answer.text


def held_twice(client: Client) -> int:
    """What the checker has noted."""
    return int(client.admin.get("/parents").json()["held_twice"])


def of_one(rows: int, first: int = 1, parent: int = 1) -> str:
    """Build an upload of rows of one parent."""
    own, other = "acc0000001", f"acc{parent:07d}"
    return rows_csv(rows, first=first, accounts=1).replace(own, other)


def keys(client: Client, job: str, name: str) -> set[str]:
    """Return the keys of one result file."""
    return {row["External_ID__c"] for row in client.result(job, name)}
