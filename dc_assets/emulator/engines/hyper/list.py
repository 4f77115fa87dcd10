"""What Hyper knows: its types, casts, operators and functions, as the engine itself told them.

`hyper.json` is written by a program of the tests, which asks the real engine; nothing here does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGED = Path(__file__).with_name("hyper.json")

UNKNOWN = ""
"""The type of what cannot be told, which fits everywhere: NULL, or a column of no known type."""

CONSTANT = "constant"
"""The type of a text literal, which becomes what stands beside it."""

OTHER = "other"
"""Any type that no column of an object has."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way of a call: the types each place takes, and the type of the value."""

    places: tuple[frozenset[str], ...]
    result: str

    def takes(self, kinds: Sequence[str]) -> bool:
        """Whether values of these types may be given."""
        if len(kinds) != len(self.places):
            return False
        pairs = zip(kinds, self.places, strict=True)
        return all(kind in {UNKNOWN, OTHER} or kind in place for kind, place in pairs)


Forms = tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class HyperList:
    """All that the engine told; what is ``unlike`` it has too, but DuckDB answers otherwise."""

    types: Mapping[str, str]
    casts: Forms
    casts_unlike: Forms
    operators: Mapping[str, Forms]
    functions: Mapping[str, Forms]
    unlike: Mapping[str, Forms]


def result_of(forms: Forms, kinds: Sequence[str]) -> str | None:
    """The type of a call's value: unknown when several fit, None when none does.

    >>> forms = (form_of("integer|bigint text = text"),)
    >>> result_of(forms, ("bigint", "text")), result_of(forms, ("text", "text"))
    ('text', None)
    """
    results = {form.result for form in forms if form.takes(kinds)}
    if not results:
        return None
    return results.pop() if len(results) == 1 else UNKNOWN


def form_of(line: str) -> Form:
    """Read a line such as ``text integer|bigint = text``; a blank in a name is an underscore."""
    places, _, result = line.rpartition("= ")
    return Form(
        tuple(frozenset(_plain(place).split("|")) for place in places.split()), _plain(result)
    )


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _forms(listed: Mapping[str, Sequence[str]]) -> dict[str, Forms]:
    return {name: tuple(form_of(line) for line in lines) for name, lines in listed.items()}


@cache
def hyper_list() -> HyperList:
    """The packaged list."""
    loaded = json.loads(PACKAGED.read_text(encoding="utf-8"))
    return HyperList(
        types=loaded["types"],
        casts=tuple(map(form_of, loaded["casts"])),
        casts_unlike=tuple(map(form_of, loaded["casts_unlike"])),
        operators=_forms(loaded["operators"]),
        functions=_forms(loaded["functions"]),
        unlike=_forms(loaded["unlike"]),
    )
