"""What the worker of one Dagster run takes for an almost empty partition, beside a bare asset.

A worker is the process that launchers start, `dagster api execute_run`. Ours loads ten rows of one
parent into an emulated org, whose own processes do not count, and asks the seven checks.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.storage.tags import PARTITION_NAME_TAG
from dagster._grpc.types import ExecuteRunArgs

from benchmarks.figures import Bar, Figure, Study, cpu_of_s
from dc_assets.demo.services import Services
from dc_assets.demo.world import (
    LOAD,
    DemoPace,
    Seeding,
    enter_environment,
    product_environment,
    start_emulator,
    write_spec,
)
from dc_assets.orchestration.home import write_home

RUNS = 3
ROWS = 10
IMPORTS_MAX = 2.6
"""Of the bar in `import dagster`: 2.5 CPU seconds where that takes 0.97."""

IMPORT, BARE, OURS = "import dagster", "run of a bare asset", "run of a load"
ASSETS = {
    BARE: ("benchmarks.bare_dagster", "bare", "only"),
    OURS: ("dc_assets.definitions", f"{LOAD}_in_core", "r1-01"),
}
"""Module, asset and partition of each side."""


def study_of_workers() -> Study:
    """Return what a worker takes, in turns with Dagster alone."""
    seconds: dict[str, list[float]] = {IMPORT: [], BARE: [], OURS: []}
    with Services() as services:
        set_up(services)
        for turn in range(RUNS + 1):
            found = {IMPORT: cpu_of_s([sys.executable, "-c", IMPORT])}
            found |= {side: cpu_of_s(worker(side)) for side in ASSETS}
            for side, cpu_s in found.items():
                seconds[side] += [cpu_s] if turn else []  # the first of all writes bytecode
    figures = {side: Figure(side, values) for side, values in seconds.items()}
    bare, ours = (figures[side].middle / figures[IMPORT].middle for side in (BARE, OURS))
    promise = f"a run worker takes at most {IMPORTS_MAX} times {IMPORT}, in all"
    measured = f"{ours:.2f}, of which Dagster itself {bare:.2f}"
    return Study(
        name="run_worker",
        title="The worker of one Dagster run",
        unit="CPU seconds",
        command="python -m benchmarks.startup",
        figures=list(figures.values()),
        bars=[Bar(promise, measured, is_held=ours <= IMPORTS_MAX)],
        notes=[
            "Both have a partition, seven checks and Dagster's SQLite storage; ours sends one job.",
        ],
        packages=["dagster", "polars", "pydantic", "sqlalchemy"],
    )


def set_up(services: Services) -> None:
    """Start an emulated org, and let this process and its children have it and a Dagster home."""
    folder = Path(services.enter_context(tempfile.TemporaryDirectory(prefix="dca-")))
    seeding, pace = Seeding(ROWS, accounts=1, skew="uniform", seed=1, bad_rows=0), DemoPace()
    emulator = start_emulator(services, folder, seeding, pace)
    enter_environment(product_environment(folder, emulator, pace, port=1))
    write_spec(folder, emulator, partitions=1)
    write_home(folder / "dagster")


def worker(side: str) -> Sequence[str]:
    """Create a run, and return the command that launchers start for it."""
    module, asset, partition = ASSETS[side]
    repository = ReconstructableRepository.for_module(module, "defs", str(Path.cwd()))
    job = repository.get_reconstructable_job("__ASSET_JOB")
    origin = job.get_python_origin()
    with DagsterInstance.get() as instance:
        run = instance.create_run_for_job(
            job_def=job.get_definition(),
            tags={PARTITION_NAME_TAG: partition},
            asset_selection=frozenset({AssetKey(asset)}),  # its checks run with it
            job_code_origin=origin,
        )
        ref = instance.get_ref()
        args = ExecuteRunArgs(origin, run.run_id, ref, set_exit_code_on_failure=True)
    return [sys.executable, "-m", *args.get_command_args()]
