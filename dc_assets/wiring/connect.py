"""Puts the adapters together from the environment; this module needs no Dagster."""

from __future__ import annotations

import platform
import random
import uuid
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import metadata

import polars as pl

from dc_assets.core.checks import COVERAGE, check_descriptions
from dc_assets.core.errors import ConfigError
from dc_assets.core.parent_loads import lacks, refuse_incomplete
from dc_assets.core.ranges import EVERYTHING, IdRange
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.core.spec import LoadSpec
from dc_assets.core.stored_form import as_stored
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.absence import Patience, one_transaction
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.deletions import Deletions
from dc_assets.ledger.forecasts import Forecasts
from dc_assets.ledger.guard import OrgGuard
from dc_assets.ledger.heartbeats import RunHeartbeats, beating
from dc_assets.ledger.load_store import Lease, SqlLoadStore
from dc_assets.ledger.long_queries import LongQuerySlots
from dc_assets.ledger.org_use import SqlOrgUse
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.ledger.spool import DiskSpool
from dc_assets.load.archive import ArrowPages, DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.canary import Canary, SampleExplanations
from dc_assets.load.deletion import observe
from dc_assets.load.dry_run import DryRun, dry_run
from dc_assets.load.explanations import PartitionsTogether
from dc_assets.load.partition import LoadedRange, load_partition
from dc_assets.load.ports import Ports
from dc_assets.load.preflight.findings import Advice, refuse
from dc_assets.load.preflight.survey import BothSidesAsked
from dc_assets.load.reconcile import Audit
from dc_assets.load.store import RESUMED, LoadRequest, Mode
from dc_assets.load.whole_target import WholeTarget
from dc_assets.salesforce.bulk_ingest import jobs_of
from dc_assets.salesforce.credentials import Login
from dc_assets.salesforce.org_facts import SalesforceFacts, organization
from dc_assets.salesforce.origins import is_this_machine
from dc_assets.salesforce.session import OrgSession
from dc_assets.views.dead_letters import DeadLetterChoice, OpenDeadLetters
from dc_assets.views.latest_outcomes import LatestOutcomes
from dc_assets.views.partitions import LedgerViews
from dc_assets.views.progress import LedgerProgress
from dc_assets.views.receipts import ReceiptExplanations
from dc_assets.wiring.both_ends import OpenOrg, open_org
from dc_assets.wiring.parent_loads import after_their_checks, incomplete_parents
from dc_assets.wiring.settings import data_folder, ledger_url, read_settings
from dc_assets.wiring.snapshots import OrgRecords


def lease() -> Lease:
    """Return how long a silent run keeps its partitions, and how often it speaks."""
    settings = read_settings()
    return Lease(settings.lease_s, settings.heartbeat_s)


def policy_clock(login_url: str) -> SystemClock:
    """Return the clock of polls and waits, `DC_ASSETS_TIME_SCALE` times as fast as the wall.

    Raises:
        ConfigError: it is not 1, and the org is not an emulator on this machine.
    """
    scale = read_settings().time_scale
    if scale != 1.0 and not is_this_machine(login_url):
        raise ConfigError(
            "DC_ASSETS_TIME_SCALE hurries the polls and waits of an emulator on this machine. "
            "A real org keeps its own time: unset it."
        )
    return SystemClock(scale)


def versions() -> Mapping[str, str]:
    """Return the versions of the programs that decide what a load does."""
    packages = ("dc-assets", "dagster", "httpx", "polars", "sqlalchemy")
    return {"python": platform.python_version(), **{p: metadata.version(p) for p in packages}}


