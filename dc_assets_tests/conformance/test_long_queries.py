"""Slots of long queries, on every kind of ledger: never too many, never lost with their owner."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Barrier, Lock, Thread

import pytest

from dc_assets.core.run_events import RunEvent, unheard
from dc_assets.ledger.long_queries import LONG_QUERY_ROWS, LongQuerySlots
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets_tests.fakes.ledgers import OpenLedger
from dc_assets_tests.fakes.world import dead_owner

MOST = 3


class Waited(Exception):
    """Somebody had to wait."""


def refuse_to_wait(_: float) -> None:
    """Raise instead."""
    raise Waited


@dataclass
class Heard:
    """What was told."""

    events: list[RunEvent] = field(default_factory=list[RunEvent])


def slots(
    ledger: OpenLedger,
    owner: Owner | None = None,
    *,
    lease_s: float = 60.0,
    heard: Heard | None = None,
    sleep: Callable[[float], None] = refuse_to_wait,
) -> LongQuerySlots:
    """Return the slots of the ledger's org as an owner takes them."""
    return LongQuerySlots(
        ledger.database,
        ledger.org_id,
        owner or current_owner("run"),
        most=MOST,
        sleep=sleep,
        note=unheard if heard is None else heard.events.append,
        lease_s=lease_s,
    )


def is_free(ledger: OpenLedger) -> bool:
    """Tell whether one more query may be asked."""
    try:
        with slots(ledger).slot(LONG_QUERY_ROWS):
            return True
    except Waited:
        return False


def test_no_more_than_the_setting_at_once(ledger: OpenLedger) -> None:
    """The next one waits, which is told once; a slot that is given back is free."""
    heard, waits = Heard(), list[float]()
    with ExitStack() as others:
        held = [others.enter_context(slots(ledger).slot(LONG_QUERY_ROWS)) for _ in range(MOST - 1)]
        last = ExitStack()
        last.enter_context(slots(ledger).slot(LONG_QUERY_ROWS))

        def sleep(wait_s: float) -> None:
            waits.append(wait_s)
            if len(waits) == 2:
                last.close()

        with slots(ledger, heard=heard, sleep=sleep).slot(LONG_QUERY_ROWS):
            assert not is_free(ledger)
        assert is_free(ledger)
    assert (len(held), waits) == (MOST - 1, [2.0, 2.0])
    assert [str(event) for event in heard.events] == [
        "3 long queries of ours run in the org: waits for one of them to end"
    ]


def test_a_slot_ends_with_its_owner(ledger: OpenLedger) -> None:
    """Of a process that is known to be gone at once, of a silent one after its lease."""
    for owner, lease_s in ((dead_owner("gone"), 60.0), (current_owner("silent"), -1.0)):
        with ExitStack() as lost:
            for _ in range(MOST):
                lost.enter_context(slots(ledger, owner, lease_s=lease_s).slot(LONG_QUERY_ROWS))
            assert is_free(ledger)
        assert is_free(ledger)


def test_an_error_gives_the_slot_back(ledger: OpenLedger) -> None:
    """A query that fails keeps nothing."""
    for _ in range(MOST + 1):
        with pytest.raises(Waited), slots(ledger).slot(LONG_QUERY_ROWS):
            refuse_to_wait(1.0)
    assert is_free(ledger)


def test_a_small_question_needs_no_slot(ledger: OpenLedger) -> None:
    """It is answered long before it would count as a long request."""
    with ExitStack() as held:
        for _ in range(MOST):
            held.enter_context(slots(ledger).slot(LONG_QUERY_ROWS))
        with slots(ledger).slot(LONG_QUERY_ROWS - 1):
            assert not is_free(ledger)


def test_another_org_has_its_own(ledger: OpenLedger) -> None:
    """The limit is one of the org."""
    with ExitStack() as held:
        for _ in range(MOST):
            held.enter_context(slots(ledger).slot(LONG_QUERY_ROWS))
        other = OpenLedger(ledger.database, ledger.url, org_id=ledger.org_id[::-1])
        assert is_free(other)
        assert not is_free(ledger)


def test_many_at_once_are_never_too_many(ledger: OpenLedger) -> None:
    """Eight threads that begin together: three hold a slot at any moment, and each gets one."""
    begin, lock, at_once, most = Barrier(8), Lock(), [0], [0]

    def ask() -> None:
        begin.wait(30)
        with slots(ledger, sleep=lambda _: None).slot(LONG_QUERY_ROWS):
            with lock:
                at_once[0] += 1
                most[0] = max(most[0], at_once[0])
            with lock:
                at_once[0] -= 1

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (at_once[0], 1 <= most[0] <= MOST) == (0, True)
