"""Connects the snapshot of a load to the org that it was taken of, to be written back."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from dc_assets.core.checks import OUTGROWN, check_descriptions
from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.run_events import Note
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.database import Database
from dc_assets.ledger.snapshots import KeptSnapshot, SnapshotRecords
from dc_assets.load.archive import write_parquet
from dc_assets.load.explanations import Explanations
from dc_assets.load.partition import LoadedRange, load_partition
from dc_assets.load.reconcile import Audit
from dc_assets.load.restore import OnlyRecords, Restorable, RestoreExplanations, restorable
from dc_assets.load.store import LoadRequest
from dc_assets.salesforce.bulk_ingest import BulkUpdateJobs
from dc_assets.salesforce.credentials import Login
from dc_assets.views.landings import Landed, Landings
from dc_assets.wiring.connect import OpenLoad, open_load

NOTHING_KNOWN = RestoreExplanations(frozenset(), 0)


@dataclass(frozen=True)
class Overwritten:
    """The records of a snapshot that loads wrote since it was taken, as files of a source.

    Attributes:
        spec: writes them back.
        rows: how many there are, by the partition that their own external ids lie in; a load may
            spell them in another case, and overwrite them from another one.
        doubts: why all of a partition's records count as overwritten.
    """

    spec: LoadSpec
    kept: Sequence[KeptSnapshot]
    rows: dict[str, int]
    doubts: Sequence[str]


def overwritten(database: Database, spec: LoadSpec, kept: Sequence[KeptSnapshot]) -> Overwritten:
    """Write beside the snapshots of one load which of their records were overwritten since.

    Settings that tune a load are those of ``spec``; all others are of the load.

    Raises:
        ConfigError: a snapshot is gone or altered.
    """
    first = kept[0]
    landings = Landings(database, spec.name, first.org_id)
    landed = landings.since(min(one.taken_at for one in kept))
    folder = first.file.path.parent / "overwritten"
    for one in kept:
        _write(one, landed, folder)
    taken = {one.partition_key for one in kept}
    doubts = [f"{key}: {said}" for key, said in landed.doubts.items() if key in taken]
    tuned = {name: getattr(spec, name) for name in ("profile", "limits", "time_zone")}
    saved = LoadSpec.model_validate_json(first.file.spec_json)
    files = saved.with_files(str(folder)).model_copy(update=tuned)
    return Overwritten(files, kept, _rows_by_range(files), doubts)


def _write(kept: KeptSnapshot, landed: Landed, folder: Path) -> None:
    """Write the overwritten records of one snapshot."""
    rows = _whole(kept)
    if kept.partition_key not in landed.doubts:
        rows = rows.filter(pl.col(RECORD_ID).is_in(landed.ids.implode()))
    write_parquet(folder / f"{kept.partition_key}.parquet", rows)


def _rows_by_range(spec: LoadSpec) -> dict[str, int]:
    ids = _column(spec, spec.target.external_id)
    return {key: int(_inside(ids, one).sum()) for key, one in spec.ranges.items()}


def _inside(ids: pl.Series, id_range: IdRange) -> pl.Series:
    inside = pl.repeat(value=True, n=ids.len(), eager=True)
    if id_range.after is not None:
        inside &= ids > id_range.after
    if id_range.upto is not None:
        inside &= ids <= id_range.upto
    return inside


def _column(spec: LoadSpec, name: str) -> pl.Series:
    """Return a column of the overwritten records."""
    files = pl.scan_parquet(Path(spec.source.files or "") / "*.parquet")
    return files.select(name).collect().to_series()


def _whole(kept: KeptSnapshot) -> pl.DataFrame:
    """Return the records of a snapshot that is as the ledger knows it."""
    path = kept.file.path
    try:
        with path.open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == kept.file.sha256
    except OSError:
        is_whole = False
    if not is_whole:
        raise ConfigError(
            f"The snapshot {path} is missing or was altered, so nothing is restored. Put the file "
            "back into DC_ASSETS_DATA as the load left it."
        )
    return pl.read_parquet(path, memory_map=False)


@dataclass(frozen=True)
class OpenRestore:
    """Overwritten records, connected to their org."""

    opened: OpenLoad
    overwritten: Overwritten
    snapshots: SnapshotRecords

    def look(self, partition_key: str) -> Restorable:
        """Compare the records of a partition with their snapshot, as they are now."""
        return restorable(self._audit(partition_key, NOTHING_KNOWN), self._jobs.still_there)

    def send(self, partition_key: str, request: LoadRequest) -> LoadedRange:
        """Write the records of a partition back that are otherwise than they were.

        No load of the partition counts as proved from now on, whatever becomes of this one.
        """
        self.opened.org.guard.pin()
        self.snapshots.forget_proofs(partition_key)
        return load_partition(
            self.opened.stored,
            partition_key,
            self.opened.ports,
            lambda: self.look(partition_key).differing,
            request=request,
        )

    def checked(self, loaded: LoadedRange) -> Sequence[CheckOutcome]:
        """Hold a partition against its snapshot by the checks of every load.

        One of which the org refused rows is not restored, though that explains what differs. What
        they say is of the snapshot, so it is not kept as what a source's checks said.
        """
        key = loaded.partition_key
        refused = Landings(self.opened.database, self.opened.spec.name, self._org_id).refused_in(
            loaded.load_id, key
        )
        audit = self._audit(key, RestoreExplanations(refused, loaded.totals.pending))
        wanted = set(check_descriptions(self.opened.spec)) - {OUTGROWN}
        outcomes = [replace(one, repair="") for one in audit.outcomes(wanted)]
        if not refused and all(one.severity.is_good for one in outcomes):
            for kept in self.overwritten.kept:
                if kept.partition_key == key:
                    self.snapshots.restored(kept)
        return outcomes

    def _audit(self, partition_key: str, explanations: Explanations) -> Audit:
        id_range = self.opened.spec.ranges[partition_key]
        sides = self.opened.both_sides(id_range, partition_key)
        return Audit(f"{partition_key}-restored", sides, explanations)

    @property
    def _org_id(self) -> str:
        return self.opened.org.session.org_id

    @cached_property
    def _jobs(self) -> BulkUpdateJobs:
        return BulkUpdateJobs(self.opened.org.session, self.opened.spec)


@contextmanager
def open_restore(
    found: Overwritten, login: Login, *, run_id: str, note: Note
) -> Generator[OpenRestore]:
    """Connect overwritten records to their org.

    Raises:
        ConfigError: it is another org, or a field of the snapshot is not there any more.
    """
    spec = found.spec
    with open_load(spec, login, run_id=run_id, note=note, mode="restore") as opened:
        org_id, theirs = opened.org.session.org_id, found.kept[0].org_id
        if org_id != theirs:
            raise ConfigError(
                f"The snapshot is of the org {theirs}, and SF_LOGIN_URL leads to {org_id}. "
                "Sign in to the org that the load wrote to."
            )
        ports = replace(
            opened.ports,
            target=OnlyRecords(opened.ports.target, _column(spec, RECORD_ID)),
            jobs=BulkUpdateJobs(opened.org.session, spec),
        )
        snapshots = SnapshotRecords(opened.database, spec.name, org_id)
        yield OpenRestore(replace(opened, ports=ports), found, snapshots)