@dataclass(frozen=True)
class OpenLoad:
    """One spec, connected: the ports of a run; what else a command needs is made when it asks.

    Attributes:
        cleanup: what is done when the load is disconnected.
        opened_at: when it was connected, by the ledger's clock.
    """

    spec: LoadSpec
    mode: Mode
    run_id: str
    ports: Ports
    loads: SqlLoadStore
    database: Database
    org: OpenOrg
    cleanup: ExitStack
    opened_at: float

    @cached_property
    def progress(self) -> LedgerProgress:
        """What tells how far the running load is."""
        return self._views.progress

    @cached_property
    def explanations(self) -> ReceiptExplanations:
        """What the ledger knows of differences."""
        return ReceiptExplanations(self._views)

    @cached_property
    def dead_letters(self) -> OpenDeadLetters:
        """The rows whose latest outcome is a refusal."""
        return OpenDeadLetters(*self._place)

    @cached_property
    def deletions(self) -> Deletions:
        """What was observed to be gone from the source."""
        return Deletions(*self._place)

    @cached_property
    def forecasts(self) -> Forecasts:
        """What plans told."""
        return Forecasts(*self._place)

    @property
    def sides(self) -> BothSidesAsked:
        """Where a plan asks."""
        org, ports = self.org, self.ports
        facts = SalesforceFacts(org.session, self.spec)
        return BothSidesAsked(
            source=org.source,
            source_facts=org.source,
            target=ports.target,
            org=facts,
            clock=ports.clock,
            described=org.described,
            kinds=org.fit.kinds,
            long_query=ports.long_query,
        )

    @cached_property
    def stored(self) -> LoadSpec:
        """The spec as the org's fields keep its values: what is sent and compared."""
        return as_stored(self.spec, self.org.described)

    @property
    def _place(self) -> tuple[Database, str, str]:
        return self.database, self.spec.name, self.org.session.org_id

    @cached_property
    def _views(self) -> LedgerViews:
        return LedgerViews(*self._place)

    @cached_property
    def _archive(self) -> DiskArchive:
        archive = DiskArchive(data_folder() / "audit" / self.spec.name)
        self.cleanup.callback(archive.close)
        return archive

    @cached_property
    def _whole_target(self) -> WholeTarget:
        name = f"whole-{self.org.session.org_id}-{self.stored.spec_hash}-arrow"
        folder = data_folder() / "audit" / self.spec.name / name
        whole = WholeTarget(folder, self.database.time_s, self.ports.note)
        self.cleanup.callback(whole.close)
        return whole

    def load(
        self,
        partition_key: str,
        request: LoadRequest = RESUMED,
        *,
        wanted: Sequence[str] | None = None,
    ) -> LoadedRange:
        """Load one partition in this load's mode; a replay sends all its dead letters, or some.

        Raises:
            SpecRefused: the spec does not fit org or source, and nobody said why to send anyway.
            ParentsIncomplete: a load that comes before is not complete, and nobody said why.
            ProductionUnasked: a business runs in the org, and nobody said so of the load.
        """
        self.org.guard.pin()
        if self.mode != "replay":
            self.refuse_what_stops(request)

        def choose() -> pl.Series:
            if self.mode != "replay":
                return self.audit(partition_key).keys_to_send(self.mode)
            keys = wanted if wanted is not None else self._refused_keys(partition_key)
            return pl.Series(sorted(set(keys)), dtype=pl.String)

        return load_partition(
            self.stored,
            partition_key,
            self.ports,
            None if self.mode == "full" else choose,
            request=request,
        )

    def refuse_what_stops(self, request: LoadRequest) -> None:
        """Send nothing before its time, or of a spec that does not fit, unless a person said why.

        Raises:
            SpecRefused: it does not fit; the sentences are those of the plan.
            ParentsIncomplete: a load that comes before is not complete.
        """
        findings, ports = self.org.fit.findings, self.ports
        stops = [one for one in findings if one.advice is Advice.STOP]
        org_id = self.org.session.org_id
        look = partial(incomplete_parents, self.database, org_id, request.parents, self.mode)
        if request.anyway:
            if cause := " ".join([*(one.reason for one in stops), lacks(look())]).strip():
                fields = {"cause": cause, "reason": request.anyway}
                self.ports.note(RunEvent("stop_overridden", fields))
            return
        refuse(findings, stops, remedy=f"dc-assets plan {self.spec.name} says more.")
        heartbeats = RunHeartbeats(self.database)
        missing = after_their_checks(look, heartbeats, ports.clock, ports.note, run_id=self.run_id)
        refuse_incomplete(self.spec.name, missing)

    def _refused_keys(self, partition_key: str) -> list[str]:
        dead_letters = self.dead_letters.chosen(DeadLetterChoice(partition_keys=[partition_key]))
        return [letter.external_id for letter in dead_letters]

    def audit_of_all(self) -> Audit:
        """Return the checks of the whole object."""
        explanations = PartitionsTogether(self.explanations, list(self.spec.ranges))
        return Audit("all", self.both_sides(EVERYTHING), explanations)

    def dry_run(self, partition_key: str) -> DryRun:
        """Write the payloads of one partition to disk and open no job."""
        folder = data_folder() / "dry-run" / self.spec.name / partition_key
        return dry_run(self.stored, partition_key, self.ports, folder)

    def checked(
        self, partition_key: str, wanted: Collection[str] | None = None
    ) -> Sequence[CheckOutcome]:
        """Evaluate the checks of one partition, all or the wanted ones, and keep what they said."""
        self.loads.refuse_other_bounds()
        results = CheckResultStore(*self._place)
        asked_at = results.now_s()
        audit = self.audit(partition_key)
        outcomes = list(audit.outcomes(wanted))
        results.keep(
            partition_key,
            outcomes,
            run_id=self.run_id,
            needed=check_descriptions(self.spec),
            asked_at=asked_at,
        )
        is_asked = any(o.check == COVERAGE and o.severity.is_asked for o in outcomes)
        if is_asked and (seen := observe(audit)) is not None:
            self.deletions.keep(partition_key, seen)
        audit.sides.drop_rows()
        return outcomes

    def audit(self, partition_key: str) -> Audit:
        """Return the checks of one partition, asked of both sides as they are now."""
        sides = self.both_sides(self.spec.ranges[partition_key], partition_key)
        return Audit(partition_key, sides, self.explanations)

    def canary(self, request: LoadRequest = RESUMED) -> Canary:
        """Return what sends and checks samples; their checks are never kept as a partition's.

        Raises:
            SpecRefused: the spec does not fit org or source.
        """
        self.org.guard.pin()
        self.refuse_what_stops(request)
        outcomes = LatestOutcomes(self.database, self.spec, self.org.session.org_id)
        return Canary(
            self.stored,
            self.ports,
            outcomes.landed,
            outcomes.refused,
            self._sample_audit,
            self.loads.next_stage,
            request,
        )

    def _sample_audit(self, partition_key: str, part: IdRange) -> Audit:
        explanations = SampleExplanations(self.explanations, [partition_key])
        return Audit(f"{partition_key}-sample", self.both_sides(part), explanations)

    def both_sides(self, id_range: IdRange, partition_key: str | None = None) -> BothSides:
        """Return both sides as they are after this load was opened and its rows were settled."""
        since_s = max(self.opened_at, self._views.settled_at(partition_key))

        def whole(read: Callable[[ArrowPages], None]) -> ArrowPages:
            return self._whole_target.since(since_s, read)

        return BothSides(self.stored, id_range, self.ports, self._archive, whole)


