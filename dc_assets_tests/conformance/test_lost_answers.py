"""Every write of the ledger over a connection that is cut while a transaction ends."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.deletions import DeletionObservation
from dc_assets.core.lanes import LaneMap
from dc_assets.core.phases import Phase
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger import tables
from dc_assets.ledger.absence import Patience
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.database import Database
from dc_assets.ledger.deletions import Deletions
from dc_assets.ledger.forecasts import Forecasts, ToldLoad
from dc_assets.ledger.old_state import OldState
from dc_assets.ledger.org_use import SqlOrgUse
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.store import Plan, RangeTicket
from dc_assets_tests.fakes.cutting_proxy import CuttingProxy, Where
from dc_assets_tests.fakes.ledgers import ABOUT_ALL, KEYS, OpenLedger, letter, new_batch, settlement
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import dead_owner

pytestmark = pytest.mark.postgres

_COUNTED = [t for t in tables.metadata.sorted_tables if t.name != tables.commit_mark.name]


class Life:
    """A load from its opening to its end, one write a step, in an order that gives each work."""

    def __init__(self, ledger: OpenLedger) -> None:
        self.mark = uuid.uuid4().hex
        self.database, self.org_id = ledger.database, ledger.org_id
        self.spec = small_spec(name=f"load_{self.mark[:12]}", partitions=_PARTS)
        self.store = ledger.batches(spec=self.spec)
        self.loads = ledger.loads(spec=self.spec)
        self.dead = ledger.loads(owner=dead_owner("killed"), spec=self.spec)
        self.planned = [new_batch(lane) for lane in (0, 0, 1, 2, 3)]
        self.merged = new_batch(0, 20)
        self.load_id = ""
        self.ticket = RangeTicket("", KEYS[0], fence=0, phase=Phase.NEW)

    def join(self) -> None:
        """Open the load."""
        self.load_id = self.loads.join_load(KEYS[0], ABOUT_ALL)

    def take(self) -> None:
        """Take the partition."""
        self.ticket = self.loads.take_range(self.load_id, KEYS[0])

    def claim(self, number: int) -> None:
        """Claim a planned batch: the ledger grants it, whether or not its answer is heard."""
        batch_id = self.planned[number].batch_id
        _is(self.store.claim(self.ticket, [batch_id], 9), batch_id)

    def steps(self) -> dict[str, Callable[[], object]]:
        """Return every kind of write."""
        return {**self.beginning(), **self.sending(), **self.ending(), **self.telling()}

    def beginning(self) -> dict[str, Callable[[], object]]:
        """Return the writes until rows are planned."""
        loads, store = self.loads, self.store
        return {
            "join_load": self.join,
            "take_range": self.take,
            "take_range of a killed run": lambda: self.dead.take_range(self.load_id, KEYS[1]),
            "take_planning": lambda: loads.take_planning(self.load_id),
            "keep_plan": lambda: loads.keep_plan(self.load_id, _PLAN),
            "saw_source": lambda: loads.saw_source(self.ticket, "seen"),
            "plan_batches": lambda: store.plan_batches(
                self.ticket, selected=51, batches=self.planned, dead_letters=[letter("x")]
            ),
        }

    def sending(self) -> dict[str, Callable[[], object]]:
        """Return the writes of batches."""
        store, (a, b, c, d, e) = self.store, [one.batch_id for one in self.planned]
        job, parts = f"50{self.mark[:9]}", [new_batch(3, 4), new_batch(3, 6)]
        retried = settlement(c, 6, [letter("y")], new_batch(1, 3))
        return {
            "claim": lambda: self.claim(0),
            "merge": lambda: store.merge(self.ticket, a, [b], self.merged),
            "opened": lambda: store.opened(self.ticket, self.merged.batch_id, f"7{job}"),
            "uploaded": lambda: store.uploaded(self.ticket, self.merged.batch_id),
            "settled": lambda: store.settled(self.ticket, settlement(self.merged.batch_id, 20)),
            "claim a second": lambda: self.claim(2),
            "opened, a second": lambda: store.opened(self.ticket, c, f"8{job}"),
            "uploaded, a second": lambda: store.uploaded(self.ticket, c),
            "settled with a retry": lambda: store.settled(self.ticket, retried),
            "claim a third": lambda: self.claim(3),
            "abandoned": lambda: store.abandoned(self.ticket, d, new_batch(2)),
            "split": lambda: store.split(self.ticket, e, parts),
            "adopt_orphans": lambda: store.adopt_orphans(self.ticket),
        }

    def ending(self) -> dict[str, Callable[[], object]]:
        """Return what is kept at the end of a partition."""
        use = SqlOrgUse(self.database, self.org_id, lambda: 7)
        results = CheckResultStore(self.database, self.spec.name, self.org_id)
        gone = Deletions(self.database, self.spec.name, self.org_id)
        forecasts = Forecasts(self.database, self.spec.name, self.org_id)
        return {
            "count_calls": lambda: use.count_calls(self.load_id),
            "keep_allowance": lambda: use.keep_allowance(Allowance(9, 9)),
            "finish_range": lambda: self.loads.finish_range(self.ticket),
            "check results": lambda: results.keep(
                KEYS[0], [_OUTCOME], run_id="r", needed=[_OUTCOME.check], asked_at=results.now_s()
            ),
            "a deletion": lambda: gone.keep(KEYS[0], _GONE),
            "deletion applied": lambda: gone.applied(KEYS[0]),
            "a forecast": lambda: forecasts.keep(_TOLD),
        }

    def telling(self) -> dict[str, Callable[[], object]]:
        """Return what is written for people and by them."""
        outbox, name = Outbox(self.database), self.spec.name
        orders = StopOrders(self.database, name)
        old = OldState(self.database, name, Path("/nowhere"))
        return {
            "notification": lambda: _is(outbox.add("failed", name, self.mark, {}), expected=True),
            "refused notification": lambda: outbox.refused(self.mark, "mail", "no"),
            "sent notification": lambda: outbox.sent(self.mark, "mail"),
            "stop": orders.stop,
            "take the order back": lambda: _is(orders.go_on(), expected=True),
            "give up": self.loads.give_up_loads,
            "remove": lambda: old.remove([self.load_id], []),
        }


_PARTS = {"scheme": 1, "upper_bounds": ["g", "p"]}
_PLAN = Plan(LaneMap(4, ()), 4, 51, frozenset())
_OUTCOME = CheckOutcome("coverage", KEYS[0], Severity.PASSED, "all there", 0, ())
_GONE = DeletionObservation(5, 1, "0" * 64)
_TOLD = ToldLoad(1, 1, None, None, "fits", is_measured=False, basis="")


def _is(found: object, expected: object) -> None:
    assert found == expected


def counts(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return what counts of each table: how many rows there are, and their sums of figures."""
    with database.read() as connection:
        return {
            t.name: [
                tuple(row)
                for row in connection.execute(
                    sa.select(sa.func.count(), *[sa.func.sum(t.c[n]) for n in _SUMMED if n in t.c])
                )
            ]
            for t in _COUNTED
        }


