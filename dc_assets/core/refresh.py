"""Which partitions a refresh is due for: the source changed since the sides last agreed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dc_assets.core.durations import DAY_S


@dataclass(frozen=True, slots=True)
class PastRefresh:
    """What became of the runs that were requested for one partition and state of the source.

    Attributes:
        at_work: whether one of them has not ended.
        ended: how many ended; after none of them the sides agreed.
        ended_at_s: when the last of them ended, seconds since 1970.
    """

    at_work: bool = False
    ended: int = 0
    ended_at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DueRefresh:
    """One run to request."""

    partition_key: str
    state_id: str
    attempt: int

    @property
    def run_key(self) -> str:
        """Range, source state and attempt: equal requests are one run, a failed one is another."""
        return f"{self.partition_key}:{self.state_id}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class RefreshChoice:
    """The runs to request, and why the other changed partitions have to wait."""

    due: tuple[DueRefresh, ...]
    waiting: tuple[str, ...]


def state_id(state: str) -> str:
    """Return a short name of a state of the source, fit for a tag."""
    return hashlib.sha256(state.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RefreshNeeds:
    """What a choice is made from.

    Attributes:
        states: state of the source now, by partition key.
        agreed: state that the last load saw after which the sides agreed.
        held: partitions that a live run is working on.
        past: asked with partition key and state id.
    """

    states: Mapping[str, str]
    agreed: Mapping[str, str]
    held: Collection[str]
    past: Callable[[str, str], PastRefresh]


def choose(needs: RefreshNeeds, *, now_s: float, retry_after_s: float) -> RefreshChoice:
    """Return the partitions whose source changed since the sides last agreed, and may run now.

    A failed refresh is requested again after ``retry_after_s``, which doubles with each failure, up
    to a day. A partition that never agreed is left to the operator: its first load is no
    refresh.
    """
    due: list[DueRefresh] = []
    waiting: list[str] = []
    for key, state in needs.states.items():
        if key not in needs.agreed:
            waiting.append(f"{key} never agreed with its source: load it first")
            continue
        if state == needs.agreed[key]:
            continue
        name = state_id(state)
        past = needs.past(key, name)
        again_at_s = past.ended_at_s + _wait_s(past.ended, retry_after_s)
        if key in needs.held or past.at_work:
            waiting.append(f"{key} is being loaded")
        elif now_s < again_at_s:
            minutes = (again_at_s - now_s) / 60
            waiting.append(
                f"{key} did not agree after {past.ended} runs: again in {minutes:.0f} min"
            )
        else:
            due.append(DueRefresh(key, name, past.ended + 1))
    return RefreshChoice(tuple(due), tuple(waiting))


def _wait_s(ended: int, retry_after_s: float) -> float:
    return min(DAY_S, retry_after_s * 2 ** min(ended - 1, 10)) if ended else 0.0
