"""One partition run put together: fakes at both ends, the real ledger and spool between."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dc_assets.core.load_state import PartitionState
from dc_assets.core.run_events import RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import UNDESCRIBED, TargetDescription
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.database import Database
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.org_use import SqlOrgUse
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.load.partition import LoadedRange, load_partition
from dc_assets.load.ports import Ports
from dc_assets.load.store import Mode
from dc_assets.views.partitions import LedgerViews
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.fakes.disk import SimSpool
from dc_assets_tests.fakes.ledgers import lay_ledger
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.update import UpdatedOrg


def dead_owner(run_id: str) -> Owner:
    """Return a process of this host that everybody knows to be dead: its id is another one's."""
    return replace(current_owner(run_id), started="before")


@dataclass(slots=True)
class World:
    """A source, an org, a ledger and a spool that outlive a run."""

    folder: Path
    database: Database
    source: FakeSource
    org: FakeOrg
    spec: LoadSpec = field(default_factory=small_spec)
    clock: SimClock = field(default_factory=SimClock)
    events: list[RunEvent] = field(default_factory=list[RunEvent])
    io_threads: int = 4
    described: TargetDescription = UNDESCRIBED
    runs: itertools.count[int] = field(default_factory=itertools.count)

    def ports(self, owner: Owner | None = None, mode: Mode = "full") -> Ports:
        """Return the ports of a run of its own."""
        org_id = self.org.org_id
        owner = owner or current_owner(f"run-{next(self.runs)}")
        return Ports(
            source=self.source,
            target=self.org,
            jobs=self.org,
            loads=SqlLoadStore(self.database, self.spec, org_id=org_id, owner=owner, mode=mode),
            batches=SqlBatchStore(self.database, self.spec, org_id=org_id),
            use=SqlOrgUse(self.database, org_id, self.org.new_calls),
            spool=SimSpool(self.folder),
            clock=self.clock,
            chance=lambda: 0.5,
            new_id=lambda: uuid.uuid4().hex,
            note=self.events.append,
            io_threads=self.io_threads,
            described=self.described,
            record_ids=self.org if isinstance(self.org, UpdatedOrg) else None,
        )

    def run(self, partition_key: str = "r1-01", *, owner: Owner | None = None) -> LoadedRange:
        """Load one partition."""
        return load_partition(self.spec, partition_key, self.ports(owner))

    @property
    def notes(self) -> list[str]:
        """What the operator was told, as sentences."""
        return [str(event) for event in self.events]

    @property
    def views(self) -> LedgerViews:
        """What the ledger tells people."""
        return LedgerViews(self.database, self.spec.name, self.org.org_id)

    @property
    def partitions(self) -> list[PartitionState]:
        """Each partition in its newest load, by key."""
        return list(self.views.states.of_spec().newest.values())

    def codes(self) -> dict[str, str]:
        """Return the code of each dead letter by external id."""
        return {letter.external_id: letter.code for letter in self.views.refusals(1000)}


@contextmanager
def small_world(folder: Path, source: FakeSource, org: FakeOrg | None = None) -> Generator[World]:
    """Open a world on a SQLite ledger below a folder."""
    database = Database(lay_ledger(folder / "ledger.db"))
    try:
        yield World(folder / "data", database, source, org or FakeOrg())
    finally:
        database.close()
