"""The outbox, and which events of a ledger are put into it, once each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from dc_assets.core.events import Event
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, ValueCount
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.outbox import Outbox
from dc_assets.ledger.owners import current_owner
from dc_assets.ledger.tables import (
    check_result,
    deletion_observation,
    delivery,
    epoch_now,
    load,
    notice,
    range_state,
)
from dc_assets.load.store import LoadRequest, Mode, RangeTicket
from dc_assets.views.events import LedgerEvents, range_of_run
from dc_assets_tests.fakes.ledgers import (
    KEYS,
    NEW_LOAD,
    SPEC,
    OpenLedger,
    letter,
    new_batch,
    settlement,
)

HOUR_S = 3_600.0
PAGES = {SPEC.name: "assets/crm/things_in_core?view=checks"}


@pytest.fixture(autouse=True)
def empty(ledger: OpenLedger) -> None:
    """Begin without events: tests share one PostgreSQL database."""
    with ledger.database.begin() as connection:
        for table in (delivery, notice, check_result, deletion_observation):
            connection.execute(table.delete())
        connection.execute(range_state.update().values(finished_at=0.0))
        connection.execute(load.update().where(load.c.state == "done").values(finished_at=0.0))


def collected(ledger: OpenLedger, *, spec: LoadSpec = SPEC) -> int:
    """Look for events once."""
    return LedgerEvents(ledger.database, [spec], PAGES).collect()


def kinds(ledger: OpenLedger) -> list[str]:
    """Return the kinds of all notifications, sorted."""
    return sorted(one.kind for one in Outbox(ledger.database).undelivered("mail"))


def only(ledger: OpenLedger, kind: str) -> Event:
    """Return the one notification of a kind."""
    [found] = [n for n in Outbox(ledger.database).undelivered("mail") if n.kind == kind]
    return found


def shift(ledger: OpenLedger, table: sa.Table, column: str, seconds: float) -> None:
    """Let something have happened earlier than it did."""
    with ledger.database.begin() as connection:
        connection.execute(table.update().values({column: table.c[column] - seconds}))


def store(ledger: OpenLedger, mode: Mode) -> SqlLoadStore:
    """Return the loads of a mode."""
    owner = current_owner("run-1")
    return SqlLoadStore(ledger.database, SPEC, org_id=ledger.org_id, owner=owner, mode=mode)


def loaded(
    ledger: OpenLedger,
    key: str,
    loads: SqlLoadStore,
    request: LoadRequest = NEW_LOAD,
    *,
    landed: int = 10,
    refused: Sequence[str] = (),
) -> RangeTicket:
    """Load a partition in one batch, with a refused row for each code."""
    ticket = ledger.ticket(key, loads, request)
    [batch_id] = ledger.planned(ticket, new_batch(KEYS.index(key), landed + len(refused)))
    ledger.uploaded(ticket, batch_id)
    dead_letters = [letter(f"{key}-{n}", code) for n, code in enumerate(refused)]
    ledger.batches().settled(ticket, settlement(batch_id, landed, dead_letters))
    loads.finish_range(ticket)
    ledger.checked(key)
    return ticket


def full_load(ledger: OpenLedger, *, landed: int = 10, refused: Sequence[str] = ()) -> str:
    """Load all partitions; each has so many rows."""
    loads = ledger.loads()
    tickets = [loaded(ledger, key, loads, landed=landed, refused=refused) for key in KEYS]
    return tickets[0].load_id


def test_the_same_event_is_one_notice_and_its_first_facts_stay(ledger: OpenLedger) -> None:
    """Two collectors may see it at the same time."""
    outbox = Outbox(ledger.database)
    assert outbox.add("failed", "things", "failed:1", {"rows": 1})
    assert not outbox.add("failed", "things", "failed:1", {"rows": 2})
    assert outbox.unknown(["failed:1", "failed:2"]) == {"failed:2"}
    [only_one] = outbox.undelivered("mail")
    assert (only_one.key, only_one.facts) == ("failed:1", {"rows": 1})


def test_each_channel_has_its_own_mark(ledger: OpenLedger) -> None:
    """A refusal that comes late, from another notifier, does not take it back."""
    outbox = Outbox(ledger.database)
    for key in ("a", "b"):
        outbox.add("failed", "things", key, {})
    outbox.sent("a", "mail")
    outbox.sent("a", "mail")
    outbox.refused("a", "mail", "no")
    assert [one.key for one in outbox.undelivered("mail")] == ["b"]
    assert [one.key for one in outbox.undelivered("webhook")] == ["a", "b"]
    assert (outbox.waiting("mail"), outbox.waiting("webhook")) == (1, 2)


def test_a_refused_notice_is_due_later_and_later(ledger: OpenLedger) -> None:
    """It is never forgotten meanwhile, and at least once an hour it is tried."""
    outbox = Outbox(ledger.database)
    outbox.add("failed", "things", "a", {})
    for wait_s in (60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0, HOUR_S, HOUR_S):
        outbox.refused("a", "mail", "no")
        assert outbox.waiting("mail") == 1
        shift(ledger, delivery, "due_at", wait_s - 30)
        assert outbox.undelivered("mail") == []
        shift(ledger, delivery, "due_at", 30)
        assert len(outbox.undelivered("mail")) == 1


def test_a_channel_that_is_switched_on_late_begins_with_the_last_days(ledger: OpenLedger) -> None:
    """Nobody wants the notifications of months at once."""
    outbox = Outbox(ledger.database)
    outbox.add("failed", "things", "a", {})
    shift(ledger, notice, "noticed_at", 71 * HOUR_S)
    assert outbox.waiting("mail") == 1
    shift(ledger, notice, "noticed_at", 2 * HOUR_S)
    assert (outbox.waiting("mail"), len(outbox.undelivered("mail"))) == (0, 0)


def test_a_full_load_is_told_of_once_when_all_of_it_is_done(ledger: OpenLedger) -> None:
    """With its rows, its refusals by code, and what the checks said."""
    loads = ledger.loads()
    loaded(ledger, KEYS[0], loads, refused=["STRING_TOO_LONG", "a value: 17"])
    assert collected(ledger) == 0
    for key in KEYS[1:]:
        assert collected(ledger) == 0
        loaded(ledger, key, loads)
    keep(ledger, KEYS[0], "run-1", outcome("nothing_pending", Severity.PASSED))
    assert [collected(ledger), collected(ledger)] == [1, 0]
    facts = only(ledger, "completed").facts
    assert facts["partitions"] == list(KEYS)
    assert (facts["selected"], facts["landed"], facts["refused"]) == (32, 30, 2)
    assert facts["refused_by_code"] == {"STRING_TOO_LONG": 1, "UNKNOWN_ERROR": 1}
    assert facts["checks"] == {"passed": 4, "warn": 0, "error": 0, "not asked": 0}
    assert facts["verdict"] == "not checked"
    assert facts["page"] == PAGES[SPEC.name]


def test_a_load_that_was_not_checked_has_not_ended(ledger: OpenLedger) -> None:
    """All its rows landed, and nobody has looked."""
    loads = store(ledger, "changed")
    ticket = ledger.ticket(KEYS[0], loads)
    ledger.batches().plan_batches(ticket, selected=1, batches=(), dead_letters=[letter("a")])
    loads.finish_range(ticket)
    assert collected(ledger) == 0
    ledger.checked(KEYS[0])
    assert collected(ledger) == 1


def test_what_ended_days_ago_is_not_told(ledger: OpenLedger) -> None:
    """A ledger that is as old as the product does not tell its whole history."""
    full_load(ledger)
    shift(ledger, load, "finished_at", 73 * HOUR_S)
    assert collected(ledger) == 0


@pytest.mark.parametrize("mode", ["missing", "changed"])
def test_a_partial_load_is_told_of_when_what_it_is_about_is_checked(
    ledger: OpenLedger, mode: Mode
) -> None:
    """Not before; partitions that nobody named are no part of it."""
    loads = store(ledger, mode)
    about = LoadRequest(partition_keys=KEYS[:2])
    for key in KEYS[:2]:
        ticket = ledger.ticket(key, loads, about)
        ledger.batches().plan_batches(ticket, selected=1, batches=(), dead_letters=[letter(key)])
        loads.finish_range(ticket)
        assert collected(ledger) == 0
    for key in KEYS[:2]:
        ledger.checked(key)
    assert [collected(ledger), collected(ledger)] == [1, 0]


def test_a_partial_load_that_a_new_one_follows_is_told_of(ledger: OpenLedger) -> None:
    """A refresh may begin before anybody looked at the last one."""
    loads = store(ledger, "changed")
    first = loaded(ledger, KEYS[0], loads, LoadRequest()).load_id
    second = loaded(ledger, KEYS[0], loads, LoadRequest()).load_id
    assert first != second
    assert collected(ledger) == 2


def test_a_refresh_that_sent_nothing_is_not_told(ledger: OpenLedger) -> None:
    """No row differed: that is what everybody expects."""
    loads = store(ledger, "changed")
    ticket = ledger.ticket(KEYS[0], loads)
    ledger.planned(ticket)
    loads.finish_range(ticket)
    ledger.checked(KEYS[0])
    assert collected(ledger) == 0


def test_a_load_that_lands_less_than_usual_is_told_of(ledger: OpenLedger) -> None:
    """Less than 95 % of the mean of the loads before it in this org; each load once."""
    full_load(ledger, landed=10)
    full_load(ledger, landed=9, refused=["A"])
    assert (collected(ledger), kinds(ledger)) == (3, ["completed", "completed", "success_rate"])
    told = only(ledger, "success_rate")
    assert (told.facts["share"], told.facts["usual"], told.facts["earlier"]) == (0.9, 1.0, 1)
    full_load(ledger, landed=95, refused=["A"] * 5)  # 0.95 against a mean of 0.95
    assert collected(ledger) == 1
    assert collected(ledger) == 0


def test_loads_of_another_org_or_mode_are_not_usual(ledger: OpenLedger) -> None:
    """What a sandbox takes says nothing of an org."""
    other = OpenLedger(ledger.database, ledger.url, org_id=f"{ledger.org_id[:-1]}_")
    full_load(other)
    loads = store(ledger, "changed")
    for key in KEYS:
        loaded(ledger, key, loads)
    full_load(ledger, landed=9, refused=["A"])
    collected(ledger)
    assert "success_rate" not in kinds(ledger)
    full_load(ledger, landed=4, refused=["A"] * 6)
    collected(ledger)
    assert only(ledger, "success_rate").facts["earlier"] == 1


def test_only_the_last_five_loads_are_usual(ledger: OpenLedger) -> None:
    """An org that became better is compared with what it is now."""
    full_load(ledger, landed=1, refused=["A"] * 9)
    for _ in range(5):
        full_load(ledger)
    full_load(ledger, landed=9, refused=["A"])
    collected(ledger)
    assert only(ledger, "success_rate").facts["usual"] == 1.0


def outcome(
    check: str, severity: Severity, summary: str = "said", values: tuple[ValueCount, ...] = ()
) -> CheckOutcome:
    """Return what a check said of a partition."""
    return CheckOutcome(check, KEYS[0], severity, summary, 3, values, repair="dc-assets run things")


def keep(ledger: OpenLedger, key: str, run_id: str, *outcomes: CheckOutcome) -> None:
    """Keep what the checks of a run said."""
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    needed = {one.check for one in outcomes}
    store.keep(key, outcomes, run_id=run_id, needed=needed, asked_at=store.now_s())


def test_the_gaps_of_one_run_and_partition_are_one_notice(ledger: OpenLedger) -> None:
    """It lists the checks by numbers and the repairs, and names neither ids nor values."""
    values = (ValueCount("Secret Stage", CountVerdict(10, 7, 0)),)
    keep(
        ledger,
        KEYS[0],
        "run-1",
        outcome("stage_distribution_matches", Severity.ERROR, "1 values: Secret Stage", values),
        outcome("no_coverage_gaps", Severity.ERROR, "3 missing, 0 extra; first ids: secret-1"),
        outcome("nothing_pending", Severity.PASSED),
        outcome("values_match", Severity.WARN),
    )
    assert [collected(ledger), collected(ledger)] == [1, 0]
    facts = only(ledger, "coverage_gap").facts
    assert facts["checks"] == [
        {"name": "stage_distribution_matches", "said": "source 10, target 7, 3 unexplained"},
        {"name": "no_coverage_gaps", "said": "3 missing, 0 extra"},
    ]
    assert facts["repairs"] == ["dc-assets run things"]
    assert "secret" not in str(facts).lower()
    keep(ledger, KEYS[1], "run-1", outcome("no_coverage_gaps", Severity.ERROR))
    keep(ledger, KEYS[0], "run-2", outcome("no_coverage_gaps", Severity.ERROR))
    assert collected(ledger) == 2


def test_a_check_by_hand_is_told_of_when_it_finds_something_new(ledger: OpenLedger) -> None:
    """The command line evaluates under one run id again and again."""
    keep(ledger, KEYS[0], "reconcile", outcome("no_coverage_gaps", Severity.ERROR, "3 missing"))
    assert collected(ledger) == 1
    keep(ledger, KEYS[0], "reconcile", outcome("no_coverage_gaps", Severity.ERROR, "3 missing"))
    assert collected(ledger) == 0
    keep(ledger, KEYS[0], "reconcile", outcome("no_coverage_gaps", Severity.ERROR, "4 missing"))
    assert collected(ledger) == 1


def observe(ledger: OpenLedger, *, source_rows: int, gone: int, keys: str = "k") -> None:
    """Let an audit have seen that rows of ours are gone from the source."""
    with ledger.database.begin() as connection:
        connection.execute(
            deletion_observation.insert().values(
                spec_name=SPEC.name,
                org_id=ledger.org_id,
                partition_key=KEYS[0],
                observed_at=epoch_now(),
                source_rows=source_rows,
                rows=gone,
                keys_sha256=keys,
            )
        )


def test_a_source_that_suddenly_lacks_rows_is_told_of(ledger: OpenLedger) -> None:
    """Half of the rows gone is an alarm, a few are not; the same rows once a day."""
    observe(ledger, source_rows=9_990, gone=10, keys="few")
    assert collected(ledger) == 0
    observe(ledger, source_rows=5_000, gone=5_000)
    observe(ledger, source_rows=5_000, gone=5_000)
    assert [collected(ledger), collected(ledger)] == [1, 0]
    facts = only(ledger, "deletions").facts
    assert (facts["source_rows"], facts["rows"], facts["rows_max"]) == (5_000, 5_000, 10)
    shift(ledger, deletion_observation, "observed_at", -24 * HOUR_S)
    assert collected(ledger) == 1


def test_events_of_a_spec_that_is_gone_are_not_told(ledger: OpenLedger) -> None:
    """Nobody can act on them with the specs that there are."""
    full_load(ledger)
    keep(ledger, KEYS[0], "run-1", outcome("no_coverage_gaps", Severity.ERROR))
    observe(ledger, source_rows=0, gone=5_000)
    other = SPEC.model_copy(update={"name": "others"})
    assert collected(ledger, spec=other) == 0
    assert collected(ledger) == 3


def test_figures_of_a_run_are_those_of_the_partition_that_it_held(ledger: OpenLedger) -> None:
    """A run that failed before it held one has none: those of another run would mislead."""
    loads = store(ledger, "full")
    ticket = loaded(ledger, KEYS[0], loads, landed=8, refused=["A"])
    figures: Callable[[str], dict[str, Any]] = lambda run_id: range_of_run(  # noqa: E731 - short
        ledger.database, SPEC.name, KEYS[0], run_id
    )
    with ledger.database.begin() as connection:
        connection.execute(
            range_state.update().where(range_state.c.load_id == ticket.load_id).values(selected=10)
        )
        connection.execute(  # tests share one database: ours is the newest load
            load.update().where(load.c.load_id == ticket.load_id).values(opened_at=epoch_now())
        )
    assert figures("run-1") == {
        "load_id": ticket.load_id,
        "selected": 10,
        "landed": 8,
        "refused": 1,
        "pending": 1,
    }
    assert figures("run-0") == dict.fromkeys(
        ("load_id", "selected", "landed", "refused", "pending")
    )
