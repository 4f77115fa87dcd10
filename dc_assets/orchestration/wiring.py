"""Puts the adapters together from the environment; this module needs no Dagster."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dc_assets.core.errors import ConfigError, RejectedRequest
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.batch_book import SqlBatchBook
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.load_book import SqlLoadBook
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.spool import DiskSpool
from dc_assets.ledger.views import LedgerViews
from dc_assets.load.ports import Ports
from dc_assets.load.reconcile import BothSides
from dc_assets.load.spec_files import read_specs
from dc_assets.salesforce.auth import Login
from dc_assets.salesforce.bulk_ingest import BulkIngestJobs
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.describe import check_target
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql import SOQLTarget

PACKAGED_LOADS = Path(__file__).parent.parent / "loads"


def refuse_without_asserts() -> None:
    """Refuse `python -O`: it strips the asserts that guard against faults of our own.

    Raises:
        ConfigError: asserts are off.
    """
    if not __debug__:
        raise ConfigError("dc_assets does not run with python -O or PYTHONOPTIMIZE: unset it.")


def data_folder() -> Path:
    """Return the folder of ledger, spool and receipts: `DC_ASSETS_DATA`, or ~/.dc_assets."""
    return Path(os.environ.get("DC_ASSETS_DATA") or Path.home() / ".dc_assets").absolute()


def loads_folder() -> Path:
    """Return the folder of the load specs: `DC_ASSETS_LOADS`, or the packaged one."""
    return Path(os.environ.get("DC_ASSETS_LOADS") or PACKAGED_LOADS).absolute()


def ledger_url() -> str:
    """Return `DC_ASSETS_LEDGER_URL`, or a SQLite file in the data folder. It is never printed."""
    return os.environ.get("DC_ASSETS_LEDGER_URL") or f"sqlite:///{data_folder() / 'ledger.db'}"


def spec_named(name: str) -> LoadSpec:
    """Return one spec of the loads folder.

    Raises:
        ConfigError: there is none of that name.
    """
    specs = {spec.name: spec for spec in read_specs(loads_folder())}
    if name not in specs:
        raise ConfigError(
            f"There is no load called {name} in {loads_folder()}. There is: "
            f"{', '.join(sorted(specs))}."
        )
    return specs[name]


def login_from_environment() -> Login:
    """Read the three settings of the org.

    Raises:
        ConfigError: one is missing.
    """
    names = ("SF_LOGIN_URL", "SF_CLIENT_ID", "SF_CLIENT_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
            "SF_LOGIN_URL is the org's My Domain; id and secret are of its connected app. "
            "To try without an org: dc-assets demo"
        )
    return Login(*(os.environ[name] for name in names))


@dataclass(frozen=True, slots=True)
class OpenLoad:
    """One spec, connected: ports for a run, and both sides for the checks."""

    ports: Ports
    both_sides: BothSides
    loads: SqlLoadBook


@contextmanager
def open_load(
    spec: LoadSpec, login: Login, *, run_id: str, note: Callable[[str], None]
) -> Generator[OpenLoad]:
    """Connect everything one run of a spec needs, and disconnect it afterwards.

    Raises:
        ConfigError: a setting, the spec, the org or the disk is not as it must be.
    """
    clock = SystemClock()
    spool = DiskSpool(data_folder())
    database = Database(ledger_url())
    try:
        with OrgSession.connect(login, sleep=clock.sleep) as session:
            source, target = DataCloudSource(session.tenant, spec), SOQLTarget(session, spec)
            loads = SqlLoadBook(database, spec, org_id=session.org_id, owner=current_owner(run_id))
            _check_both_ends(session, spec, source)
            ports = Ports(
                source=source,
                target=target,
                jobs=BulkIngestJobs(session, spec),
                loads=loads,
                batches=SqlBatchBook(database, spec, org_id=session.org_id),
                spool=spool,
                clock=clock,
                chance=random.random,
                new_id=lambda: uuid.uuid4().hex,
                note=note,
            )
            labels = LedgerViews(database, spec.name, session.org_id)
            yield OpenLoad(ports, BothSides(spec, source, target, labels), loads)
    finally:
        database.close()


def _check_both_ends(session: OrgSession, spec: LoadSpec, source: DataCloudSource) -> None:
    """Find a wrong name before a row is read."""
    check_target(session, spec)
    try:
        source.check_columns()
    except RejectedRequest as error:
        raise ConfigError(
            f"Data Cloud refuses the query for {spec.source.object}: {error}. "
            f"Correct source.object, source.where and the source columns of the spec {spec.name}."
        ) from error
