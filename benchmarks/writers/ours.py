"""dc_assets: from pages on disk to rows whose receipts are in the ledger.

python -m benchmarks.writers.ours read FOLDER     # the pages, as a run does that is killed then
python -m benchmarks.writers.ours write FOLDER    # a run that resumes
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from dc_assets.core.run_events import unheard
from dc_assets.load.extract import extract
from dc_assets.load.plan import agreed_plan
from dc_assets.load.ports import RangeRun
from dc_assets.load.spec_files import read_spec
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.wiring.connect import OpenLoad, open_load

IMPORTED_S = time.process_time()
KEY = "r1-01"


def main(step: str, folder: Path) -> None:
    """Read the only partition of the folder's load, or resume behind its reading."""
    ready = json.loads((folder / "org.json").read_text())
    spec = read_spec(folder / "loads" / "opportunities.yaml")
    names = ("base_url", "client_id", "client_secret")
    login = Login(ClientCredentials(*(ready[name] for name in names)))
    with open_load(spec, login, run_id=step, note=unheard) as opened:
        rows = read(opened) if step == "read" else opened.load(KEY).totals.landed
    print(json.dumps({"rows": rows, "cpu_s": time.process_time() - IMPORTED_S}))  # noqa: T201


def read(opened: OpenLoad) -> int:
    """Leave the pages of the partition behind, and no batch."""
    loads = opened.loads
    opened.org.guard.pin()
    ticket = loads.take_range(loads.join_load(KEY), KEY)
    with loads.heartbeat(ticket):
        plan = agreed_plan(opened.stored, ticket.load_id, opened.ports)
        run = RangeRun(opened.stored, ticket, plan, opened.ports)
        loads.saw_source(ticket, opened.ports.source.state(run.id_range))
        return extract(run)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
