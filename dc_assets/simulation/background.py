"""Users and other integrations: they lock parents, and meet the locks of the load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from random import Random

from dc_assets.simulation.locks import LockTable
from dc_assets.simulation.org_model import Background
from dc_assets.simulation.timeline import Timeline


@dataclass
class BackgroundActivity:
    """Saves of users and transactions of other integrations, at random times.

    Half of the saves meet a parent as often as it has rows, half any parent. A user who meets a
    lock waits for it; that is counted and not followed. A batch leaves out parents that are locked.

    Attributes:
        parents: the parent of each row; negative for none.
    """

    background: Background
    timeline: Timeline
    locks: LockTable
    chance: Random
    parents: Sequence[int]
    release: Callable[[Sequence[int]], None]

    def __post_init__(self) -> None:
        self.users_tried = 0
        self.users_blocked = 0
        self._known = max(self.parents, default=-1) + 1

    def begin(self) -> None:
        """Plan the first save and the first batch."""
        if not self._known:
            return
        if self.background.saves_per_s:
            self._after(self.chance.expovariate(self.background.saves_per_s), self._save)
        if self.background.batches_per_s:
            self._after(self.chance.expovariate(self.background.batches_per_s), self._batch)

    def _after(self, wait_s: float, action: Callable[[], None]) -> None:
        self.timeline.aside_at(self.timeline.now_s + wait_s, action)

    def _popular(self) -> int:
        return self.parents[int(self.chance.random() * len(self.parents))]

    def _save(self) -> None:
        chance = self.chance
        self._after(chance.expovariate(self.background.saves_per_s), self._save)
        is_popular = chance.random() < 0.5  # noqa: PLR2004 - half of them
        parent = self._popular() if is_popular else int(chance.random() * self._known)
        if parent < 0:
            return
        self.users_tried += 1
        if parent in self.locks.held:
            self.users_blocked += 1
        else:
            self._hold([parent], chance.expovariate(1 / self.background.save_s))

    def _batch(self) -> None:
        chance, like = self.chance, self.background
        self._after(chance.expovariate(like.batches_per_s), self._batch)
        drawn = dict.fromkeys(self._popular() for _ in range(like.batch_parents))
        free = [one for one in drawn if one >= 0 and one not in self.locks.held]
        if free:
            self._hold(free, chance.lognormvariate(log(like.batch_s), like.batch_spread))

    def _hold(self, parents: Sequence[int], hold_s: float) -> None:
        self.locks.held.update(parents)
        self._after(hold_s, partial(self.release, parents))
