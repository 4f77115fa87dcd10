"""The life of a load: what a run finds of its partition, and when a load is over."""

from __future__ import annotations

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.bounds import OtherBounds
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.load.store import LoadRequest, Mode, RangeTicket
from dc_assets.views.bounds import last_scheme, other_bounds
from dc_assets_tests.fakes.ledgers import ABOUT_ALL, KEYS, NEW_LOAD, SPEC, OpenLedger
from dc_assets_tests.fakes.specs import small_spec

FIRST, SECOND, THIRD = KEYS


def sent(
    ledger: OpenLedger, key: str = FIRST, request: LoadRequest = ABOUT_ALL, mode: Mode = "full"
) -> RangeTicket:
    """Send a partition to its end."""
    loads = ledger.loads(mode=mode)
    ticket = ledger.ticket(key, loads, request)
    ledger.planned(ticket)
    loads.finish_range(ticket)
    return ticket


def checked(ledger: OpenLedger, key: str = FIRST, request: LoadRequest = ABOUT_ALL) -> RangeTicket:
    """Send a partition to its end, and check it."""
    ticket = sent(ledger, key, request)
    ledger.checked(key)
    return ticket


def state(ledger: OpenLedger, load_id: str) -> str:
    """Return whether a load is over."""
    found = ledger.views().states.of_load(load_id)
    assert found is not None
    return found.state


@pytest.mark.parametrize("request_of", ["resumed", "new"])
def test_what_is_sent_and_not_checked_is_never_read_again(
    ledger: OpenLedger, request_of: str
) -> None:
    """Whoever asks: a run finds it as it is, and takes nothing."""
    before = sent(ledger)
    found = ledger.ticket(FIRST, request=ABOUT_ALL if request_of == "resumed" else NEW_LOAD)
    assert (found.load_id, found.phase, found.fence) == (before.load_id, "sent", before.fence)


def test_what_is_checked_is_left_alone_by_a_run_of_all(ledger: OpenLedger) -> None:
    """The load is complete: repeated, the command begins none."""
    load_ids = {checked(ledger, key).load_id for key in KEYS}
    assert len(load_ids) == 1
    found = [ledger.ticket(key, request=ABOUT_ALL) for key in KEYS]
    assert {one.load_id for one in found} == load_ids
    assert {one.phase for one in found} == {"checked"}


def test_what_is_checked_begins_a_new_load_when_it_is_named(ledger: OpenLedger) -> None:
    """The ticket says which load had sent it, so that a run can tell."""
    before = checked(ledger)
    found = ledger.ticket(FIRST, request=LoadRequest(is_new=True, launch="later"))
    assert (found.phase, found.sent_before) == ("reading", before.load_id)
    assert found.load_id != before.load_id


def test_a_retry_of_a_launch_never_begins_a_new_load(ledger: OpenLedger) -> None:
    """Dagster may start a run again after everything was done, checks included."""
    launch = LoadRequest(is_new=True, launch="root run")
    before = checked(ledger, FIRST, launch)
    again = ledger.ticket(FIRST, request=launch)
    assert (again.load_id, again.phase) == (before.load_id, "checked")


def test_a_retry_of_a_run_that_another_one_finished_sends_nothing(ledger: OpenLedger) -> None:
    """It took part in the load, whoever brought it to its end."""
    launch = LoadRequest(is_new=True, launch="first run")
    loads = ledger.loads()
    taken = ledger.ticket(FIRST, loads, launch)
    with loads.heartbeat(taken):
        pass
    checked(ledger, FIRST, LoadRequest(is_new=True, launch="somebody"))
    assert ledger.ticket(FIRST, request=launch).phase == "checked"


@pytest.mark.parametrize("mode", ["missing", "changed"])
def test_a_partial_load_may_look_again_once_it_is_checked(ledger: OpenLedger, mode: Mode) -> None:
    """What it sends is what the sides lack, so it never sends a row twice."""
    before = sent(ledger, mode=mode)
    assert ledger.ticket(FIRST, ledger.loads(mode=mode)).load_id == before.load_id
    ledger.checked(FIRST)
    assert ledger.ticket(FIRST, ledger.loads(mode=mode)).load_id != before.load_id


