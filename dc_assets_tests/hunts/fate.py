"""What becomes of one run: each of its calls takes time, and may be its last one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from dc_assets_tests.fakes.crash import Crash
from dc_assets_tests.hunts.storm import Storm

AT_ONCE = {"LoadStore.join_load"}
"""Whoever looked whether a load is unfinished joins it in the same moment."""

TAKEOVERS = {"LoadStore.take_range", "BatchStore.adopt_orphans", "Source.count"}
"""Calls after which a frozen run is most likely to continue: others rely on it being gone."""


@dataclass(slots=True)
class Trace:
    """The history, line by line.

    Attributes:
        folder: where it plays, which no line names: each play has another.
    """

    lines: list[str] = field(default_factory=list[str])
    folder: Path | None = None

    def add(self, now_s: float, actor: str, what: str) -> None:
        """Write one line."""
        what = what.replace(str(self.folder), "FOLDER") if self.folder else what
        self.lines.append(f"{now_s:10.3f} {actor:6} {what}")

    @property
    def digest(self) -> str:
        """Digest of the whole history."""
        return sha256("\n".join(self.lines).encode()).hexdigest()[:16]


@dataclass(slots=True)
class Fate:
    """Lets the calls of one run through, slowly, until it dies.

    Attributes:
        is_down: whether the process is dead.
        has_frozen: whether it stood still so long that others may have taken over.
    """

    actor: str
    storm: Storm
    trace: Trace
    is_down: bool = False
    has_frozen: bool = False

    def run(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any port's answer
        """Make one call, or die before or after it."""
        self._pass_time(name)
        if self.is_down:
            raise Crash(name)
        dies = self.storm.hits("crash")
        if dies and self.storm.chance.random() < 0.5:
            self._die(f"before {name}")
        try:
            answer = call()
        except Exception as error:
            self._tell(f"{name} ! {type(error).__name__}")
            raise
        self._tell(f"{name} -> {_shown(answer)}")
        if name in TAKEOVERS and self.storm.chance.random() < 0.3:
            self.storm.turns.thaw(0.3 * self.storm.chance.random())
        if dies:
            self._die(f"after {name}")
        return answer

    def _pass_time(self, name: str) -> None:
        turns, storm = self.storm.turns, self.storm
        if self.is_down or turns.is_over:
            raise Crash(name)
        if name in AT_ONCE:
            return
        wait_s = 0.01 + 0.05 * storm.chance.random()
        if storm.hits("slow_call"):
            wait_s += 12.0
        frozen = storm.hits("freeze")
        if frozen:
            wait_s += 30.0 + 60.0 * storm.chance.random()
            self.has_frozen = True
            self._tell(f"freezes for {wait_s:.0f} s before {name}")
        turns.wait(self.actor, wait_s, is_frozen=frozen)

    def _die(self, where: str) -> None:
        self.is_down = True
        self._tell(f"dies {where}")
        raise Crash(where)

    def _tell(self, what: str) -> None:
        self.trace.add(self.storm.turns.now_s, self.actor, what)


def _shown(answer: object) -> str:
    """Write an answer in one short line that has no random id in it."""
    if isinstance(answer, str):
        return answer if len(answer) < 32 else "an id"
    if isinstance(answer, int | float | None):
        return str(answer)
    if isinstance(answer, bytes):
        return f"{len(answer)} bytes"
    state = getattr(answer, "state", None)
    if state is not None:
        own = getattr(answer, "job_id", "") or getattr(answer, "batch_id", "")
        return f"{own} {state.value}"
    return type(answer).__name__
