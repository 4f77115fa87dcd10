"""A freshly filled org and an empty ledger for each load of a hunt."""

from __future__ import annotations

from pathlib import Path

from dc_assets_tests.acceptance.stage import Org, Stage, spec_content

ACCOUNTS = 60
WINDOW = 8
JOBS_A_LOAD = 200
BATCH_ROWS_MIN = 10
JOB_S = 0.6
"""Least time of a job: with less, a load is over before it can be struck often."""

LEASES = {"DC_ASSETS_LEASE_S": "10", "DC_ASSETS_HEARTBEAT_S": "2"}


def fresh_stage(org: Org, folder: Path, *, rows: int, partitions: int, seed: int) -> Stage:
    """Fill the org anew, so that its journal begins with this load, and point the product at it."""
    org.tell("seed", opportunities=rows, accounts=ACCOUNTS, seed=seed)
    org.tell("options", job_delay_s=JOB_S)
    folder.mkdir()
    stage = Stage.set_up(folder, org, rows=rows, partitions=partitions)
    stage.environment |= LEASES
    content = spec_content(rows, partitions)
    content["profile"] = {
        "exclusive_user": True,
        "window": WINDOW,
        "batch_rows_max": max(BATCH_ROWS_MIN, rows // JOBS_A_LOAD),
    }
    stage.write_spec(content)
    return stage
