"""Everything the routes share: the stores, the engines, and the settings of this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dc_assets.emulator.clock import Clock
from dc_assets.emulator.engines.lifecycle import JobService
from dc_assets.emulator.engines.runner import JobRunner
from dc_assets.emulator.schema import Schema
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.held import Shelf
from dc_assets.emulator.stores.jobs import JobStore
from dc_assets.emulator.stores.options import Calls, Gate, Options
from dc_assets.emulator.stores.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Address:
    """Where the two listeners are and who may log in."""

    org_url: str
    tenant_url: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """What one nextBatchId stands for: a query, its next row, and the form of its answer."""

    query_id: str
    start: int
    arrow: bool
    started: str


@dataclass(slots=True)
class World:
    """One org with its tenant."""

    address: Address
    schema: Schema
    clock: Clock
    core: CoreStore
    data_cloud: DataCloudStore
    jobs: JobStore
    runner: JobRunner
    service: JobService
    org_results: Shelf
    tenant_results: Shelf
    options: Options
    tokens: Tokens = field(default_factory=Tokens)
    gate: Gate = field(default_factory=Gate)
    calls: Calls = field(default_factory=Calls)
    batches: dict[str, Cursor] = field(default_factory=dict[str, Cursor])

    def is_empty(self) -> bool:
        """Whether neither store has a row."""
        if self.data_cloud.objects():
            return False
        return not any(self.core.count(item) for item in self.schema.objects)

    def reset(self) -> None:
        """Forget everything but the addresses and credentials; jobs at work end first."""
        self.runner.drain()
        for shelf in (self.org_results, self.tenant_results):
            shelf.clear()
        self.batches.clear()
        self.jobs.clear()
        self.core.clear()
        self.data_cloud.clear()
        self.tokens.revoke_all()
        self.calls.clear()
        self.options.restore()

    def close(self) -> None:
        """Finish the batches at work, free results, write the databases."""
        self.runner.stop()
        self.org_results.clear()
        self.tenant_results.clear()
        self.core.close()
        self.data_cloud.close()


def open_world(folder: Path, schema: Schema, address: Address) -> World:
    """Open the stores in a folder and take up what an earlier process left there."""
    clock, options = Clock(), Options()
    core, data_cloud, jobs = CoreStore(folder, schema), DataCloudStore(folder), JobStore(folder)
    runner = JobRunner(core, jobs, clock, lambda: options.job_delay_s)
    world = World(
        address=address,
        schema=schema,
        clock=clock,
        core=core,
        data_cloud=data_cloud,
        jobs=jobs,
        runner=runner,
        service=JobService(jobs, schema, clock, runner),
        org_results=Shelf(core.database),
        tenant_results=Shelf(data_cloud.database),
        options=options,
    )
    runner.resume()
    return world
