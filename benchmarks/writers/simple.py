"""simple-salesforce: one file of CSV, jobs of 10,000 rows, all results in memory.

python benchmarks/writers/simple.py FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

requests: Any = import_module("requests")
client: Any = import_module("simple_salesforce")
IMPORTED_S = time.process_time()
POLL_S = 0.25
TOKEN = "/services/oauth2/token"  # noqa: S105 - a path


class PlainHTTP(requests.adapters.HTTPAdapter):
    """Sends by http what the client insists to send by https."""

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - as requests has it
        """Send a request."""
        request.url = request.url.replace("https://", "http://", 1)
        parent: Any = super()
        return parent.send(request, **options)


def main(folder: Path) -> None:
    """Write all rows of a folder, as the documentation of the client shows it."""
    ready = json.loads((folder / "org.json").read_text())
    form = {"grant_type": "client_credentials"}
    form |= {name: ready[name] for name in ("client_id", "client_secret")}
    token = requests.post(ready["base_url"] + TOKEN, data=form, timeout=60).json()["access_token"]
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", PlainHTTP())
    org = client.Salesforce(
        instance=urlsplit(ready["base_url"]).netloc,
        session_id=token,
        session=session,
        version="64.0",
    )
    jobs = org.bulk2.Opportunity.upsert(
        csv_file=str(folder / "rows.csv"),
        external_id_field="External_ID__c",
        batch_size=10_000,
        wait=POLL_S,
    )
    rows = 0
    for job in jobs:
        results = org.bulk2.Opportunity.get_all_ingest_records(job["job_id"])
        assert not results["failedRecords"], results["failedRecords"][:1]
        rows += len(results["successfulRecords"])
    print(json.dumps({"rows": rows, "cpu_s": time.process_time() - IMPORTED_S}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
