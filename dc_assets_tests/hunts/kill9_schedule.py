"""Where the kill hunt strikes, decided by its seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product

from dc_assets.core.batch_states import BatchState

HIT = (BatchState.OPENING, BatchState.OPEN, BatchState.UPLOADED)
"""The states that a batch in flight can be in."""

KINDS: dict[BatchState, tuple[str, ...]] = {
    BatchState.OPENING: ("create",),
    BatchState.OPEN: ("upload", "close"),
    BatchState.UPLOADED: ("poll", "results"),
}
"""Calls that are under way while the ledger says this of their batch."""

STATE_OF = {kind: state for state, kinds in KINDS.items() for kind in kinds}
MOMENT_S_MAX = 3.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One planned blow.

    Attributes:
        kind: the call that the org holds when the kill lands; None strikes at any moment.
        when: held before its work or after it.
        moment_s: the wait before the strike, so that the load has continued.
        workers: processes killed at once, 1 or 2.
        rescuer: whether the successor is killed too, while it rescues.
        late: whether the held call continues only when the successor is running.
    """

    kind: str | None
    when: str
    moment_s: float
    workers: int = 1
    rescuer: bool = False
    late: bool = False

    @property
    def wanted(self) -> BatchState | None:
        """The state that the strike is meant to hit."""
        return None if self.kind is None else STATE_OF[self.kind]

    @property
    def text(self) -> str:
        """The place, for people."""
        return f"{self.kind} {self.when}" if self.kind else "any moment"


def schedule(seed: int) -> Iterator[Strike]:
    """Yield strikes for ever: of four in a row one goes to each state and one to any moment.

    >>> first = schedule(1)
    >>> sorted(str(next(first).wanted) for _ in range(4))
    ['BatchState.OPEN', 'BatchState.OPENING', 'BatchState.UPLOADED', 'None']
    """
    chance = random.Random(seed)  # noqa: S311 - a schedule is no secret
    places = {state: cycle(_places(chance, KINDS[state])) for state in HIT}
    manners = cycle(["one", "rescuer", "late", "one", "two", "one", "late", "one"])
    while True:
        around: list[BatchState | None] = [*HIT, None]
        chance.shuffle(around)
        for state in around:
            kind, when = next(places[state]) if state else (None, "")
            manner = next(manners)
            yield Strike(
                kind,
                when,
                moment_s=chance.uniform(0.0, MOMENT_S_MAX),
                workers=2 if manner == "two" else 1,
                rescuer=manner == "rescuer",
                late=manner == "late" and kind is not None,
            )


def _places(chance: random.Random, kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    whens: tuple[str, ...] = ("before", "after")
    places = list(product(kinds, whens))
    return chance.sample(places, len(places))