def test_a_replay_is_over_when_sent(ledger: OpenLedger) -> None:
    """Its rows are chosen one by one; the next one takes others."""
    before = sent(ledger, FIRST, LoadRequest(), "replay")
    assert state(ledger, before.load_id) == "done"
    assert ledger.ticket(FIRST, ledger.loads(mode="replay")).load_id != before.load_id


def test_a_load_is_over_when_all_that_it_is_about_is_checked(ledger: OpenLedger) -> None:
    """A partition that nobody began yet keeps it open; one that nobody named does not."""
    about = LoadRequest(partition_keys=[FIRST, SECOND])
    load_id = checked(ledger, FIRST, about).load_id
    assert state(ledger, load_id) == "open"
    sent(ledger, SECOND, about)
    assert state(ledger, load_id) == "open"
    ledger.checked(SECOND)
    assert state(ledger, load_id) == "done"
    assert ledger.ticket(THIRD).load_id != load_id


def test_a_check_that_began_before_the_last_row_does_not_count(ledger: OpenLedger) -> None:
    """It may have looked at a target that lacked the row."""
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    early = store.now_s() - 1
    ticket = sent(ledger)
    found = [CheckOutcome("only_check", FIRST, Severity.PASSED, "said", 0)]
    store.keep(FIRST, found, run_id="run", needed=("only_check",), asked_at=early)
    assert ledger.ticket(FIRST).phase == "sent"
    store.keep(FIRST, found, run_id="run", needed=("only_check",), asked_at=store.now_s())
    assert (ledger.ticket(FIRST).load_id, ledger.ticket(FIRST).phase) == (
        ticket.load_id,
        "checked",
    )


def test_checks_may_come_one_by_one(ledger: OpenLedger) -> None:
    """The last of them makes the partition checked."""
    sent(ledger)
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    for check, phase in (("one", "sent"), ("two", "checked")):
        found = [CheckOutcome(check, FIRST, Severity.ERROR, "said", 1)]
        store.keep(FIRST, found, run_id="run", needed=("one", "two"), asked_at=store.now_s())
        assert ledger.ticket(FIRST).phase == phase


def test_another_data_space_is_another_source(ledger: OpenLedger) -> None:
    """What was begun from one data space is not continued from another."""
    spec = small_spec(name="spaced")
    ledger.loads(spec=spec).join_load("r1-01")
    moved = spec.model_copy(update={"source": spec.source.model_copy(update={"data_space": "b"})})
    with pytest.raises(ConfigError, match="Put the old spec back"):
        ledger.loads(spec=moved).join_load("r1-01")


def test_other_bounds_under_the_same_scheme_are_refused(ledger: OpenLedger) -> None:
    """The key would mean other rows; the sentence says what to write."""
    spec = small_spec(name="cut_again", partitions={"scheme": 7, "upper_bounds": ["g"]})
    with ledger.database.begin() as connection:  # tests share one PostgreSQL database
        connection.exec_driver_sql("DELETE FROM scheme_bounds WHERE spec_name = 'cut_again'")
    ledger.loads(spec=spec).join_load("r7-01")
    assert (other_bounds(ledger.database, spec), last_scheme(ledger.database, spec.name)) == ("", 7)
    other = small_spec(name="cut_again", partitions={"scheme": 7, "upper_bounds": ["h"]})
    with pytest.raises(OtherBounds, match="scheme: 8"):
        ledger.loads(spec=other).join_load("r7-01")
    assert "'g'" in other_bounds(ledger.database, other)
    raised = small_spec(name="cut_again", partitions={"scheme": 8, "upper_bounds": ["h"]})
    with pytest.raises(ConfigError, match="Put the old spec back"):
        ledger.loads(spec=raised).join_load("r8-01")
