"""What goes on in an org beside the jobs: users save records, other integrations write."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from dc_assets.emulator.org.engine import Engine
from dc_assets.emulator.org.work import Key


@dataclass(frozen=True, slots=True)
class Population:
    """The parents of an org.

    ``named`` has one entry for each row that names a parent: a popular one stands there often.
    """

    parents: Sequence[Key]
    named: Sequence[Key]


class Background:
    """Poisson processes beside the jobs of one engine.

    A user saves one parent, half of them a popular one; if it is locked the user is *blocked*
    and waits, which is counted and not followed further. Another integration takes many popular
    parents at once and leaves those out that are locked.

    Saves count as `tried` only while a job is at work.
    """

    def __init__(self, engine: Engine, population: Population) -> None:
        self.tried = 0
        self.blocked = 0
        self._engine = engine
        self._population = population
        self._activity = engine.settings.activity
        self._random = Random(f"{engine.settings.seed}:background")  # noqa: S311  no secret
        if not population.parents:
            return
        if self._activity.saves_per_s:
            self._after(self._random.expovariate(self._activity.saves_per_s), self._save)
        if self._activity.transactions_per_s:
            self._after(self._random.expovariate(self._activity.transactions_per_s), self._write)

    def _after(self, seconds: float, happen: Callable[[Any], None], subject: object = None) -> None:
        self._engine.at(self._engine.now_s + seconds, happen, subject)

    def _popular(self) -> Key:
        named = self._population.named or self._population.parents
        return named[self._random.randrange(len(named))]

    def _save(self, _: object) -> None:
        draw, activity = self._random, self._activity
        self._after(draw.expovariate(activity.saves_per_s), self._save)
        parents = self._population.parents
        is_popular = draw.random() < 0.5  # noqa: PLR2004  half of them
        key = self._popular() if is_popular else parents[draw.randrange(len(parents))]
        got = self._engine.locks.take_elsewhere([key])
        if self._engine.jobs:
            self.tried += 1
            self.blocked += not got
        if got:
            self._after(draw.expovariate(1 / activity.save_hold_s), self._release, got)

    def _write(self, _: object) -> None:
        draw, activity = self._random, self._activity
        self._after(draw.expovariate(activity.transactions_per_s), self._write)
        chosen = [self._popular() for _ in range(activity.transaction_parents)]
        got = self._engine.locks.take_elsewhere(chosen)
        if got:
            median = math.log(activity.transaction_hold_s)
            hold_s = draw.lognormvariate(median, activity.transaction_sigma)
            self._after(hold_s, self._release, got)

    def _release(self, keys: Sequence[Key]) -> None:
        self._engine.release(keys)
