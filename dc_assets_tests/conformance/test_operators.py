"""What operators order and remove: stop orders, open dead letters, created records, old state."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from dc_assets.core.errors import StoppedByOperator
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.batch_store import SqlBatchStore
from dc_assets.ledger.database import Database
from dc_assets.ledger.load_store import Lease, SqlLoadStore
from dc_assets.ledger.old_state import OldState, mark_cleaned
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.ledger.receipts import DoubtfulReceipt, packed
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.ledger.tables import load, receipt
from dc_assets.load.store import DeadLetter, Mode, RangeTicket
from dc_assets.views.dead_letters import DeadLetterChoice, OpenDeadLetters
from dc_assets.views.known_jobs import KnownJobs
from dc_assets.views.receipts import CreatedRecords
from dc_assets_tests.fakes.ledgers import (
    KEYS,
    NEW_LOAD,
    OpenLedger,
    check_range,
    letter,
    new_batch,
    receipt_of,
    settlement,
)
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import dead_owner


@dataclass(frozen=True, slots=True)
class Office:
    """A ledger with a spec of one test: orders and dead letters look at all orgs of a spec."""

    database: Database
    spec: LoadSpec
    org_id: str
    folder: Path

    def store(self, mode: Mode = "full", owner: Owner | None = None) -> SqlLoadStore:
        """Return the load book of a run."""
        owner = owner or current_owner("run-1")
        return SqlLoadStore(
            self.database, self.spec, org_id=self.org_id, owner=owner, mode=mode, lease=Lease()
        )

    @property
    def batches(self) -> SqlBatchStore:
        """The batch book of a run."""
        return SqlBatchStore(self.database, self.spec, org_id=self.org_id, run_id="run-1")

    @property
    def dead_letters(self) -> OpenDeadLetters:
        """The open dead letters of the spec."""
        return OpenDeadLetters(self.database, self.spec.name, self.org_id)

    @property
    def orders(self) -> StopOrders:
        """The stop orders of the spec."""
        return StopOrders(self.database, self.spec.name)

    def ticket(self, key: str = KEYS[0], mode: Mode = "full", *, dead: bool = False) -> RangeTicket:
        """Join the load of a mode and take a partition."""
        store = self.store(mode, dead_owner("killed") if dead else None)
        return store.take_range(store.join_load(key, NEW_LOAD), key)

    def plan(
        self,
        ticket: RangeTicket,
        dead_letters: Sequence[DeadLetter] = (),
        *,
        landing: Sequence[str] = (),
        replayed: Sequence[str] = (),
    ) -> None:
        """Plan a partition: rows refused at once, and rows that land, each as a new record."""
        new = [new_batch(1, len(landing))] if landing else []
        self.batches.plan_batches(
            ticket,
            selected=len(dead_letters) + len(landing),
            batches=new,
            dead_letters=dead_letters,
            replayed=replayed,
        )
        for one in new:
            self.fly(ticket, one.batch_id)
            end = settlement(one.batch_id, len(landing), receipt=receipt_of(landing))
            self.batches.settled(ticket, end)

    def fly(self, ticket: RangeTicket, batch_id: str) -> None:
        """Bring a planned batch to the state uploaded."""
        assert self.batches.claim(ticket, [batch_id], 16) == batch_id
        self.batches.opened(ticket, batch_id, f"750{batch_id[:15]}")
        self.batches.uploaded(ticket, batch_id)

    def load_all(self, dead_letters: Sequence[DeadLetter] = (), landing: Sequence[str] = ()) -> str:
        """Load every partition to its end; the first has the dead letters and the rows."""
        tickets = [self.ticket(key) for key in KEYS]
        self.plan(tickets[0], dead_letters, landing=landing)
        for ticket in tickets:
            self.store().finish_range(ticket)
        for ticket in tickets:
            check_range(self.database, self.spec.name, self.org_id, ticket.partition_key)
        return tickets[0].load_id

    def open_ids(self) -> list[str]:
        """Return the external ids of open dead letters."""
        return [one.external_id for one in self.dead_letters.chosen(DeadLetterChoice())]


@pytest.fixture
def office(ledger: OpenLedger, tmp_path: Path) -> Office:
    """Open a ledger of either kind, with a spec of this test."""
    spec = small_spec(
        name=f"things_{uuid.uuid4().hex[:12]}",
        partitions={"scheme": 1, "upper_bounds": ["g", "p"]},
    )
    data = tmp_path / "data"
    return Office(ledger.database, spec, ledger.org_id, data)


def test_an_order_meets_joins_and_claims_until_it_is_taken_back(office: Office) -> None:
    """Every mode is stopped; continuing tells whether there was an order."""
    office.store().finish_range(office.ticket(KEYS[1], "missing"))
    ticket = office.ticket()
    new = new_batch(1)
    office.batches.plan_batches(ticket, selected=10, batches=[new], dead_letters=())
    assert not office.orders.go_on()
    assert {one.mode for one in office.orders.stop()} == {"full", "missing"}
    with pytest.raises(StoppedByOperator):
        office.batches.claim(ticket, [new.batch_id], 16)
    with pytest.raises(StoppedByOperator):
        office.store().join_load(KEYS[1])
    assert office.orders.go_on()
    assert not office.orders.go_on()
    assert office.batches.claim(ticket, [new.batch_id], 16) == new.batch_id


def test_an_order_is_dated_once(office: Office) -> None:
    """A second order keeps the time of the first."""
    office.ticket()
    (first,) = office.orders.stop()
    assert first.stopped_at is not None
    assert office.orders.stop() == [first]


def test_live_runs_and_flights_are_told_and_dead_runs_are_not_at_work(office: Office) -> None:
    """A batch that a dead run left is in flight all the same."""
    ticket = office.ticket(dead=True)
    new = new_batch(2, 7)
    office.batches.plan_batches(ticket, selected=7, batches=[new], dead_letters=())
    office.fly(ticket, new.batch_id)
    assert office.orders.runs_at_work() == []
    (flying,) = office.orders.in_flight()
    assert (flying.partition_key, flying.rows, flying.state) == (KEYS[0], 7, "uploaded")
    office.ticket(KEYS[1])
    assert [run.partition_key for run in office.orders.runs_at_work()] == [KEYS[1]]


def test_a_finished_spec_has_nothing_to_stop(office: Office) -> None:
    """A load that is done stays as it is."""
    office.load_all()
    assert office.orders.stop() == []


def test_jobs_are_ours_when_a_batch_has_them(office: Office) -> None:
    """More ids than one query takes are asked in parts; a create under way is told."""
    ticket = office.ticket()
    new, other = new_batch(3, 4), new_batch(4)
    office.batches.plan_batches(ticket, selected=14, batches=[new, other], dead_letters=())
    office.fly(ticket, new.batch_id)
    jobs = KnownJobs(office.database)
    job_id = f"750{new.batch_id[:15]}"
    known = jobs.among([*(f"x{n}" for n in range(1200)), job_id])
    assert [*known] == [job_id]
    assert (known[job_id].partition_key, known[job_id].lane, known[job_id].rows) == (KEYS[0], 3, 4)
    assert not jobs.are_being_created(office.org_id)
    assert office.batches.claim(ticket, [other.batch_id], 16)
    assert jobs.are_being_created(office.org_id)


def test_a_letter_is_open_until_a_load_answers_it_or_the_row_lands(office: Office) -> None:
    """Refused again, it is open again, with the time of the first refusal."""
    office.load_all([letter("a"), letter("b"), letter("c", "OTHER")])
    assert office.open_ids() == ["a", "b", "c"]
    first = office.dead_letters.chosen(DeadLetterChoice(external_ids=["a"]))[0]
    replay = office.ticket(mode="replay")
    office.plan(replay, [letter("b")], landing=["a"], replayed=["a", "b"])
    office.store("replay").finish_range(replay)
    assert office.open_ids() == ["b", "c"]
    again = office.dead_letters.chosen(DeadLetterChoice(external_ids=["b"]))[0]
    assert (again.load_id, again.run_id) == (replay.load_id, "run-1")
    assert first.refused_at == pytest.approx(again.first_refused_at, abs=1)
    assert again.first_refused_at < again.refused_at
    assert office.dead_letters.replayed_by(replay.load_id, KEYS[0]) == 2
    late = office.ticket(KEYS[1], mode="missing")
    office.plan(late, landing=["c"])
    assert office.open_ids() == ["b"]


def test_a_choice_narrows_by_partition_code_id_and_time(office: Office) -> None:
    """What is None does not narrow."""
    office.load_all([letter("a"), letter("b", "OTHER")])

    def ids(choice: DeadLetterChoice, until: float | None = None) -> list[str]:
        return [one.external_id for one in office.dead_letters.chosen(choice, until=until)]

    assert ids(DeadLetterChoice(codes=["OTHER"])) == ["b"]
    assert ids(DeadLetterChoice(external_ids=["a", "z"])) == ["a"]
    assert ids(DeadLetterChoice(partition_keys=[KEYS[1]])) == []
    assert ids(DeadLetterChoice(), office.dead_letters.now_s()) == ["a", "b"]
    assert ids(DeadLetterChoice(), office.dead_letters.now_s() - 60) == []


def test_a_new_full_load_leaves_old_letters_behind(office: Office) -> None:
    """What it refuses counts, not what the last one refused."""
    office.load_all([letter("a"), letter("b")])
    office.load_all([letter("b")])
    assert office.open_ids() == ["b"]


def test_letters_of_an_unfinished_replay_are_not_open_until_it_is_given_up(office: Office) -> None:
    """The next command finishes it; given up, it answered nothing."""
    office.load_all([letter("a")])
    replay = office.ticket(mode="replay", dead=True)
    waiting = new_batch(1, 1)
    office.batches.plan_batches(
        replay, selected=1, batches=[waiting], dead_letters=(), replayed=["a"]
    )
    assert office.dead_letters.unfinished() == [KEYS[0]]
    assert office.open_ids() == []
    assert office.store("replay").give_up_loads() == [replay.load_id]
    assert office.dead_letters.unfinished() == []
    assert office.open_ids() == ["a"]


def test_created_records_are_those_of_receipts_that_were_not_cleaned(office: Office) -> None:
    """Updated records are not ours; a cleaned batch is not offered again."""
    load_id = office.load_all(landing=["c1", "u1", "c2"])
    records = CreatedRecords(office.database, office.spec.name)
    (receipt,) = records.receipts()
    assert records.created_ids(receipt) == ["006c1", "006c2"]
    assert records.receipts(load_id) == [receipt]
    assert records.receipts("another") == []
    assert records.loads_named(load_id[:6]) == [load_id]
    assert records.loads_named("%") == []
    mark_cleaned(office.database, [receipt.batch_id])
    assert records.receipts() == []


def test_a_receipt_that_is_not_the_ledgers_is_doubted(office: Office) -> None:
    """Altered or gone, it says nothing."""
    office.load_all(landing=["c1"])
    records = CreatedRecords(office.database, office.spec.name)
    (found,) = records.receipts()
    of_it = receipt.c.batch_id == found.batch_id
    with office.database.begin() as connection:
        flipped = packed(receipt_of(["c2"]))["content"]
        connection.execute(receipt.update().where(of_it).values(content=flipped))
    with pytest.raises(DoubtfulReceipt, match="altered"):
        records.created_ids(found)
    with office.database.begin() as connection:
        connection.execute(receipt.delete().where(of_it))
    with pytest.raises(DoubtfulReceipt, match="not in the ledger"):
        records.created_ids(found)


def age(office: Office, days: float) -> None:
    """Let every load of the spec have ended some days ago."""
    with office.database.begin() as connection:
        connection.execute(
            load.update()
            .where(load.c.spec_name == office.spec.name, load.c.finished_at.is_not(None))
            .values(finished_at=load.c.finished_at - days * 86_400)
        )


def test_old_loads_are_those_that_ended_and_nobody_needs(office: Office) -> None:
    """The newest full load stays, and a partial load after it, and what has a batch in flight."""
    first = office.load_all([letter("a")], landing=["c1"])
    second = office.load_all()
    partial = office.ticket(mode="missing")
    office.store("missing").finish_range(partial)
    check_range(office.database, office.spec.name, office.org_id, KEYS[0])
    age(office, 10)
    old = OldState(office.database, office.spec.name, office.folder)
    (found,) = old.loads(9)
    assert (found.load_id, found.created_not_cleaned) == (first, 1)
    assert old.loads(11) == []
    old.remove([first], [])
    assert old.loads(0) == []
    with office.database.read() as connection:
        assert not connection.execute(receipt.select().where(receipt.c.load_id == first)).all()
    assert office.open_ids() == []
    assert CreatedRecords(office.database, office.spec.name).loads_named("") != []
    assert second in CreatedRecords(office.database, office.spec.name).loads_named("")


def test_leftover_folders_are_those_of_unknown_loads_and_dead_processes(office: Office) -> None:
    """Not those of a known load or a living process, and not young ones."""
    ticket = office.ticket()
    audit = office.folder / "audit" / office.spec.name
    mine, dead = audit / f"scratch-{os.getpid()}-ab", audit / "scratch-999999999-ab"
    known, unknown = (office.folder / "spool" / n for n in (ticket.load_id, "nobody"))
    for folder in (mine, dead, known, unknown):
        folder.mkdir(parents=True)
        os.utime(folder, (1_000_000, 1_000_000))
    old = OldState(office.database, office.spec.name, office.folder)
    assert old.folders(1) == [unknown, dead]
    os.utime(dead)
    assert old.folders(1) == [unknown]
    old.remove([], [unknown])
    assert not unknown.exists()
