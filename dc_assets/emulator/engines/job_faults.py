"""What shall befall single ingest jobs: the runner asks here, and knows nothing of calls."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import polars as pl

from dc_assets.emulator.engines.passing import CODES, inner_form
from dc_assets.emulator.stores.faults import Fault, Hit

QUOTA_MESSAGE = "ExceededQuota : ApiBatchItems Limit exceeded."
ROW_FAULTS = ("row_locks", "row_unknown")


@dataclass(frozen=True, slots=True)
class Cut:
    """An end before the end: rows that are still processed, and how the job is left."""

    rows: int
    state: str
    message: str


class JobFaults:
    """Faults by the job they befell; clearing the list forgets them."""

    def __init__(self) -> None:
        self._by_job: dict[str, list[Hit]] = {}
        self._stuck: set[str] = set()
        self._lock = Lock()

    def strike(self, job_id: str, hit: Hit) -> None:
        """Let a fault befall a job that is about to be closed."""
        with self._lock:
            self._by_job.setdefault(job_id, []).append(hit)

    def clear(self) -> list[str]:
        """Forget all faults; the jobs that were stuck, for somebody to queue."""
        with self._lock:
            stuck = sorted(self._stuck)
            self._stuck.clear()
            self._by_job.clear()
        return stuck

    def wait_s(self, job_id: str) -> float:
        """Seconds the job is to stay UploadComplete."""
        return sum(hit.number_of("seconds") for hit in self._of(job_id, "job_waits"))

    def holds(self, job_id: str) -> bool:
        """Whether the job is to stay InProgress until the list is cleared."""
        with self._lock:
            is_stuck = any(hit.what == "job_stuck" for hit in self._by_job.get(job_id, []))
            if is_stuck:
                self._stuck.add(job_id)
            return is_stuck

    def cut(self, job_id: str) -> Cut | None:
        """How the job is to end early, or None."""
        for hit in self._of(job_id, "daily_batches", "job_failed", "job_aborted"):
            if hit.what == "daily_batches":
                return Cut(0, "Failed", QUOTA_MESSAGE)
            rows = int(hit.number_of("committed"))
            if hit.what == "job_failed":
                return Cut(rows, "Failed", hit.text("message"))
            return Cut(rows, "Aborted", "")
        return None

    def gone(self, job_id: str) -> str:
        """What of the job is deleted when it is over: ``results``, ``job``, or nothing."""
        hits = self._of(job_id, "results_gone")
        if not hits:
            return ""
        return "job" if any(hit.is_set("job") for hit in hits) else "results"

    def with_met(self, job_id: str, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with ``met``, if any may meet something: in what form, or null."""
        faults = [hit.fault for hit in self._of(job_id, *ROW_FAULTS)]
        if not faults:
            return frame
        keys = _lock_keys(frame)
        met = [next((fault for fault in faults if _meets(fault, key)), None) for key in keys]
        places = [fault and fault.place for fault in met]
        forms = [fault and _form(fault, key) for fault, key in zip(met, keys, strict=True)]
        return frame.with_columns(
            pl.Series("met_by", places, dtype=pl.Int64), pl.Series("met", forms, dtype=pl.String)
        )

    def count_met(self, job_id: str, frame: pl.DataFrame, outcome: pl.DataFrame) -> None:
        """Count the rows that really were refused: others failed before they came so far."""
        faults = {hit.fault.place: hit.fault for hit in self._of(job_id, *ROW_FAULTS)}
        if "met_by" not in frame.columns:
            return
        is_met = pl.any_horizontal(pl.col("error").str.starts_with(code) for code in CODES)
        rows = frame.join(outcome.filter(is_met).select("n"), on="n", how="semi")
        for key, place in zip(_lock_keys(rows), rows["met_by"].to_list(), strict=True):
            if place in faults:
                faults[place].failures[key] += 1
                faults[place].fired += 1

    def _of(self, job_id: str, *names: str) -> list[Hit]:
        with self._lock:
            return [hit for hit in self._by_job.get(job_id, []) if hit.what in names]


def _meets(fault: Fault, key: str) -> bool:
    rounds = fault.parameters["rounds"]
    assert isinstance(rounds, int)  # noqa: S101  checked when the list was taken
    if fault.failures[key] >= rounds:
        return False
    if fault.share is None:
        return fault.decides()
    fault.seen += 1
    return fault.chance(key) < fault.share


def _form(fault: Fault, key: str) -> str:
    form = str(fault.parameters.get("form", "unknown"))
    return inner_form(fault.chance(f"form of {key}"), 2 / 3) if form == "mixed" else form


def _lock_keys(frame: pl.DataFrame) -> list[str]:
    """What a row is known by over jobs: its key, or all its cells when it has none."""
    cells = [name for name in frame.columns if name[0] == "c" and name[1:].isdigit()]
    known = pl.coalesce(pl.col("folded"), pl.concat_str(cells, separator="|"))
    return frame.select(known.fill_null("")).to_series().to_list()
