"""A checker: it notes whenever two running jobs hold one parent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

FIRST_MAX = 20


@dataclass(frozen=True, slots=True)
class HeldTwice:
    """One parent, the two jobs, and the second at which the later one was closed."""

    parent: str
    jobs: tuple[str, str]
    at_s: float


class HeldParents:
    """Parents of the jobs between close and end. A job holds all of them all the time."""

    def __init__(self) -> None:
        self.held_twice = 0
        self.first: list[HeldTwice] = []
        self._holder: dict[str, list[str]] = {}
        self._parents: dict[str, Collection[str]] = {}

    def begin(self, job_id: str, parents: Collection[str], at_s: float) -> None:
        """A job was closed; one that is known already is no news."""
        if job_id in self._parents:
            return
        self._parents[job_id] = parents
        for parent in parents:
            holders = self._holder.setdefault(parent, [])
            for other in holders:
                self.held_twice += 1
                if len(self.first) < FIRST_MAX:
                    self.first.append(HeldTwice(parent, (other, job_id), at_s))
            holders.append(job_id)

    def end(self, job_id: str) -> None:
        """A job is over; one that never began is no error."""
        for parent in self._parents.pop(job_id, ()):
            holders = self._holder[parent]
            holders.remove(job_id)
            if not holders:
                del self._holder[parent]

    def clear(self) -> None:
        """Forget everything."""
        self.held_twice = 0
        for notes in (self.first, self._holder, self._parents):
            notes.clear()