_SUMMED = ("rows", "landed", "retried", "fence", "selected", "api_calls", "tries", "attempt")


@pytest.fixture(scope="module")
def proxy(postgres_url: str) -> Generator[CuttingProxy]:
    """A way to the server of the session, through which the tests of this file go."""
    folder = make_url(postgres_url).query["host"]
    made = CuttingProxy(f"{folder}/.s.PGSQL.5432")
    yield made
    made.close()


@pytest.mark.parametrize("where", ["before", "after"])
def test_every_write_takes_place_once(postgres_url: str, proxy: CuttingProxy, where: Where) -> None:
    """A transaction whose end or whose answer got lost counts as one that was answered."""
    through = make_url(postgres_url).set(host="127.0.0.1", port=proxy.port, query={})
    url = through.render_as_string(hide_password=False)
    told: list[str] = []
    patience = Patience(bears_s=60.0, note=lambda event: told.append(str(event)))
    with (
        closing(Database(postgres_url)) as straight,
        closing(Database(url, patience)) as cut,
    ):
        calm = Life(OpenLedger(straight, postgres_url, f"00D{uuid.uuid4().hex[:15]}")).steps()
        struck = Life(OpenLedger(cut, url, f"00D{uuid.uuid4().hex[:15]}")).steps()
        after = counts(straight)
        for name, step in calm.items():
            before = after
            step()
            between = counts(straight)
            proxy.cuts.append(where)
            struck[name]()
            assert proxy.cuts == [], f"{name} writes nothing"
            after = counts(straight)
            assert _grown(before, between) == _grown(between, after), name


def _grown(
    before: dict[str, list[tuple[object, ...]]], after: dict[str, list[tuple[object, ...]]]
) -> dict[str, list[int]]:
    """Return by how much each figure of each table has grown."""
    return {
        name: [int(str(b or 0)) - int(str(a or 0)) for a, b in zip(*rows, strict=True)]
        for name in before
        for rows in [(before[name][0], after[name][0])]
    }
