"""A ledger database with short ways to loads, partitions and batches."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.frames.settle import RECEIPT_SCHEMA
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.database import Database
from dc_assets.ledger.load_store import Lease, SqlLoadStore
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.load.store import (
    RESUMED,
    DeadLetter,
    LoadRequest,
    Mode,
    NewBatch,
    RangeTicket,
    Settlement,
)
from dc_assets.views.partitions import LedgerViews
from dc_assets_tests.fakes.specs import small_spec

KEYS = ("r1-01", "r1-02", "r1-03")
SPEC = small_spec(partitions={"scheme": 1, "upper_bounds": ["g", "p"]})


@cache
def _empty() -> bytes:
    """Make the tables once a process: that costs more than most tests."""
    with TemporaryDirectory(prefix="dc-assets-ledger-") as folder:
        file = Path(folder) / "empty.db"
        Database(f"sqlite:///{file}").close()
        return file.read_bytes()


def lay_ledger(file: Path) -> str:
    """Make an empty ledger, and return its URL."""
    file.write_bytes(_empty())
    return f"sqlite:///{file}"


def letter(external_id: str, code: str = "STRING_TOO_LONG") -> DeadLetter:
    """Return a dead letter."""
    row = f'{{"Title__c": "{code}"}}'
    return DeadLetter(external_id, code, "a message", "Title__c", row, attempts=1)


def new_batch(lane: int, rows: int = 10, *, attempt: int = 1, ready_in_s: float = 0.0) -> NewBatch:
    """Return a batch with an id of its own."""
    return NewBatch(uuid.uuid4().hex, lane, attempt, rows, ready_in_s)


def settlement(
    batch_id: str,
    landed: int,
    dead_letters: Sequence[DeadLetter] = (),
    retry: NewBatch | None = None,
    *,
    receipt: pl.DataFrame | None = None,
) -> Settlement:
    """Return the end of a batch whose job completed."""
    job = IngestJob("750", JobState.JOB_COMPLETE, active_s=1.0, total_s=2.0)
    rows = receipt_of([]) if receipt is None else receipt
    return Settlement(batch_id, landed, dead_letters, retry, rows, job)


def receipt_of(landing: Sequence[str], refused: Sequence[str] = ()) -> pl.DataFrame:
    """Return a receipt: of those that landed, ids that begin with u were updated."""
    lines = [(key, f"006{key}", not key.startswith("u"), "landed") for key in landing]
    lost = [(key, None, None, "STRING_TOO_LONG") for key in refused]
    return pl.DataFrame([*lines, *lost], schema=RECEIPT_SCHEMA, orient="row")


ABOUT_ALL = LoadRequest(partition_keys=KEYS)
NEW_LOAD = LoadRequest(is_new=True, partition_keys=KEYS)


def check_range(database: Database, spec_name: str, org_id: str, key: str) -> None:
    """Keep that the only check of a spec looked at a partition and found nothing."""
    store = CheckResultStore(database, spec_name, org_id)
    found = [CheckOutcome("only_check", key, Severity.PASSED, "said", 0)]
    store.keep(key, found, run_id="run", needed=("only_check",), asked_at=store.now_s())


@dataclass(slots=True)
class OpenLedger:
    """A database and one org in it."""

    database: Database
    url: str
    org_id: str
    runs: itertools.count[int] = field(default_factory=itertools.count)

    def loads(
        self,
        *,
        owner: Owner | None = None,
        lease_s: float = 60.0,
        spec: LoadSpec = SPEC,
        parent_object: str = "",
        mode: Mode = "full",
    ) -> SqlLoadStore:
        """Return the load book of a run; a live one unless an owner is given."""
        owner = owner or current_owner(f"run-{next(self.runs)}")
        lease = Lease(lease_s=lease_s, heartbeat_s=0.05)
        return SqlLoadStore(
            self.database,
            spec,
            org_id=self.org_id,
            owner=owner,
            lease=lease,
            mode=mode,
            parent_object=parent_object,
        )

    def batches(self, database: Database | None = None, spec: LoadSpec = SPEC) -> SqlBatchStore:
        """Return the batch book of a run."""
        return SqlBatchStore(database or self.database, spec, org_id=self.org_id)

    def views(self) -> LedgerViews:
        """Return what people are told."""
        return LedgerViews(self.database, SPEC.name, self.org_id)

    def ticket(
        self,
        key: str = KEYS[0],
        loads: SqlLoadStore | None = None,
        request: LoadRequest = RESUMED,
    ) -> RangeTicket:
        """Join the load and take a partition."""
        loads = loads or self.loads()
        return loads.take_range(loads.join_load(key, request), key)

    def checked(self, key: str, spec: LoadSpec = SPEC) -> None:
        """Let all checks look at a partition."""
        check_range(self.database, spec.name, self.org_id, key)

    def planned(self, ticket: RangeTicket, *batches: NewBatch) -> list[str]:
        """Plan batches in a partition and return their ids."""
        self.batches().plan_batches(
            ticket, selected=sum(b.rows for b in batches), batches=batches, dead_letters=()
        )
        return [b.batch_id for b in batches]

    def batches_planned(self, ticket: RangeTicket, *batches: NewBatch) -> list[str]:
        """Plan more batches in a partition, whose selected rows grow by them."""
        selected = self.batches().totals(ticket.load_id, ticket.partition_key).selected
        rows = (selected or 0) + sum(b.rows for b in batches)
        self.batches().plan_batches(ticket, selected=rows, batches=batches, dead_letters=())
        return [b.batch_id for b in batches]

    def uploaded(self, ticket: RangeTicket, batch_id: str, window: int = 16) -> None:
        """Bring a planned batch to the state uploaded."""
        store = self.batches()
        assert store.claim(ticket, [batch_id], window) == batch_id
        store.opened(ticket, batch_id, f"750{batch_id[:15]}")
        store.uploaded(ticket, batch_id)

    @contextmanager
    def another_connection(self) -> Generator[Database]:
        """Open the same ledger as another process would."""
        database = Database(self.url)
        try:
            yield database
        finally:
            database.close()
