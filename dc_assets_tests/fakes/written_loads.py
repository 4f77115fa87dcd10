"""A ledger that is written by hand, as a load of any size would leave it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from dc_assets.core.checks import check_descriptions
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import (
    batch,
    check_result,
    dead_letter,
    load,
    org_allowance,
    org_use,
    plan,
    range_state,
)

BEGAN_S = 1_762_000_000.0


@dataclass(frozen=True, slots=True)
class WrittenLoad:
    """What a load shall have left; rows land evenly over its jobs.

    Attributes:
        again: every so many-th job is a second attempt, whose first one met locks.
        opened_at: seconds since 1970; it takes ``seconds``.
    """

    load_id: str
    jobs: int
    rows_a_job: int = 1_000
    lanes: int = 16
    hot: tuple[str, ...] = ()
    dead_letters: int = 0
    again: int = 50
    opened_at: float = BEGAN_S
    seconds: float = 7_200.0
    calls: int | None = None


def write_load(database: Database, spec: LoadSpec, org_id: str, one: WrittenLoad) -> None:
    """Write a finished load with its partitions, batches, dead letters and API calls."""
    keys = list(spec.ranges)
    with database.begin() as connection:
        connection.execute(load.insert().values(**_load_line(spec, org_id, one)))
        connection.execute(
            plan.insert().values(
                load_id=one.load_id,
                lanes_shared=one.lanes,
                hot_parents=json.dumps(one.hot),
                window_jobs=spec.profile.window,
                rows=one.jobs * one.rows_a_job,
                ambiguous_keys="[]",
                made_at=one.opened_at,
            )
        )
        lines = list(_batch_lines(keys, org_id, one))
        dead_letters = list(_letter_lines(keys, one))
        for start in range(0, len(lines), 500):
            connection.execute(batch.insert(), lines[start : start + 500])
        for start in range(0, len(dead_letters), 500):
            connection.execute(dead_letter.insert(), dead_letters[start : start + 500])
        connection.execute(range_state.insert(), list(_range_lines(keys, one, lines, dead_letters)))
        if one.calls is not None:
            hours = max(1, int(one.seconds // 3_600))
            first = int(one.opened_at // 3_600)
            calls = [
                {"load_id": one.load_id, "hour": first + n, "api_calls": one.calls // hours}
                for n in range(hours)
            ]
            connection.execute(org_use.insert(), calls)


def write_allowance(database: Database, org_id: str) -> None:
    """Write what an org said is left."""
    with database.begin() as connection:
        connection.execute(
            org_allowance.insert().values(
                org_id=org_id,
                api_calls_left=4_321_000,
                daily_batches_left=12_345,
                asked_at=BEGAN_S + 7_000,
            )
        )


def write_checks(
    database: Database, spec: LoadSpec, org_id: str, load_id: str, outcomes: Sequence[CheckOutcome]
) -> None:
    """Write what checks said of a load."""
    check_results = CheckResultStore(database, spec.name, org_id)
    for outcome in outcomes:
        check_results.keep(
            outcome.partition_key,
            [outcome],
            run_id="run-1",
            needed=check_descriptions(spec),
            asked_at=check_results.now_s(),
        )
    with database.begin() as connection:
        connection.execute(
            sa.update(check_result)
            .where(check_result.c.spec_name == spec.name, check_result.c.org_id == org_id)
            .values(load_id=load_id, checked_at=BEGAN_S + 7_300)
        )


def _load_line(spec: LoadSpec, org_id: str, one: WrittenLoad) -> dict[str, Any]:
    return {
        "load_id": one.load_id,
        "spec_name": spec.name,
        "spec_hash": spec.spec_hash,
        "org_id": org_id,
        "mode": "full",
        "state": "done",
        "opened_at": one.opened_at,
        "finished_at": one.opened_at + one.seconds,
        "spec_json": spec.model_dump_json(),
        "versions": json.dumps({"dc-assets": "0.0.9", "python": "3.11.1"}),
    }


def _batch_lines(keys: Sequence[str], org_id: str, one: WrittenLoad) -> Iterator[dict[str, Any]]:
    """Yield batches that fill the lanes side by side, one after another in each."""
    total = one.lanes + len(one.hot)
    step_s = one.seconds / -(-one.jobs // total)
    for n in range(one.jobs):
        lane, place = n % total, n // total
        began = one.opened_at + (place + (lane % 7) / 20) * step_s
        is_retry = n % one.again == one.again - 1
        lost = one.rows_a_job // 10 if n % one.again == one.again - 2 else 0
        refused = one.dead_letters // one.jobs
        yield {
            "batch_id": f"{one.load_id[:16]}{n:016d}",
            "load_id": one.load_id,
            "partition_key": keys[n % len(keys)],
            "lane_scope": org_id,
            "lane": lane,
            "attempt": 2 if is_retry else 1,
            "rows": one.rows_a_job,
            "state": "settled",
            "job_id": f"750{n:015d}",
            "ready_at": began,
            "opening_at": began,
            "uploaded_at": began + 0.02 * step_s,
            "finished_at": began + (0.5 + (n * 37 % 20) / 50) * step_s,
            "landed": one.rows_a_job - lost - refused,
            "retried": lost,
            "locked": lost,
            "active_s": 0.5 * step_s,
            "total_s": 0.6 * step_s,
        }


def _letter_lines(keys: Sequence[str], one: WrittenLoad) -> Iterator[dict[str, Any]]:
    codes = ("STRING_TOO_LONG", "REQUIRED_FIELD_MISSING", "INVALID_FIELD")
    for n in range(one.dead_letters // one.jobs * one.jobs):
        yield {
            "load_id": one.load_id,
            "partition_key": keys[n % len(keys)],
            "external_id": f"key{n:07d}",
            "code": codes[n % 7 % 3],
            "message": f"Title: data value too large: private{n} (max length=10)",
            "fields": "Title__c",
            "row_json": json.dumps({"Title__c": f"private{n}"}),
            "attempts": 1,
            "refused_at": one.opened_at + 10,
        }


def _range_lines(
    keys: Sequence[str],
    one: WrittenLoad,
    batches: Sequence[dict[str, Any]],
    dead_letters: Sequence[dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    for n, key in enumerate(keys):
        landed = sum(line["landed"] for line in batches if line["partition_key"] == key)
        refused = sum(1 for line in dead_letters if line["partition_key"] == key)
        yield {
            "load_id": one.load_id,
            "partition_key": key,
            "phase": "checked",
            "fence": 1,
            "lease_until": 0.0,
            "selected": landed + refused,
            "started_at": one.opened_at + n,
            "finished_at": one.opened_at + one.seconds - 10 * (len(keys) - 1 - n),
        }
