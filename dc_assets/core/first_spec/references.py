"""Proposes which columns name parents, and by which field of theirs.

By name it is a guess; how many of some values the org has decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dc_assets.core.first_spec.mapping import MappedColumn, NameMatches, obstacle
from dc_assets.core.first_spec.names import plain
from dc_assets.core.lanes import NEVER_LOCKED
from dc_assets.core.organization import SHORT_ID, long_id
from dc_assets.core.target_fields import KEY_TYPES, TargetField, TargetObject

_RECORD_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")

TAILS = frozenset(
    {"", "id", "externalid", "extid", "externalkey", "key", "code", "number", "ref", "uuid"}
)
"""What may stand behind the name of a parent in the name of a column."""

EVERYBODYS = TAILS | {"name", "email", "username"}
"""Names of keys that say nothing of the object."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A column that is called like a lookup.

    Attributes:
        rest: what its name says besides, as `plain` writes it.
    """

    column: str
    lookup: TargetField
    rest: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way to name the parents of a column.

    Attributes:
        target: as a spec writes it.
        parent: the object.
        field: of the parent; `Id` for record ids.
        is_named: whether the name of the column says the field.
        leads_home: whether rows are matched by the field, so that parents may be rows of the load.
    """

    column: str
    lookup: str
    target: str
    parent: str
    field: str
    is_named: bool = False
    leads_home: bool = False


@dataclass(frozen=True, slots=True)
class Parents:
    """What is known of the objects that lookups lead to.

    Attributes:
        described: by name.
        home: the target object, and the field that rows are matched by.
    """

    described: Mapping[str, TargetObject]
    home: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Looked:
    """How many of some values the org has as parents.

    Attributes:
        asked: the values that were looked at, the most frequent ones.
        beyond: how many more the column has.
    """

    asked: int
    found: int
    beyond: int = 0


def guesses(columns: Sequence[str], target: TargetObject) -> tuple[Sequence[Guess], dict[str, str]]:
    """Return the columns that are called like a lookup, and why others cannot name one."""
    found, left = list[Guess](), dict[str, str]()
    for column in columns:
        fitting = _likest(column, target)
        lookups = {guess.lookup.name: guess for guess in fitting}
        if len(lookups) > 1:
            left[column] = f"it may name the parents of {' or '.join(lookups)}"
        for guess in lookups.values() if len(lookups) == 1 else ():
            reason = obstacle(guess.lookup, "text")
            if reason is None:
                found.append(guess)
            elif guess.rest in TAILS:
                left[column] = reason
    return found, left


def _likest(column: str, target: TargetObject) -> Sequence[Guess]:
    """Return the lookups whose own name a column begins with, else those to such an object."""
    called = plain(column)
    lookups = [one for one in target.fields.values() if one.type == "reference"]
    for stems in (_own_stems, _kind_stems):
        fits = [
            (len(stem), Guess(column, lookup, called.removeprefix(stem)))
            for lookup in lookups
            for stem in stems(lookup)
            if stem and called.startswith(stem)
        ]
        if fits:
            longest = max(length for length, _ in fits)
            return [guess for length, guess in fits if length == longest]
    return ()


def _own_stems(lookup: TargetField) -> set[str]:
    name = plain(lookup.name)
    return {plain(lookup.relationship_name), name.removesuffix("id") or name}


def _kind_stems(lookup: TargetField) -> set[str]:
    return {plain(kind) for kind in lookup.reference_to} if len(lookup.reference_to) == 1 else set()


def guesses_by_key(
    columns: Sequence[str], target: TargetObject, parents: Mapping[str, TargetObject]
) -> Sequence[Guess]:
    """Return the columns that are called like a key of the parents of one lookup alone.

    A name that each object may have, such as Name or External_ID__c, says nothing of the parent.
    """
    found = [
        Guess(column, lookup, plain(field.name))
        for column in columns
        for lookup in called_by_key(target)
        for field in _keys(parents.get(lookup.reference_to[0]) or TargetObject(""), "")
        if plain(field.name) == plain(column) and plain(column) not in EVERYBODYS
    ]
    lookups = Counter(guess.column for guess in found)
    return [guess for guess in found if lookups[guess.column] == 1]


def called_by_key(target: TargetObject) -> Sequence[TargetField]:
    """Return the lookups whose parents a column may name by their key alone."""
    return [
        field
        for field in target.fields.values()
        if field.type == "reference"
        and len(field.reference_to) == 1
        and field.relationship_name not in NEVER_LOCKED
        and obstacle(field, "text") is None
    ]


