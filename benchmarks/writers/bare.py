"""The near limit: one loop of httpx over files of CSV, and Polars for the results.

    python benchmarks/writers/bare.py FOLDER

It keeps nothing but a Parquet file of receipts: whoever stops it does not know what landed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import httpx
import polars as pl

IMPORTED_S = time.process_time()
POLL_S = 0.25
RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")


def main(folder: Path) -> None:
    """Write all files of CSV of a folder, one job each, one after the other."""
    ready = json.loads((folder / "org.json").read_text())
    receipts: list[pl.DataFrame] = []
    with httpx.Client(base_url=ready["base_url"], timeout=180) as org:
        form = {"grant_type": "client_credentials"}
        form |= {name: ready[name] for name in ("client_id", "client_secret")}
        token = org.post("/services/oauth2/token", data=form).json()["access_token"]
        org.headers["Authorization"] = f"Bearer {token}"
        receipts = [written(org, file.read_bytes()) for file in sorted(folder.glob("rows-*.csv"))]
    receipt = pl.concat(receipts)
    receipt.write_parquet(folder / "receipts.parquet")
    print(json.dumps({"rows": receipt.height, "cpu_s": time.process_time() - IMPORTED_S}))  # noqa: T201


def written(org: httpx.Client, payload: bytes) -> pl.DataFrame:
    """Carry out one job, and return its receipt."""
    jobs = "/services/data/v64.0/jobs/ingest"
    kind = {"object": "Opportunity", "operation": "upsert", "contentType": "CSV"}
    kind |= {"lineEnding": "LF", "externalIdFieldName": "External_ID__c"}
    job = f"{jobs}/{org.post(jobs, json=kind).raise_for_status().json()['id']}"
    org.put(
        f"{job}/batches", content=payload, headers={"Content-Type": "text/csv"}
    ).raise_for_status()
    org.patch(job, json={"state": "UploadComplete"}).raise_for_status()
    while (state := org.get(job).raise_for_status().json()["state"]) != "JobComplete":
        assert state in {"UploadComplete", "InProgress"}, state
        time.sleep(POLL_S)
    successful, *others = (org.get(f"{job}/{name}").raise_for_status() for name in RESULTS)
    for other in others:
        assert other.content.count(b"\n") <= 1, other.text[:200]
    rows = pl.read_csv(successful.content, infer_schema=False)
    return rows.select("External_ID__c", "sf__Id", pl.col("sf__Created") == "true")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
