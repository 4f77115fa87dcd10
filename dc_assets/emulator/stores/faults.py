"""The faults that are active: which of them befalls a call, decided by seeds and call numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import cast

from dc_assets.emulator.stores.fault_kinds import FAULT_KINDS, REQUIRED, FaultKind
from dc_assets.emulator.stores.options import KINDS

COMMON = frozenset({"what", "calls", "share", "times", "after", "seed"})
"""Names every fault takes beside its own parameters."""


class FaultError(Exception):
    """A list of faults that cannot be; the text is one sentence."""


@dataclass(slots=True)
class Fault:
    """One active fault and what became of it so far.

    ``place`` is its place in the list: two faults of one seed still decide on their own.
    """

    what: str
    place: int
    calls: frozenset[str]
    seed: int
    share: float | None
    times: int
    after: int
    parameters: Mapping[str, object]
    seen: int = 0
    fired: int = 0
    is_on: bool = False
    failures: Counter[str] = field(default_factory=Counter[str])
    """How often each key of a job was refused: faults of rows only."""

    @property
    def kind(self) -> FaultKind:
        """What is known of it by its name."""
        return FAULT_KINDS[self.what]

    def chance(self, mark: object) -> float:
        """A number from 0 to 1 that seed, fault and mark alone decide."""
        text = f"{self.seed}:{self.place}:{self.what}:{mark}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / 2**64

    def decides(self) -> bool:
        """Look at the next call, and say whether it is one of ours."""
        self.seen += 1
        if self.share is not None:
            return self.chance(self.seen) < self.share
        return self.after < self.seen <= self.after + self.times

    def hit(self) -> Hit | None:
        """What befalls the next matching call, or None."""
        if self.kind.by_row:
            return Hit(self.what, self, 0, self.parameters)
        is_chosen = self.decides()
        if self.kind.lasts:
            # It counts where it acts: to be on is not yet to have changed an answer.
            self.is_on = self.is_on or is_chosen
            is_chosen = self.is_on
        else:
            self.fired += is_chosen
        return Hit(self.what, self, self.seen, self.parameters) if is_chosen else None

    def state(self) -> dict[str, object]:
        """The fault as it was asked for, with its defaults and counts."""
        amount: dict[str, object] = (
            {"times": self.times, "after": self.after}
            if self.share is None
            else {"share": self.share}
        )
        return {
            "what": self.what,
            "calls": [kind for kind in KINDS if kind in self.calls],
            **amount,
            "seed": self.seed,
            **self.parameters,
            "seen": self.seen,
            "fired": self.fired,
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """One fault that befalls one call.

    ``number`` is the number of the call among those the fault looked at, from 1.
    """

    what: str
    fault: Fault
    number: int
    parameters: Mapping[str, object]

    def dice(self) -> Random:
        """Chance that is the same each time for this fault and this call."""
        return Random(f"{self.fault.seed}:{self.fault.place}:{self.number}")  # noqa: S311  no secret

    def text(self, name: str) -> str:
        """A parameter that is a text."""
        return str(self.parameters[name])

    def number_of(self, name: str) -> float:
        """A parameter that is a number."""
        return float(cast("float", self.parameters[name]))

    def is_set(self, name: str) -> bool:
        """A parameter that is true or false."""
        return self.parameters[name] is True


class Faults:
    """The active list."""

    def __init__(self) -> None:
        self._active: tuple[Fault, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any fault: the plain way of a call asks no more than this."""
        return bool(self._active)

    def replace(self, faults: tuple[Fault, ...]) -> None:
        """Take a new list in the place of the old one."""
        self._active = faults

    def due(self, kind: str, names: Collection[str]) -> list[Hit]:
        """Count a call for each fault of these names that looks at its kind; those that act."""
        looking = [f for f in self._active if f.what in names and kind in f.calls]
        hits = [fault.hit() for fault in looking]
        return [hit for hit in hits if hit is not None]

    def has(self, what: str) -> bool:
        """Whether the list has a fault of this name, spent or not."""
        return any(fault.what == what for fault in self._active)

    def state(self) -> list[dict[str, object]]:
        """All faults with their counts, in the order of the list."""
        return [fault.state() for fault in self._active]


def parsed(entries: object) -> tuple[Fault, ...]:
    """The faults a body asks for.

    Raises:
        FaultError: a name is unknown or a value is wrong.
    """
    if not isinstance(entries, list):
        raise FaultError("faults is a list of objects.")
    faults: list[Fault] = []
    for place, entry in enumerate(cast("list[object]", entries)):
        if not isinstance(entry, dict):
            raise FaultError("faults is a list of objects.")
        faults.append(_fault(place, cast("dict[str, object]", entry)))
    return tuple(faults)


def _fault(place: int, entry: Mapping[str, object]) -> Fault:
    what = entry.get("what")
    if not isinstance(what, str) or what not in FAULT_KINDS:
        raise FaultError(f"There is no fault {what}; there are: {', '.join(FAULT_KINDS)}.")
    kind = FAULT_KINDS[what]
    for name in entry:
        if name not in COMMON and name not in kind.parameters:
            raise FaultError(f"The fault {what} has no parameter {name}.")
    if "share" in entry and ("times" in entry or "after" in entry):
        raise FaultError(f"The fault {what} takes either share or times and after.")
    plain = "share" not in entry and "times" not in entry and "after" not in entry
    return Fault(
        what=what,
        place=place,
        calls=_calls(what, kind, entry.get("calls")),
        seed=_whole(entry, "seed", 1, least=None),
        share=kind.share if plain else _share(entry),
        times=_whole(entry, "times", 1, least=1),
        after=_whole(entry, "after", 0, least=0),
        parameters=_parameters(what, kind, entry),
    )


def _calls(what: str, kind: FaultKind, given: object) -> frozenset[str]:
    if given is None:
        return frozenset(kind.calls)
    if given in ("*", ["*"]):
        return frozenset(kind.allowed)
    listed = cast("list[object]", given) if isinstance(given, list) else []
    if not listed or any(call not in kind.allowed for call in listed):
        allowed = ", ".join(kind.allowed)
        raise FaultError(f'The calls of the fault {what} are "*" or a list of: {allowed}.')
    return frozenset(str(call) for call in listed)


def _share(entry: Mapping[str, object]) -> float | None:
    if "share" not in entry:
        return None
    share = entry["share"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise FaultError("share is a number from 0 to 1.")
    return float(share)


def _whole(entry: Mapping[str, object], name: str, default: int, *, least: int | None) -> int:
    value = entry.get(name, default)
    if type(value) is not int or (least is not None and value < least):
        limit = "" if least is None else f" from {least}"
        raise FaultError(f"{name} is a whole number{limit}.")
    return value


def _parameters(what: str, kind: FaultKind, entry: Mapping[str, object]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, parameter in kind.parameters.items():
        value = entry.get(name, parameter.default)
        if value is REQUIRED:
            raise FaultError(f"The fault {what} needs the parameter {name}.")
        if name in entry and not parameter.accepts(value):
            raise FaultError(f"The parameter {name} of the fault {what} is {parameter.says()}.")
        values[name] = value
    return values
