"""Row locks: each has one owner and a queue of those who wait, first come first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from dc_assets.emulator.org.work import Key, Transaction

ELSEWHERE = object()
"""The owner of a lock that no job holds: a user, another integration."""


class Locks:
    """All locks of an org. Only those that are held take memory."""

    def __init__(self) -> None:
        self._owner: dict[Key, object] = {}
        self._waiting: dict[Key, deque[tuple[Transaction, int]]] = {}

    def __len__(self) -> int:
        return len(self._owner)

    def take(self, transaction: Transaction) -> bool:
        """Take one lock after the other; False when it now waits for ``keys[place]``.

        Locks that it has already are kept while it waits.
        """
        keys, claim = transaction.keys, self._owner.setdefault
        for place in range(transaction.place, len(keys)):
            key = keys[place]
            if claim(key, transaction) is transaction:
                continue
            if transaction.waits_no_more:
                transaction.missing.append(key)
                continue
            transaction.place = place
            waiting = self._waiting.setdefault(key, deque())
            waiting.append((transaction, transaction.turn))
            return False
        transaction.place = len(keys)
        return True

    def take_elsewhere(self, keys: Iterable[Key]) -> list[Key]:
        """Take those that are free, for somebody who waits for none; what was got."""
        got: list[Key] = []
        for key in keys:
            if key not in self._owner:
                self._owner[key] = ELSEWHERE
                got.append(key)
        return got

    def release(self, keys: Sequence[Key]) -> list[Transaction]:
        """Let go, and hand each lock to the first who still waits for it.

        Returns:
            Those who got one, in the order of the keys: each of them can go on.
        """
        owner, waiting = self._owner, self._waiting
        granted: list[Transaction] = []
        for key in keys:
            queue = waiting.get(key)
            heir = None if queue is None else _first_alive(queue)
            if queue is not None and not queue:
                del waiting[key]
            if heir is None:
                del owner[key]
                continue
            owner[key] = heir
            heir.turn += 1
            heir.place += 1
            granted.append(heir)
        return granted


def _first_alive(queue: deque[tuple[Transaction, int]]) -> Transaction | None:
    """Drop those who gave up, and take the first of the others out of the queue."""
    while queue:
        transaction, turn = queue.popleft()
        if transaction.turn == turn:
            return transaction
    return None
