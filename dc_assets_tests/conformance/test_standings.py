"""How partitions stand, put together from loads and the latest results of checks."""

from __future__ import annotations

from dc_assets.core.attention import needs_attention
from dc_assets.core.load_state import SpecState
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.views.load_states import LoadStates
from dc_assets_tests.fakes.ledgers import KEYS, NEW_LOAD, SPEC, OpenLedger, new_batch

NEEDED = ("row_count_matches", "nothing_pending")
FIRST, SECOND, THIRD = KEYS


def check(ledger: OpenLedger, key: str, severity: Severity = Severity.PASSED) -> None:
    """Let all checks of a partition say the same."""
    outcomes = [CheckOutcome(name, key, severity, "said", 0) for name in NEEDED]
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    store.keep(key, outcomes, run_id="run", needed=NEEDED, asked_at=store.now_s())


def finish(ledger: OpenLedger, key: str) -> str:
    """Load a partition to its end and return the load."""
    ticket = ledger.ticket(key, request=NEW_LOAD)
    ledger.loads().finish_range(ticket)
    return ticket.load_id


def state_of(ledger: OpenLedger) -> SpecState:
    """Return how all partitions stand."""
    return ledger.views().states.of_spec()


def why(ledger: OpenLedger) -> dict[str, list[str]]:
    """Return the reasons of the partitions that need attention."""
    judged = [needs_attention(state_of(ledger), key, NEEDED) for key in KEYS]
    return {one.partition_key: list(one.reasons) for one in judged if one is not None}


def test_every_partition_stands_somewhere(ledger: OpenLedger) -> None:
    """Done and agreed, done and failed, never begun in the unfinished load."""
    load_id = finish(ledger, FIRST)
    check(ledger, FIRST)
    assert finish(ledger, SECOND) == load_id
    check(ledger, SECOND, Severity.ERROR)
    [there] = state_of(ledger).unfinished.values()
    assert (there.partition_key, there.load_id, there.phase) == (THIRD, load_id, "new")
    assert why(ledger) == {
        SECOND: [f"{name} failed: said" for name in NEEDED],
        THIRD: [f"not begun in the unfinished load {load_id[:8]}"],
    }


def test_rows_without_an_outcome_are_counted(ledger: OpenLedger) -> None:
    """While its run lives the partition is running; afterwards it is not done."""
    loads = ledger.loads()
    ticket = ledger.ticket(FIRST, loads)
    ledger.planned(ticket, new_batch(0, rows=7))
    assert why(ledger)[FIRST] == ["a run is working on it"]
    with loads.heartbeat(ticket):
        pass
    said = f"load {ticket.load_id[:8]} is not done: 7 of 7 rows have no outcome"
    assert why(ledger)[FIRST] == [said]


def test_a_check_is_older_than_the_load_after_it(ledger: OpenLedger) -> None:
    """A new load asks for a new word, and the word of its check is enough."""
    for key in KEYS:
        finish(ledger, key)
        check(ledger, key)
    assert why(ledger) == {}
    assert state_of(ledger).unfinished == {}
    for key in KEYS:
        finish(ledger, key)
    assert why(ledger) == {key: ["not checked since its newest load"] for key in KEYS}
    check(ledger, SECOND)
    assert sorted(why(ledger)) == [FIRST, THIRD]


def test_a_later_load_that_is_unfinished_is_gone_on_with(ledger: OpenLedger) -> None:
    """A partition that was good in the load before is still due in this one."""
    for key in KEYS:
        finish(ledger, key)
        check(ledger, key)
    later = finish(ledger, FIRST)
    check(ledger, FIRST)
    said = [f"not begun in the unfinished load {later[:8]}"]
    assert why(ledger) == {SECOND: said, THIRD: said}


def test_another_org_and_another_spec_do_not_count(ledger: OpenLedger) -> None:
    """Their loads and words stand in the same tables."""
    finish(ledger, FIRST)
    check(ledger, FIRST, Severity.ERROR)
    elsewhere = LoadStates(ledger.database, SPEC.name, "00Dother").of_spec()
    other = LoadStates(ledger.database, "other", ledger.org_id).of_spec()
    assert elsewhere == other == SpecState()
