"""Forms of calls, joined into few lines that a person can read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

CallForm = tuple[tuple[str, ...], str]
"""The types of the arguments of a call, and that of its value."""

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Joined:
    """Several forms of one result: the types that each place takes."""

    places: tuple[frozenset[str], ...]
    result: str

    def at(self, place: int, kinds: frozenset[str]) -> Joined:
        """Return the same with other types at one place."""
        places = (*self.places[:place], kinds, *self.places[place + 1 :])
        return replace(self, places=places)

    def line(self) -> str:
        """Return it as a line of the list; a blank in a name is an underscore."""
        listed = ["|".join(sorted(kinds)) for kinds in self.places]
        text = " ".join([*(one.replace(" ", "_") for one in listed), "="])
        return f"{text} {self.result.replace(' ', '_')}"


def merged(forms: Iterable[CallForm]) -> list[str]:
    """Return forms as lines; those that differ in one place are one.

    >>> merged([(("text", "integer"), "text"), (("text", "bigint"), "text"), ((), "date")])
    ['= date', 'text bigint|integer = text']
    """
    found = {Joined(tuple(frozenset({k}) for k in kinds), result) for kinds, result in forms}
    for place in range(max((len(form.places) for form in found), default=0)):
        found = _joined_at(found, place)
    return sorted(form.line() for form in found)


def _joined_at(forms: set[Joined], place: int) -> set[Joined]:
    short = {form for form in forms if len(form.places) <= place}
    groups: dict[Joined, set[str]] = {}
    for form in forms - short:
        groups.setdefault(form.at(place, NONE), set()).update(form.places[place])
    return short | {form.at(place, frozenset(kinds)) for form, kinds in groups.items()}
