"""What a run does while its ledger is away: it waits as long as it may, then says who is to blame.

A ledger is away when its server is restarted or cannot be reached, and when another program holds
the SQLite file locked. A full disk, a wrong password and a fault of ours are no absence. Why each
transaction may be carried out again: `docs/adr/0042-a-transaction-is-carried-out-once.md`.
"""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from dc_assets.core.database_faults import is_passing_refusal, is_passing_state
from dc_assets.core.errors import LedgerAway
from dc_assets.core.run_events import Note, RunEvent, unheard
from dc_assets.ledger.clock import SystemClock

BEARS_S = 15.0
"""How long a command without a lease bears an absence: a server is restarted in less."""

LOOK_AGAIN_S = 0.05
LOOK_AGAIN_S_MAX = 1.0
"""The first wait of an absence, and the longest: each is twice the one before."""

_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)
"""What SQLite says of a disk or a file; the rest is a fault of ours."""

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an absence is borne.

    Attributes:
        bears_s: seconds since the beginning of the first transaction that failed.
        from_the_first: whether an absence is borne too when the ledger is opened; a person who
            mistyped its address is told at once.
        note: is told when an absence begins and when it ends.
    """

    bears_s: float = BEARS_S
    from_the_first: bool = False
    note: Note = unheard


class Absence:
    """The present absence of one ledger; several threads wait for its end."""

    def __init__(self, place: str, remedy: str, patience: Patience) -> None:
        self._place = place
        self._remedy = remedy
        self._patience = patience
        self._clock = SystemClock()
        self._since_s: float | None = None
        self._wait_s = LOOK_AGAIN_S
        self._lock = threading.Lock()

    def now_s(self) -> float:
        """Return seconds that only grow."""
        return self._clock.now_s()

    def is_over(self) -> None:
        """The ledger has answered."""
        with self._lock:
            since_s, self._since_s = self._since_s, None
        if since_s is not None:
            self._patience.note(RunEvent("ledger_back", {"place": self._place}))

    def wait(self, reason: str, began_s: float) -> None:
        """Wait before a transaction that began at a moment and was lost is carried out again.

        Raises:
            LedgerAway: it has been away for too long.
        """
        with self._lock:
            is_first = self._since_s is None
            wait_s = LOOK_AGAIN_S if is_first else min(2 * self._wait_s, LOOK_AGAIN_S_MAX)
            self._wait_s = wait_s
            since_s = self._since_s = began_s if self._since_s is None else self._since_s
        away_s = self._clock.now_s() - since_s
        if away_s >= self._patience.bears_s:
            raise LedgerAway(
                f"The ledger {self._place} has not answered for {away_s:.0f} s: {reason}. "
                f"{self._remedy} What was done is kept: the same command resumes."
            )
        if is_first:
            left_s = self._patience.bears_s - away_s
            told = {"place": self._place, "cause": reason, "wait_s": left_s}
            self._patience.note(RunEvent("ledger_away", told))
        self._clock.sleep(wait_s)

    def lost(self, reason: str, began_s: float) -> TransactionLost:
        """Return the error of a transaction that was surely not carried out."""
        return TransactionLost(self, reason, began_s)


class TransactionLost(LedgerAway):
    """A transaction was surely not carried out: the ledger went away before its end."""

    def __init__(self, absence: Absence, reason: str, began_s: float) -> None:
        super().__init__(
            f"The ledger does not answer: {reason}. What was done is kept: run it again."
        )
        self.reason = reason
        self._absence = absence
        self._began_s = began_s

    def wait(self) -> None:
        """Wait before it is carried out again.

        Raises:
            LedgerAway: the ledger has been away for too long.
        """
        self._absence.wait(self.reason, self._began_s)


P = ParamSpec("P")
R = TypeVar("R")


def one_transaction(method: Callable[P, R]) -> Callable[P, R]:
    """Carry out again, while the ledger is away, a function that is one transaction of it.

    Whatever else the function does, it must do as well twice as once.
    """

    @functools.wraps(method)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        while True:
            try:
                return method(*args, **kwargs)
            except TransactionLost as lost:
                lost.wait()

    return again


def is_absence(error: DBAPIError) -> bool:
    """Tell whether an error of the driver says that the ledger is away and may come back."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return is_locked(cause)
    if state := getattr(cause, "pgcode", None):
        return is_passing_state(str(state))
    return error.connection_invalidated or is_passing_refusal(str(cause))


def is_locked(error: sqlite3.Error) -> bool:
    """Tell whether another program holds the file of SQLite."""
    return _sqlite_code(error) in _LOCKED


def is_refusal(error: DBAPIError) -> bool:
    """Tell whether an error of the driver is about disk, rights or server, not about us."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite_code(cause) in _DISK
    return isinstance(error, OperationalError)


def _sqlite_code(error: sqlite3.Error) -> int:
    extended: int = getattr(error, "sqlite_errorcode", 0)
    return extended & 0xFF
