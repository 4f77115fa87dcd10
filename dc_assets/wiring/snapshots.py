"""Connects what looks for the records that a load overwrites, to save or to update them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import polars as pl

from dc_assets.core.ranges import IdRange
from dc_assets.core.restoring import RECORD_ID, record_ids_spec, restoring_spec
from dc_assets.core.run_events import Note
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.snapshots import SnapshotRecords
from dc_assets.load.archive import ArrowPages
from dc_assets.load.ports import Slot
from dc_assets.load.records import NamedRecords
from dc_assets.load.snapshot import Snapshots
from dc_assets.load.store import RangeTicket
from dc_assets.load.whole_target import WholeTarget
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets.wiring.both_ends import OpenOrg
from dc_assets.wiring.settings import data_folder


@dataclass(frozen=True)
class OrgRecords:
    """Looks into the org that a spec is connected to; nothing is made before it does."""

    spec: LoadSpec
    org: OpenOrg
    database: Database
    long_query: Slot
    note: Note
    cleanup: ExitStack

    def take(self, ticket: RangeTicket, id_range: IdRange, keys: pl.Series) -> int:
        """Save the records with some external ids, all or none; return how many there are."""
        spec = restoring_spec(self.spec, self.org.described)
        session = self.org.session
        taker = Snapshots(
            records=self._named(spec),
            folder=data_folder() / "snapshots" / spec.name,
            keeper=SnapshotRecords(self.database, spec.name, session.org_id),
        )
        return taker.take(ticket, id_range, keys)

    def ids(self, id_range: IdRange, keys: pl.Series) -> pl.DataFrame:
        """Return external id and record id of the records with some external ids."""
        spec = record_ids_spec(self.spec)
        columns = [spec.target.external_id, RECORD_ID]
        none = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        pages = self._named(spec).of(id_range, keys)
        return pl.concat([none, *(page.select(columns) for page in pages)])

    def _named(self, spec: LoadSpec) -> NamedRecords:
        return NamedRecords(
            spec=spec,
            source=self.org.source,
            target=SOQLTarget(self.org.session, spec),
            has_case=self.org.described.has_case(spec.target.external_id),
            whole_target=self._whole_target(spec),
            long_query=self.long_query,
        )

    def _whole_target(self, spec: LoadSpec) -> Callable[[Callable[[ArrowPages], None]], ArrowPages]:
        """Return a reading that begins after it was asked for: an older one may lack changes."""
        name = f"whole-{self.org.session.org_id}-{spec.spec_hash}-arrow"
        folder = data_folder() / "audit" / spec.name / name

        def read_now(read: Callable[[ArrowPages], None]) -> ArrowPages:
            whole = WholeTarget(folder, self.database.time_s, self.note)
            self.cleanup.callback(whole.close)
            return whole.since(self.database.time_s(), read)

        return read_now
