"""What a report reads from the ledger: one load whole, those before it, and its forecast."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa

from dc_assets.core.lanes import LaneMap
from dc_assets.core.load_state import LoadState, RowCounts
from dc_assets.core.row_outcomes import OTHER_CODE
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.forecasts import Forecasts, KeptForecast, Span, ToldLoad
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.tables import forecast, load, org_allowance, org_use
from dc_assets.load.store import DeadLetter, Mode, Plan, RangeTicket
from dc_assets.views.dead_letters import refused_rows
from dc_assets.views.load_history import AllowanceSeen, LoadHistory
from dc_assets.views.load_states import LoadStates
from dc_assets_tests.fakes.ledgers import (
    KEYS,
    NEW_LOAD,
    OpenLedger,
    check_range,
    letter,
    new_batch,
    settlement,
)
from dc_assets_tests.fakes.specs import small_spec

YOUNGEST_S = 1_000_000.0
"""Moments of ours are before that."""

TOLD = ToldLoad(
    rows=30,
    jobs=3,
    seconds=Span(1.0, 2.0, 4.0),
    requests=None,
    verdict="GO",
    is_measured=True,
    basis="jobs",
)


@dataclass
class Told:
    """A ledger of a spec of its own, and what is asked of it."""

    ledger: OpenLedger
    spec: LoadSpec = field(
        default_factory=lambda: small_spec(
            name=f"things_{uuid.uuid4().hex[:12]}",
            partitions={"scheme": 1, "upper_bounds": ["g", "p"]},
        )
    )

    def store(self, mode: Mode = "full") -> SqlLoadStore:
        """Return the load book of a live run."""
        return SqlLoadStore(
            self.ledger.database,
            self.spec,
            org_id=self.ledger.org_id,
            owner=current_owner("run-1"),
            mode=mode,
            versions={"dc-assets": "1.2.3"},
        )

    def ticket(self, key: str = KEYS[0], mode: Mode = "full") -> RangeTicket:
        """Join the load and take a partition."""
        store = self.store(mode)
        return store.take_range(store.join_load(key, NEW_LOAD), key)

    def given_up(self, mode: Mode = "full") -> str:
        """Open a load, give it up, and return its id."""
        load_id = self.store(mode).join_load(KEYS[0])
        assert self.store(mode).give_up_loads() == [load_id]
        return load_id

    def dated(self, moment: float) -> None:
        """Let loads and forecasts of just now be of a moment of ours."""
        with self.ledger.database.begin() as connection:
            for table, at in ((load, load.c.opened_at), (forecast, forecast.c.made_at)):
                connection.execute(
                    sa.update(table)
                    .where(table.c.org_id == self.ledger.org_id, at > YOUNGEST_S)
                    .values({at: moment})
                )

    @property
    def batches(self) -> SqlBatchStore:
        """The batch book of a run."""
        return SqlBatchStore(self.ledger.database, self.spec, org_id=self.ledger.org_id)

    @property
    def history(self) -> LoadHistory:
        """What is tested."""
        return LoadHistory(self.ledger.database)

    @property
    def forecasts(self) -> Forecasts:
        """The forecasts of the spec."""
        return Forecasts(self.ledger.database, self.spec.name, self.ledger.org_id)

    def loads(self, prefix: str = "") -> list[LoadState]:
        """Return loads of the spec."""
        return list(self.history.loads_named(self.spec.name, prefix, 9))

    def fly(self, ticket: RangeTicket, batch_id: str) -> None:
        """Bring a planned batch to the state uploaded."""
        assert self.batches.claim(ticket, [batch_id], 16) == batch_id
        self.batches.opened(ticket, batch_id, f"750{batch_id[:15]}")
        self.batches.uploaded(ticket, batch_id)

    def use(self, load_id: str, *calls: int) -> None:
        """Write API calls of a load, hour by hour."""
        lines = [
            {"load_id": load_id, "hour": 489_000 + n, "api_calls": c} for n, c in enumerate(calls)
        ]
        with self.ledger.database.begin() as connection:
            connection.execute(org_use.insert(), lines)


@pytest.fixture
def told(ledger: OpenLedger) -> Told:
    """Open a ledger of either kind."""
    return Told(ledger)


def test_a_load_is_found_by_the_first_letters_of_its_id(told: Told) -> None:
    """With its spec and versions; a wildcard is a letter like any other."""
    ticket = told.ticket()
    (one,) = told.loads(ticket.load_id[:7])
    assert (one.load_id, one.mode, one.state) == (ticket.load_id, "full", "open")
    assert LoadSpec.model_validate_json(one.spec_json or "") == told.spec
    assert one.versions == {"dc-assets": "1.2.3"}
    assert one.finished_at is None
    assert one.opened_at <= one.seen_at
    assert told.loads("%") == told.loads("zz") == []
    assert one.load_id in {x.load_id for x in told.history.loads_named(None, ticket.load_id, 2)}
    told.dated(100)
    newer = told.given_up("missing")
    assert [x.load_id for x in told.loads()] == [newer, ticket.load_id]


def test_partitions_and_jobs_are_told_as_they_are(told: Told) -> None:
    """Rows that landed, were refused, wait for another attempt and are still in flight."""
    ticket, other = told.ticket(), told.ticket(KEYS[1])
    first, second, unsent = new_batch(3), new_batch(4, 7), new_batch(5)
    early = letter("z")
    told.batches.plan_batches(
        ticket, selected=28, batches=[first, second, unsent], dead_letters=[early]
    )
    for new in (first, second):
        told.fly(ticket, new.batch_id)
    again = new_batch(3, 2, attempt=2)
    dead_letters = [letter("a"), letter("b")]
    end = replace(settlement(first.batch_id, 6, dead_letters, again), locked=2)
    told.batches.settled(ticket, end)
    told.store().finish_range(other)
    load = LoadStates(told.ledger.database, told.spec.name).of_load(ticket.load_id)
    assert load is not None
    begun = load.partitions
    one = begun[KEYS[0]]
    rows = one.rows
    assert (one.phase, rows.selected, rows.landed, rows.refused, rows.pending) == (
        *("sending", 28),
        *(6, 3, 19),
    )
    assert one.is_held
    assert one.finished_at is None
    done = begun[KEYS[1]]
    assert (done.phase, done.rows, done.is_held) == ("sent", RowCounts(), False)
    assert done.finished_at is not None
    jobs = {job.lane: job for job in told.history.jobs(ticket.load_id)}
    assert sorted(jobs) == [3, 4]
    ended, flying = jobs[3], jobs[4]
    assert (ended.rows, ended.landed, ended.retried, ended.refused, ended.locked) == (
        10,
        6,
        2,
        2,
        2,
    )
    assert ended.is_settled
    assert ended.finished_at is not None
    assert ended.began_at <= ended.uploaded_at <= ended.finished_at
    assert (flying.rows, flying.refused, flying.is_settled, flying.finished_at) == (
        7,
        0,
        False,
        None,
    )
    assert told.history.jobs_of_a_day(told.ledger.org_id, ended.finished_at + 60) == 2
    assert told.history.jobs_of_a_day(told.ledger.org_id, ended.finished_at - 90_000) == 0


def test_refused_rows_are_told_by_code_without_their_values(told: Told) -> None:
    """The most frequent code first, the first rows by id; ids of parents stay."""
    ticket = told.ticket()
    row = '{"Title__c": "private", "Owner.Key__c": "acc7", "Price__c": null}'
    quoting = [
        DeadLetter(f"k{n:02}", "BAD_VALUE", "no private for acc7, k01", "", row, attempts=2)
        for n in reversed(range(25))
    ]
    odd = DeadLetter("odd", "private is wrong", "private", "", row, attempts=1)
    told.batches.plan_batches(
        ticket, selected=27, batches=[], dead_letters=[odd, letter("x"), *quoting]
    )
    codes = refused_rows(told.ledger.database, ticket.load_id)
    assert (codes[0].code, codes[0].rows) == ("BAD_VALUE", 25)
    assert {code.code: code.rows for code in codes} == {
        "BAD_VALUE": 25,
        "STRING_TOO_LONG": 1,
        OTHER_CODE: 1,
    }
    shown = codes[0].first
    assert [one.external_id for one in shown] == [f"k{n:02}" for n in range(20)]
    assert {one.reason for one in shown} == {"no [Title__c] for acc7, k01"}
    assert (shown[0].partition_key, shown[0].attempts) == (KEYS[0], 2)
    assert "private" not in str(codes)


def test_past_loads_are_told_with_what_they_took(told: Told) -> None:
    """The newest first, none that opened later; calls that nobody counted are not zero."""
    first = told.ticket()
    told.batches.plan_batches(
        first, selected=12, batches=[new_batch(1)], dead_letters=[letter("a")]
    )
    told.use(first.load_id, 5, 6)
    for key in KEYS:
        told.store().finish_range(first if key == KEYS[0] else told.ticket(key))
    for key in KEYS:
        check_range(told.ledger.database, told.spec.name, told.ledger.org_id, key)
    told.dated(100)
    second = told.ticket()
    newest, older = told.loads()
    (one,) = told.history.past(older, 9)
    assert (one.load_id, one.state, one.selected, one.landed, one.refused, one.jobs) == (
        *(first.load_id, "done"),
        *(12, 0, 1, 0),
    )
    assert one.api_calls == 11
    assert one.finished_at is not None
    both = told.history.past(newest, 9)
    assert [x.load_id for x in both] == [second.load_id, first.load_id]
    assert both[0].api_calls is None
    assert len(told.history.past(newest, 1)) == 1
    assert told.history.api_calls(first.load_id) == {489_000: 5, 489_001: 6}
    assert told.history.api_calls(second.load_id) == {}


def test_lanes_and_the_words_of_the_org_are_told_when_there_are_any(told: Told) -> None:
    """None before the load is planned and before the org was asked."""
    ticket, org_id = told.ticket(), told.ledger.org_id
    assert told.history.lanes(ticket.load_id) is None
    assert told.history.allowance(org_id) is None
    lanes = LaneMap(4, (("big", "bigger"), ("c",)))
    told.store().keep_plan(ticket.load_id, Plan(lanes, window=8, rows=30))
    with told.ledger.database.begin() as connection:
        connection.execute(
            org_allowance.insert().values(org_id=org_id, api_calls_left=9, asked_at=1.0)
        )
    assert told.history.lanes(ticket.load_id) == (lanes, 8)
    assert told.history.allowance(org_id) == AllowanceSeen(9, None, 1.0)


def test_a_load_has_the_newest_forecast_since_the_full_load_before_it(told: Told) -> None:
    """Not an older one, not a later one, not one of another org or spec."""
    told.forecasts.keep(replace(TOLD, rows=1))
    told.dated(100)
    first = told.given_up()
    told.dated(200)
    second = told.given_up()
    told.dated(300)
    for moment, rows in ((310, 2), (320, 30)):
        told.forecasts.keep(replace(TOLD, rows=rows))
        told.dated(moment)
    Forecasts(told.ledger.database, "other", told.ledger.org_id).keep(replace(TOLD, rows=8))
    Forecasts(told.ledger.database, told.spec.name, "00Dother").keep(replace(TOLD, rows=9))
    told.dated(330)
    partial = told.given_up("missing")
    told.dated(340)
    third = told.given_up()
    told.dated(350)
    told.forecasts.keep(replace(TOLD, rows=4))
    kept = [told.forecasts.of_load(load_id) for load_id in (first, second, partial, third)]
    assert [None if one is None else one.told.rows for one in kept] == [1, None, 30, 30]
    assert kept[3] == KeptForecast(TOLD, 320)


def test_a_forecast_is_dated_by_the_ledger(told: Told) -> None:
    """It is older than a load that opens after it."""
    told.forecasts.keep(TOLD)
    ticket = told.ticket()
    kept = told.forecasts.of_load(ticket.load_id)
    assert kept is not None
    (one,) = told.loads()
    assert one.opened_at - 60 < kept.made_at <= one.opened_at
