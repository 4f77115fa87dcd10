"""When the load of parents is complete: what holds a child back, and what does not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest

from dc_assets.core.checks import check_descriptions
from dc_assets.core.errors import ParentsIncomplete
from dc_assets.core.parent_loads import IncompleteParent, lacks, refuse_incomplete
from dc_assets.core.run_events import RunEvent
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.cleanings import Cleanings
from dc_assets.ledger.heartbeats import RunHeartbeats
from dc_assets.ledger.owners import current_owner
from dc_assets.load.store import Mode
from dc_assets.wiring.parent_loads import LOOK_AGAIN_S, after_their_checks, incomplete_parents
from dc_assets_tests.fakes.ledgers import KEYS, NEW_LOAD, SPEC, OpenLedger

FIRST, SECOND, THIRD = KEYS


def check(ledger: OpenLedger, key: str, severity: Severity = Severity.PASSED) -> None:
    """Let all checks of a partition say the same."""
    needed = list(check_descriptions(SPEC))
    outcomes = [CheckOutcome(name, key, severity, "said", 0) for name in needed]
    store = CheckResultStore(ledger.database, SPEC.name, ledger.org_id)
    store.keep(key, outcomes, run_id="run", needed=needed, asked_at=store.now_s())


def proved(ledger: OpenLedger, key: str, mode: Mode = "full") -> None:
    """Load a partition to its end, after which all checks agree."""
    sent(ledger, key, mode)
    check(ledger, key)


def sent(ledger: OpenLedger, key: str, mode: Mode = "full") -> None:
    """Load a partition to its end, which no check has seen."""
    loads = ledger.loads(mode=mode)
    loads.finish_range(ledger.ticket(key, loads, NEW_LOAD))


@dataclass
class CheckedMeanwhile:
    """A clock in whose first wait the checks of all partitions look."""

    ledger: OpenLedger
    at_s: float = 0.0

    def now_s(self) -> float:
        """Return how long was waited."""
        return self.at_s

    def sleep(self, wait_s: float) -> None:
        """Let the checks look."""
        self.at_s += wait_s
        for key in KEYS:
            check(self.ledger, key)

    def wall_s(self, wait_s: float) -> float:
        """Return the wait itself."""
        return wait_s


def waits_for(ledger: OpenLedger, mode: Mode = "full") -> str:
    """Return what a child that begins in a mode is told of its parent."""
    return lacks(incomplete_parents(ledger.database, ledger.org_id, [SPEC], mode))


def test_each_partition_of_a_parent_was_proved(ledger: OpenLedger) -> None:
    """One that was never begun or is not checked holds the child, in a refresh as well."""
    assert waits_for(ledger) == "things lacks all 3 partitions (not begun)"
    proved(ledger, FIRST)
    sent(ledger, SECOND)
    told = waits_for(ledger)
    assert told.startswith(f"things lacks {SECOND} (not checked: ")
    assert waits_for(ledger, "changed") == told
    check(ledger, SECOND)
    assert waits_for(ledger) == f"things lacks {THIRD} (unfinished)"
    proved(ledger, THIRD)
    assert waits_for(ledger) == waits_for(ledger, "changed") == ""


def test_a_refresh_of_the_parent_takes_nothing_away(ledger: OpenLedger) -> None:
    """It is under way, or has ended and is not checked yet."""
    for key in KEYS:
        proved(ledger, key)
    ledger.ticket(FIRST, ledger.loads(mode="changed"), NEW_LOAD)
    sent(ledger, SECOND, "changed")
    assert waits_for(ledger) == waits_for(ledger, "changed") == ""


def test_a_new_load_of_the_parent_holds_whole_loads_alone(ledger: OpenLedger) -> None:
    """What was proved is still there, so the daily refresh of the child lives."""
    for key in KEYS:
        proved(ledger, key)
    ledger.ticket(FIRST, request=NEW_LOAD)
    assert waits_for(ledger) == "things lacks all 3 partitions (unfinished)"
    assert waits_for(ledger, "canary") == waits_for(ledger)
    assert waits_for(ledger, "missing") == ""


def test_a_check_that_failed_since_holds_whole_loads_alone(ledger: OpenLedger) -> None:
    """A refresh sends the rows again that are refused for want of a parent."""
    for key in KEYS:
        proved(ledger, key)
    check(ledger, SECOND, Severity.ERROR)
    assert waits_for(ledger).startswith(f"things lacks {SECOND} (not proved: ")
    assert waits_for(ledger, "changed") == ""
    check(ledger, SECOND)
    assert waits_for(ledger) == ""


def test_a_cleanup_takes_the_proof_away(ledger: OpenLedger) -> None:
    """For refreshes too: the records are gone."""
    for key in KEYS:
        proved(ledger, key)
    Cleanings(ledger.database, SPEC.name, ledger.org_id).begin([THIRD])
    assert THIRD in waits_for(ledger)
    assert THIRD in waits_for(ledger, "changed")


@pytest.mark.parametrize(
    ("sent_keys", "lease_s", "run_id", "waited_s"),
    [
        (KEYS, 60.0, "child", LOOK_AGAIN_S),
        (KEYS, 60.0, "parents", 0.0),
        (KEYS, -1.0, "child", 0.0),
        (KEYS[:2], 60.0, "child", 0.0),
    ],
    ids=["a living run checks", "it is the same run", "it is silent", "one was never begun"],
)
def test_a_child_waits_while_its_parents_are_checked(
    ledger: OpenLedger, sent_keys: tuple[str, ...], lease_s: float, run_id: str, waited_s: float
) -> None:
    """A backfill launches it as soon as their rows were sent; nothing else is awaited."""
    owner = current_owner("parents")
    heartbeats = RunHeartbeats(ledger.database)
    heartbeats.heartbeat(owner, lease_s)
    for key in sent_keys:
        loads = ledger.loads(owner=owner)
        loads.finish_range(ledger.ticket(key, loads, NEW_LOAD))
    clock, told = CheckedMeanwhile(ledger), list[RunEvent]()
    look = partial(incomplete_parents, ledger.database, ledger.org_id, [SPEC], "full")
    missing = after_their_checks(look, heartbeats, clock, told.append, run_id=run_id)
    assert clock.now_s() == waited_s
    assert bool(missing) is (waited_s == 0.0)
    assert [one.name for one in told] == ["partition_waits"] * (waited_s > 0.0)


def test_the_sentence_has_the_command() -> None:
    """Parents that were begun want attention; others are loaded."""
    with pytest.raises(ParentsIncomplete, match=r"dc-assets run a b\. To send"):
        refuse_incomplete("c", [IncompleteParent(n, {FIRST: "not begun"}, 1) for n in "ab"])
    with pytest.raises(ParentsIncomplete, match=r"dc-assets run a --failed-only\. To send"):
        refuse_incomplete("c", [IncompleteParent("a", {FIRST: "unfinished"}, 1)])
