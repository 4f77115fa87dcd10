"""Locks on parents: which are held, and who waits, first come first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from dc_assets.simulation.jobs import InternalBatch


class Transaction:
    """One chunk on its way to the locks of its parents.

    Attributes:
        batch: what it is a part of.
        rest: the rows of the batch behind it.
        rows: row numbers, in the order of the file.
        wanted: parents to lock, each once, in the order in which they are asked for.
        asked: how many of those were had, or given up.
        held: parents that are locked by it.
        missing: parents that it continued without.
        is_patient: whether it waits for a lock that another holds.
        waits: grows with each wait that begins or ends, so that an old alarm can be told.
    """

    __slots__ = (
        "asked",
        "batch",
        "held",
        "is_patient",
        "missing",
        "rest",
        "rows",
        "waits",
        "wanted",
    )

    def __init__(
        self, batch: InternalBatch, rows: Sequence[int], rest: Sequence[int], wanted: list[int]
    ) -> None:
        self.batch = batch
        self.rest = rest
        self.rows = rows
        self.wanted = wanted
        self.asked = 0
        self.held: list[int] = []
        self.missing: set[int] = set()
        self.is_patient = True
        self.waits = 0


class LockTable:
    """The locks of all parents. A transaction keeps what it holds while it waits for more.

    Attributes:
        held: parents that are locked by anybody.
    """

    def __init__(self) -> None:
        self.held: set[int] = set()
        self._waiting: dict[int, deque[Transaction]] = {}

    def take(self, one: Transaction) -> bool:
        """Take the locks that are still wanted, in order; tell whether all were had or given up.

        After False the transaction waits for the first one that it could not have.
        """
        rest = one.wanted[one.asked :] if one.asked else one.wanted
        if self.held.isdisjoint(rest):
            self.held.update(rest)
            one.held.extend(rest)
            one.asked = len(one.wanted)
            return True
        for parent in rest:
            if parent not in self.held:
                self.held.add(parent)
                one.held.append(parent)
            elif one.is_patient:
                self._waiting.setdefault(parent, deque()).append(one)
                one.waits += 1
                return False
            else:
                one.missing.add(parent)
            one.asked += 1
        return True

    def stop_waiting(self, one: Transaction) -> None:
        """Leave the queue of the lock that it waits for."""
        parent = one.wanted[one.asked]
        queue = self._waiting[parent]
        queue.remove(one)
        if not queue:
            del self._waiting[parent]
        one.waits += 1

    def release(self, parents: Sequence[int]) -> list[Transaction]:
        """Free locks; return the transactions that were waiting for one of them and have it now."""
        waiting = self._waiting
        if not waiting or waiting.keys().isdisjoint(parents):
            self.held.difference_update(parents)
            return []
        served: list[Transaction] = []
        for parent in parents:
            queue = waiting.get(parent)
            if queue is None:
                self.held.discard(parent)
                continue
            heir = queue.popleft()
            if not queue:
                del waiting[parent]
            heir.held.append(parent)
            heir.asked += 1
            heir.waits += 1
            served.append(heir)
        return served
