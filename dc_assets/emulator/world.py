"""Everything the routes share: the stores, the engines, and the settings of this process."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dc_assets.emulator.clock import OrgClock
from dc_assets.emulator.engines.ingest import Ingest
from dc_assets.emulator.engines.lifecycle import JobService
from dc_assets.emulator.engines.population import population
from dc_assets.emulator.org.settings import PRESETS, OrgSettings
from dc_assets.emulator.schema import Schema
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.data_cloud import DataCloudStore
from dc_assets.emulator.stores.faults import Fault, Faults
from dc_assets.emulator.stores.held import Result, Shelf
from dc_assets.emulator.stores.jobs import JobStore
from dc_assets.emulator.stores.options import Calls, Gate, Options
from dc_assets.emulator.stores.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Address:
    """Where the two listeners are; ``host`` is the host as the user named it."""

    host: str
    org_url: str
    tenant_url: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may log in, and what opens the side door.

    ``app_certificate`` is the PEM text of the app's certificate, empty when it has none: then
    nobody logs in by JWT.
    """

    client_id: str
    client_secret: str = field(repr=False)
    password: str = field(repr=False)
    refresh_token: str = field(repr=False)
    admin_token: str = field(repr=False)
    app_certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What one nextBatchId stands for: a query, its next row, and the form of its answer."""

    query_id: str
    start: int
    arrow: bool
    started: str
    rows_max: int | None = None
    """Rows after which the answer ends though there are more; None when it is whole."""
    ends_empty: bool = False
    """Whether one more batch without rows comes after the last row."""
    is_tail: bool = False
    """Whether this is that batch."""


@dataclass(slots=True)
class World:
    """One org with its tenant."""

    address: Address
    credentials: Credentials
    schema: Schema
    clock: OrgClock
    core: CoreStore
    data_cloud: DataCloudStore
    jobs: JobStore
    runner: Ingest
    service: JobService
    org_results: Shelf
    tenant_results: Shelf
    options: Options
    tokens: Tokens = field(default_factory=Tokens)
    gate: Gate = field(default_factory=Gate)
    calls: Calls = field(default_factory=Calls)
    batches: dict[str, Cursor] = field(default_factory=dict[str, Cursor])
    faults: Faults = field(default_factory=Faults)
    stale: dict[str, Result] = field(default_factory=dict[str, Result])
    """Answers by SQL text, while a fault lets them be given again."""

    def new_session(self) -> str:
        """A token of a new session of the org, which ends as the options say."""
        lives_s = self.options.core_token_s
        return self.tokens.issue_core(self.clock.now_s() + lives_s if lives_s > 0 else math.inf)

    def is_empty(self) -> bool:
        """Whether neither store has a row."""
        if self.data_cloud.objects():
            return False
        return all(self.core.count(item) <= len(item.records) for item in self.schema.stored)

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
        self.schema.restore()
        self.replace_faults(())

    def replace_faults(self, faults: tuple[Fault, ...]) -> None:
        """Take a new list of faults; what the old one left switched on ends."""
        self.faults.replace(faults)
        self.clock.skew_s = 0.0
        for result in self.stale.values():
            # A reader may still be at its pages: the rows go when nobody has them any more.
            result.is_kept = False
        self.stale.clear()
        for job_id in self.runner.faults.clear():
            self.runner.submit(job_id)

    def close(self) -> None:
        """Finish the batches at work, free results, write the databases."""
        self.runner.stop()
        self.org_results.clear()
        self.tenant_results.clear()
        self.core.close()
        self.data_cloud.close()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the org works, how fast its time passes, and how much it allows."""

    org: OrgSettings = PRESETS["instant"]
    time_scale: float = 1.0
    edition: str = "developer"


def open_world(
    folder: Path, schema: Schema, address: Address, credentials: Credentials, pace: Pace
) -> World:
    """Open the stores in a folder and take up what an earlier process left there."""
    clock, options = OrgClock(pace.time_scale), Options(pace.edition)
    core, data_cloud, jobs = CoreStore(folder, schema), DataCloudStore(folder), JobStore(folder)
    runner = Ingest(core, jobs, clock, options, partial(population, core, data_cloud))
    world = World(
        address=address,
        credentials=credentials,
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
    runner.start(pace.org)
    return world