@contextmanager
def open_load(
    spec: LoadSpec,
    login: Login,
    *,
    run_id: str,
    note: Note,
    mode: Mode = "full",
) -> Generator[OpenLoad]:
    """Connect everything one run of a spec needs, and disconnect it afterwards.

    Raises:
        ConfigError: a setting, the spec, the org or the disk is not as it must be.
    """
    clock = policy_clock(login.login_url)
    owner, times = current_owner(run_id), lease()
    note = signed(note, spec.name, run_id)
    with ExitStack() as cleanup:
        database = _open_ledger(owner, times, note, cleanup)
        session = cleanup.enter_context(OrgSession.connect(login, sleep=clock.sleep, note=note))
        org = open_org(spec, session, OrgGuard(database, spec, organization(session)), cleanup)
        org_id, parent_object = org.session.org_id, org.parent_object
        loads = SqlLoadStore(
            database,
            spec,
            org_id=org_id,
            owner=owner,
            mode=mode,
            lease=times,
            parent_object=parent_object,
            versions=versions(),
        )
        use = SqlOrgUse(database, org_id, org.session.org.usage.new_calls)
        cleanup.callback(use.count_the_rest)
        long_query = LongQuerySlots(
            database,
            org_id,
            owner,
            most=read_settings().long_queries_max,
            sleep=clock.sleep,
            note=note,
            lease_s=times.lease_s,
            heartbeat_s=times.heartbeat_s,
        ).slot
        records = OrgRecords(spec, org, database, long_query, note, cleanup)
        ports = Ports(
            source=org.source,
            target=org.target,
            jobs=jobs_of(org.session, spec),
            loads=loads,
            batches=SqlBatchStore(
                database, spec, org_id=org_id, run_id=run_id, parent_object=parent_object
            ),
            use=use,
            spool=DiskSpool(data_folder()),
            clock=clock,
            chance=random.random,
            new_id=lambda: uuid.uuid4().hex,
            note=note,
            described=org.described,
            long_query=long_query,
            snapshots=records,
            record_ids=records,
        )
        opened_at = database.time_s()
        yield OpenLoad(spec, mode, run_id, ports, loads, database, org, cleanup, opened_at)


def signed(note: Note, spec_name: str, run_id: str) -> Note:
    """Let each event say of which spec and run it is."""
    return lambda event: note(replace(event, spec=spec_name, run_id=run_id))


def _open_ledger(owner: Owner, times: Lease, note: Note, cleanup: ExitStack) -> Database:
    """Open the ledger, and let it know that this process lives while it is open.

    An absence is borne while the last heartbeat is surely younger than the lease.
    """
    bears_s = times.lease_s - times.heartbeat_s
    database = Database(ledger_url(), Patience(bears_s, from_the_first=True, note=note))
    cleanup.callback(database.close)
    heartbeat = partial(RunHeartbeats(database).heartbeat, owner, times.lease_s)
    one_transaction(heartbeat)()
    cleanup.enter_context(beating(heartbeat, times.heartbeat_s))
    return database