def ways(guess: Guess, parents: Parents, values: Sequence[str]) -> Sequence[Way]:
    """Return the ways in which a column may name its parents, the likeliest first.

    A text of 18 signs with the right suffix is a record id; one of 15 may be one.
    """
    by_id = list[Way]()
    if values and all(map(is_record_id, values)):
        name = guess.lookup.name
        by_id = [Way(guess.column, name, name, kind, "Id") for kind in guess.lookup.reference_to]
        if any(len(value) > SHORT_ID for value in values):
            return by_id
    found = [
        _way(guess, parents.described[kind], field, parents.home)
        for kind in guess.lookup.reference_to
        if kind in parents.described
        for field in _keys(parents.described[kind], guess.rest)
    ]
    return [*sorted(found, key=lambda way: not way.is_named), *by_id]


def is_record_id(text: str) -> bool:
    """Tell whether a text can be a record id: an external id may be as long as one.

    >>> is_record_id("001Ov0000000001IAA"), is_record_id("externalOpp0000001")
    (True, False)
    """
    is_like = _RECORD_ID.fullmatch(text) is not None
    return is_like and long_id(text[:SHORT_ID]) == long_id(text)


def _keys(parent: TargetObject, rest: str) -> Iterator[TargetField]:
    """Yield the fields that records can be named by, external ids first, if the name allows it."""
    names = [one for one in parent.fields.values() if one.names_records and one.type in KEY_TYPES]
    for field in sorted(names, key=lambda one: not one.external_id):
        if rest in TAILS or rest == plain(field.name):
            yield field


def _way(guess: Guess, parent: TargetObject, field: TargetField, home: tuple[str, str]) -> Way:
    lookup = guess.lookup
    kind = f"{parent.name}:" if len(lookup.reference_to) > 1 else ""
    target = f"{kind}{lookup.relationship_name}.{field.name}"
    return Way(
        column=guess.column,
        lookup=lookup.name,
        target=target,
        parent=parent.name,
        field=field.name,
        is_named=guess.rest == plain(field.name),
        leads_home=(parent.name, field.name) == home,
    )


def settled(looked: Mapping[Way, Looked]) -> NameMatches:
    """Choose for each column the way by which the org has most of its values, and one a lookup."""
    chosen, left = list[tuple[Way, Looked]](), dict[str, str]()
    for column in dict.fromkeys(way.column for way in looked):
        own = {way: seen for way, seen in looked.items() if way.column == column}
        best = _best(own)
        if best is None:
            left[column] = _why_none(own)
        else:
            chosen.append((best, own[best]))
    taken, columns = dict[str, str](), list[MappedColumn]()
    for way, seen in sorted(chosen, key=lambda pair: -pair[1].found):
        if way.lookup in taken:
            left[way.column] = f"{way.lookup} is filled by {taken[way.lookup]}"
            continue
        taken[way.lookup] = way.column
        columns.append(MappedColumn(way.column, way.target, "reference", note=_note(way, seen)))
    return NameMatches(tuple(columns), left)


def _best(own: Mapping[Way, Looked]) -> Way | None:
    """Return the way with most values found.

    Without any it is the field that the name says, that rows are matched by, or that alone is left.
    """
    found = max(own, key=lambda way: (own[way].found, way.is_named))
    if own[found].found:
        return found
    by_key = [way for way in own if way.field != "Id"]
    named = [way for way in by_key if way.is_named]
    likely = named or [way for way in by_key if way.leads_home] or by_key
    return likely[0] if len(likely) == 1 else None


def _why_none(own: Mapping[Way, Looked]) -> str:
    asked = max(seen.asked for seen in own.values())
    named = " or ".join(dict.fromkeys(f"{way.parent}.{way.field}" for way in own))
    beyond = max(seen.beyond for seen in own.values())
    return f"none of {_looked_at(Looked(asked, 0, beyond))} is a {named} of the org"


def no_way(guess: Guess) -> str:
    """Return why a column that is called like a lookup cannot fill it."""
    kinds = " or ".join(guess.lookup.reference_to)
    return f"{guess.lookup.name} leads to {kinds}, which has no External ID that our user sees"


def _note(way: Way, seen: Looked) -> str:
    if not seen.asked:
        return "it has no values yet"
    if not seen.found:
        first = "rows of the same load may be" if way.leads_home else f"load {way.parent} first"
        return f"the org has none of {_looked_at(seen)}: {first}"
    return f"the org has {seen.found:,} of {_looked_at(seen)}"


def _looked_at(seen: Looked) -> str:
    """Say how many values were looked at; a column may have more.

    >>> _looked_at(Looked(9, 9)), _looked_at(Looked(50, 50, beyond=11))
    ('9 values looked at', '50 values looked at, of 61 in all')
    """
    of_all = f", of {seen.asked + seen.beyond:,} in all" if seen.beyond else ""
    return f"{seen.asked:,} values looked at{of_all}"
