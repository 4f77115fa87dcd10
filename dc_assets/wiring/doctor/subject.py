"""What is examined: the specs that were asked for, and what earlier examinations opened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from dc_assets.core.organization import Organization
from dc_assets.core.source_spec import DEFAULT_DATA_SPACE
from dc_assets.core.spec import LoadSpec
from dc_assets.core.target_fields import TargetDescription
from dc_assets.ledger.database import Database
from dc_assets.salesforce.credentials import Login
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.reach import Reached
from dc_assets.salesforce.session import OrgSession
from dc_assets.salesforce.soql import SOQLTarget
from dc_assets.wiring.both_ends import OpenSource
from dc_assets.wiring.settings import Settings

T = TypeVar("T")

NOT_ASKED = "The source is no object of Data Cloud."


def opened(thing: T | None) -> T:
    """Return what an earlier examination opened; the table lets nobody ask before."""
    if thing is None:
        raise AssertionError("an examination names in the table what it needs")
    return thing


@dataclass(slots=True)
class Opened:
    """What examinations found, for those behind them: each is there if its area is not red."""

    settings: Settings | None = None
    login: Login | None = None
    reached: Reached | None = None
    session: OrgSession | None = None
    organization: Organization | None = None
    tenants: dict[str, Host] = field(default_factory=dict[str, Host])
    source: OpenSource | None = None
    target: SOQLTarget | None = None
    described: TargetDescription | None = None
    ledger: Database | None = None


@dataclass(slots=True)
class Subject:
    """One set-up.

    Attributes:
        specs: those of the loads folder, or the one that was asked for.
        load: the one that was asked for, if one was.
        complaints: sentences about files that are no spec.
        cleanup: closes what examinations opened.
    """

    specs: Sequence[LoadSpec]
    load: LoadSpec | None
    complaints: Sequence[str]
    cleanup: ExitStack
    seen: Opened = field(default_factory=Opened)

    @property
    def data_spaces(self) -> Sequence[str]:
        """The data spaces that are read from; the default one before there is a spec."""
        if not self.specs:
            return [DEFAULT_DATA_SPACE]
        named = (one.source.data_space for one in self.specs if one.source.is_data_cloud)
        return list(dict.fromkeys(named))

    @property
    def spec(self) -> LoadSpec:
        """The spec that was asked for; examinations of a load are asked only with one."""
        return opened(self.load)
