"""Several runs in one virtual time: one of them acts at a time, in an order that a seed decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from dc_assets_tests.fakes.crash import Crash

BEAT_EVERY_S = 8.0


@dataclass(slots=True)
class Actor:
    """One run, or one operator.

    Attributes:
        wake_s: when it continues.
        beat: keeps its lease; a frozen actor does not beat.
    """

    name: str
    wake_s: float
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_done: bool = False
    is_frozen: bool = False
    heartbeat: Callable[[], None] | None = None
    beat_at_s: float = 0.0


class Turns:
    """Hands one turn from actor to actor; time moves when nobody has anything to do at once."""

    def __init__(self, chance: Random, *, steps_max: int) -> None:
        self.now_s = 0.0
        self.steps = 0
        self._chance = chance
        self._steps_max = steps_max
        self._actors: dict[str, Actor] = {}
        self._over = threading.Semaphore(0)
        self._failure: BaseException | None = None

    def play(self, bodies: Mapping[str, Callable[[], None]]) -> None:
        """Let actors play until all have ended; the first failure of one is raised."""
        self._actors = {name: Actor(name, self.now_s) for name in bodies}
        threads = [
            threading.Thread(target=self._act, args=(self._actors[name], body), daemon=True)
            for name, body in bodies.items()
        ]
        for thread in threads:
            thread.start()
        self._next().gate.release()
        self._over.acquire()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def is_over(self) -> bool:
        """Whether an actor failed, so that the others end too."""
        return self._failure is not None

    def wait(self, name: str, wait_s: float, *, is_frozen: bool = False) -> None:
        """Give the turn away and take it back after a time; a frozen actor loses its lease."""
        actor = self._actors[name]
        if self.is_over:
            raise Crash(name)
        self.steps += 1
        assert self.steps <= self._steps_max, "the history does not come to an end"
        actor.wake_s = self.now_s + max(0.0, wait_s)
        actor.is_frozen = is_frozen
        following = self._next()
        if following is not actor:
            following.gate.release()
            actor.gate.acquire()
        actor.is_frozen = False

    def thaw(self, after_s: float) -> None:
        """Let those who are frozen continue soon: the worst moment is when others take over."""
        for actor in self._actors.values():
            if actor.is_frozen:
                actor.wake_s = min(actor.wake_s, self.now_s + after_s)

    def keep_beating(self, name: str, heartbeat: Callable[[], None] | None) -> None:
        """Beat for an actor from now on, or stop it."""
        actor = self._actors[name]
        actor.heartbeat, actor.beat_at_s = heartbeat, self.now_s + BEAT_EVERY_S

    def rest(self, wait_s: float) -> None:
        """Move the clock while nobody plays."""
        self.now_s += wait_s

    def _act(self, actor: Actor, body: Callable[[], None]) -> None:
        actor.gate.acquire()
        try:
            body()
        except BaseException as failure:  # noqa: BLE001 - raised again where the play began
            self._failure = self._failure or failure
        actor.is_done, actor.heartbeat = True, None
        if all(other.is_done for other in self._actors.values()):
            self._over.release()
        else:
            self._next().gate.release()

    def _next(self) -> Actor:
        waiting = [actor for actor in self._actors.values() if not actor.is_done]
        self._move_to(min(actor.wake_s for actor in waiting))
        return self._chance.choice([a for a in waiting if a.wake_s <= self.now_s])

    def _move_to(self, moment_s: float) -> None:
        """Move the clock, and let the leases be kept on the way."""
        for actor in self._actors.values():
            while actor.heartbeat is not None and actor.beat_at_s <= moment_s:
                self.now_s = max(self.now_s, actor.beat_at_s)
                actor.beat_at_s += BEAT_EVERY_S
                if not actor.is_frozen:
                    actor.heartbeat()
        self.now_s = max(self.now_s, moment_s)


class TurnClock:
    """The policy clock of one actor."""

    def __init__(self, turns: Turns, name: str) -> None:
        self._turns = turns
        self._name = name

    def now_s(self) -> float:
        """Return virtual seconds."""
        return self._turns.now_s

    def sleep(self, wait_s: float) -> None:
        """Let the others act meanwhile."""
        self._turns.wait(self._name, wait_s)

    def wall_s(self, wait_s: float) -> float:
        """Return more than any effect takes: an effect may have to wait for its turn."""
        return wait_s + 3600.0
