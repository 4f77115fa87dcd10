"""Five real processes that load one partition each, in an emulated org that takes its time."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dc_assets_tests.acceptance.stage import (
    Org,
    Process,
    Stage,
    running_org,
    spec_content,
    wait_until,
)

LOADING = ("limits", "create", "upload", "close", "poll", "results", "abort")
"""Kinds of calls that a load makes; what the checks ask afterwards is of other kinds."""

END_WITHIN_S = 1_800.0


@dataclass(frozen=True)
class FleetCase:
    """One load: its rows, the org, and how fast the time of both runs.

    Attributes:
        settings: settings of the org, such as row_ms, beside the preset seed-org.
        ledger_url: an empty text is a SQLite file.
    """

    rows: int = 200_000
    parents: int = 20_000
    skew: str = "zipf:1.0"
    background: str = "none"
    partitions: int = 5
    time_scale: float = 5.0
    settings: Mapping[str, float] | None = None
    ledger_url: str = ""

    @property
    def org_options(self) -> list[str]:
        """Options of the emulator."""
        options = ["--skew", self.skew, "--org", "seed-org", "--background", self.background]
        options += ["--time-scale", f"{self.time_scale:g}"]
        for name, value in (self.settings or {}).items():
            options += ["--org-set", f"{name}={value:g}"]
        return options


@dataclass(frozen=True)
class FleetFigures:
    """What came of a load, by the org's own books.

    Attributes:
        seconds: org time from the first create to the last result file that was read.
        requests: calls to Core for it.
        never_locked_pct: rows that met no lock at all.
        in_flight_max: jobs between close and end at once, at most.
        held_twice: how often a parent was held by two running jobs.
    """

    seconds: float
    requests: int
    jobs: int
    landed: int
    never_locked_pct: float
    in_flight_max: int
    held_twice: int
    calls: Mapping[str, int]


@contextmanager
def staged(folder: Path, case: FleetCase, *, window: int | None = None) -> Generator[Stage]:
    """Run the org of a case, with the product pointed at it."""
    with running_org(folder, rows=case.rows, parents=case.parents, options=case.org_options) as org:
        stage = Stage.set_up(folder, org, rows=case.rows, partitions=case.partitions)
        stage.environment["DC_ASSETS_TIME_SCALE"] = f"{case.time_scale:g}"
        stage.environment["DC_ASSETS_LEDGER_URL"] = case.ledger_url
        content = spec_content(case.rows, case.partitions)
        content["profile"] = {} if window is None else {"window": window}
        stage.write_spec(content)
        yield stage


def load_all(stage: Stage) -> FleetFigures:
    """Load every partition by a process of its own; all have read their rows before one writes.

    The first thing a writer asks is what is left of the org's day, so that call is held.
    """
    org = stage.org
    org.tell("hold", kind="limits")
    before = _loading_calls(org)
    earlier = {job["id"] for job in org.ask("jobs")["jobs"]}
    with ExitStack() as processes:
        crew = {
            key: processes.enter_context(
                stage.started(
                    *("run", "opportunities", "--local", "--partitions", key), log=f"{key}.log"
                )
            )
            for key in stage.keys
        }
        wait_until(
            lambda: org.waiting("limits") == len(crew) or _ended(crew),
            "all partitions are read",
            within_s=300,
        )
        assert not _ended(crew), _log(stage, _ended(crew)[0])
        org.tell("release")
        wait_until(lambda: len(_ended(crew)) == len(crew), "all have ended", within_s=END_WITHIN_S)
    failed = [key for key, process in crew.items() if process.returncode]
    assert not failed, _log(stage, failed[0])
    return _figures(stage, before, earlier)


def _ended(crew: Mapping[str, Process]) -> list[str]:
    return [key for key, process in crew.items() if process.poll() is not None]


def _log(stage: Stage, key: str) -> str:
    return (stage.folder / f"{key}.log").read_text(encoding="utf-8")[-3000:]


def _loading_calls(org: Org) -> dict[str, int]:
    calls = org.ask("calls")["calls"]
    return {kind: calls.get(kind, 0) for kind in LOADING}


def _figures(stage: Stage, before: Mapping[str, int], earlier: set[str]) -> FleetFigures:
    org = stage.org
    store = org.ask("jobs")
    jobs: list[dict[str, Any]] = [job for job in store["jobs"] if job["id"] not in earlier]
    created = min(_moment(job["created"]) for job in jobs)
    read = max(_moment(at) for job in jobs for at in job["read_at"].values())
    calls = {kind: count - before[kind] for kind, count in _loading_calls(org).items()}
    return FleetFigures(
        seconds=(read - created).total_seconds(),
        requests=sum(calls.values()),
        jobs=len(jobs),
        landed=len(org.core_ids()),
        never_locked_pct=100 * (1 - _met_locks(stage) / stage.rows),
        in_flight_max=int(store["in_flight_max"]),
        held_twice=int(org.ask("parents")["held_twice"]),
        calls=calls,
    )


def _met_locks(stage: Stage) -> int:
    """Count the rows that ever met a lock, by the receipts of all batches."""
    packed = stage.ask_ledger("SELECT content FROM receipt")
    rows = pl.concat(pl.read_parquet(bytes(content)) for (content,) in packed)
    locked = rows.filter(pl.col("outcome") == "UNABLE_TO_LOCK_ROW")
    return locked.get_column("external_id").n_unique()


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
