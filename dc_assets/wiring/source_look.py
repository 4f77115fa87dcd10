"""One look at the source: which partitions changed since they were last proved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from dc_assets.core.run_events import Note
from dc_assets.core.source_state import SourceLook
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.guard import OrgGuard
from dc_assets.ledger.heartbeats import RunHeartbeats
from dc_assets.ledger.pinned_org import production_unasked
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.salesforce.credentials import Login
from dc_assets.salesforce.org_facts import organization
from dc_assets.salesforce.session import OrgSession
from dc_assets.views.load_states import LoadStates
from dc_assets.wiring.both_ends import open_source
from dc_assets.wiring.connect import policy_clock
from dc_assets.wiring.settings import ledger_url


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tick of a refresh decides from.

    Attributes:
        look: states of the partitions that were proved once.
        proved: the states that their last proved loads saw.
        held: partitions that a live run is working on.
        is_stopped: whether an operator ordered the spec's loads to stop.
        now_s: the ledger's time, seconds since 1970.
    """

    look: SourceLook
    proved: Mapping[str, str]
    held: Collection[str]
    is_stopped: bool
    now_s: float


def look_at_source(spec: LoadSpec, login: Login, note: Note) -> Seen:
    """Ask the source by one query; nothing is written to it, to the org or to the ledger."""
    with ExitStack() as cleanup:
        database = Database(ledger_url())
        cleanup.callback(database.close)
        sleep = policy_clock(login.login_url).sleep
        session = cleanup.enter_context(OrgSession.connect(login, sleep=sleep, note=note))
        here = organization(session)
        OrgGuard(database, spec, here).refuse_other()
        if here.kind.is_production and spec.target.org_id is None:
            raise production_unasked(spec.name, str(here), here.org_id)
        known = LoadStates(database, spec.name, session.org_id).proved_states()
        ranges = {key: one for key, one in spec.ranges.items() if key in known}
        source = open_source(spec, session, cleanup)
        orders = StopOrders(database, spec.name)
        return Seen(
            look=source.look(ranges, known) if ranges else SourceLook({}, 0),
            proved=known,
            held={run.partition_key for run in orders.runs_at_work()},
            is_stopped=any(one.stopped_at is not None for one in orders.open_loads()),
            now_s=RunHeartbeats(database).now_s(),
        )
