"""What the checks said is kept, and a partition is proved by all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from dc_assets.core.verdicts import CheckOutcome, CountVerdict, Severity, ValueCount
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.tables import range_state
from dc_assets.views.load_states import LoadStates
from dc_assets_tests.fakes.ledgers import SPEC, OpenLedger

NEEDED = ("row_count_matches", "nothing_pending")


def outcome(check: str, key: str, severity: Severity = Severity.PASSED) -> CheckOutcome:
    """Return what a check said, with a value and a table."""
    values = (ValueCount(None, CountVerdict(3, 2, 1)),)
    return CheckOutcome(check, key, severity, "said", 0, values, ({"key": "a", "rows": 1},))


def keep(ledger: OpenLedger, key: str, outcomes: Sequence[CheckOutcome]) -> LoadStates:
    """Keep what the checks of a partition said."""
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    store.keep(key, outcomes, run_id="run", needed=NEEDED, asked_at=store.now_s())
    return ledger.views().states


def see_source(ledger: OpenLedger, load_id: str, state: str) -> None:
    """Note what a run saw of the source."""
    with ledger.database.begin() as connection:
        connection.execute(
            range_state.update()
            .where(range_state.c.load_id == load_id)
            .values(source_state=sa.literal(state))
        )


def test_the_last_word_of_each_check_is_returned_as_it_was_said(ledger: OpenLedger) -> None:
    """With its counts and its table, and the load that it was said of."""
    ticket = ledger.ticket()
    key = ticket.partition_key
    bad, good = (outcome(NEEDED[0], key, s) for s in (Severity.ERROR, Severity.PASSED))
    other = outcome(NEEDED[1], key, Severity.WARN)
    keep(ledger, key, [bad, other])
    states = keep(ledger, key, [good])
    results = states.of_spec().newest[key].checks
    assert {check: one.outcome for check, one in results.items()} == {
        good.check: good,
        other.check: other,
    }
    assert {one.load_id for one in results.values()} == {ticket.load_id}
    load = states.of_load(ticket.load_id)
    assert load is not None
    assert load.partitions[key].checks == results
    assert states.of_load("another") is None


def test_only_a_done_load_without_an_error_proves_a_state_of_the_source(ledger: OpenLedger) -> None:
    """A missing check or an error proves nothing; refused rows do not disprove."""
    ticket = ledger.ticket()
    key = ticket.partition_key
    see_source(ledger, ticket.load_id, "seen")
    fine = [outcome(check, key, Severity.WARN) for check in NEEDED]
    assert keep(ledger, key, fine).proved_states() == {}
    ledger.loads().finish_range(ticket)
    assert keep(ledger, key, fine[:1]).proved_states() == {}
    assert (
        keep(ledger, key, [fine[0], outcome(NEEDED[1], key, Severity.ERROR)]).proved_states() == {}
    )
    assert keep(ledger, key, fine).proved_states() == {key: "seen"}
