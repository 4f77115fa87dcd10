"""What the user of the org may not see, what he may only read, and what he may not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

KINDS = ("hidden", "read_only", "denied")
DEEDS = frozenset({"create", "edit"})


class ProfileError(Exception):
    """A profile that cannot be; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Fields by object, and what is denied of an object; all names in lower case."""

    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    read_only: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    denied: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def denied_of(self, object_name: str) -> frozenset[str]:
        """What the user may not do with records of an object: create, edit."""
        return self.denied.get(object_name.lower(), frozenset())

    def hidden_of(self, object_name: str) -> frozenset[str]:
        """Fields of an object that are not there for the user."""
        return self.hidden.get(object_name.lower(), frozenset())

    def read_only_of(self, object_name: str) -> frozenset[str]:
        """Fields of an object that the user may read and not write."""
        return self.read_only.get(object_name.lower(), frozenset())

    def objects(self) -> frozenset[str]:
        """The objects it says something of."""
        return frozenset((*self.hidden, *self.read_only, *self.denied))

    def shown(self) -> dict[str, dict[str, list[str]]]:
        """The profile as it is written in a schema file."""
        return {
            name: {
                "hidden": sorted(self.hidden_of(name)),
                "read_only": sorted(self.read_only_of(name)),
                **({"denied": sorted(self.denied_of(name))} if self.denied_of(name) else {}),
            }
            for name in sorted(self.objects())
        }


def profile_of(value: object) -> Profile:
    """Read ``{object: {hidden: [fields], read_only: [fields], denied: [deeds]}}``.

    Raises:
        ProfileError: it has another form.
    """
    found: dict[str, dict[str, frozenset[str]]] = {kind: {} for kind in KINDS}
    for name, entry in _mapping(value).items():
        for kind, fields in _mapping(entry).items():
            if kind not in KINDS or not isinstance(fields, list):
                raise _wrong_form()
            listed = cast("list[object]", fields)
            found[kind][name.lower()] = frozenset(str(text).lower() for text in listed)
            if kind == "denied" and not found[kind][name.lower()] <= DEEDS:
                raise _wrong_form()
    return Profile(**found)


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _wrong_form()
    return {str(key): item for key, item in cast("Mapping[object, object]", value).items()}


def _wrong_form() -> ProfileError:
    return ProfileError(
        "A profile has the form {object: {hidden: [fields], read_only: [fields], denied: [create, "
        "edit]}}."
    )
