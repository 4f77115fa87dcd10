"""Proposes the key column of the source and the external id field of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dc_assets.core.first_spec.names import is_keylike, plain
from dc_assets.core.first_spec.sides import Candidate, Choice, Distinctness, SourceSide
from dc_assets.core.target_fields import KEY_TYPES, TargetField, TargetObject

MEASURED_MAX = 20
"""Columns that are measured as keys by one query, the likeliest first."""


def external_ids(target: TargetObject) -> Sequence[TargetField]:
    """Return the fields that rows can be matched by: text that is an External ID, and ours to fill.

    A number comes back as 9.12E8; an encrypted field cannot be asked for.
    """
    return [
        field
        for field in target.fields.values()
        if field.external_id
        and field.type in KEY_TYPES
        and field.createable is not False
        and field.filterable is not False
        and not (field.encrypted or field.auto_number or field.calculated)
    ]


def key_columns(side: SourceSide, target: TargetObject) -> Sequence[str]:
    """Return the columns that are worth measuring, the likeliest first.

    In Data Cloud a key is text: ids are compared as text there. In files all is read as text, but a
    number is no key unless it is called like one.
    """
    wanted = {plain(field.name) for field in external_ids(target)}
    is_file = side.place.files is not None
    fitting = [
        name
        for name in side.columns
        if side.kinds[name] in {"text", "unknown"}
        or (is_file and side.kinds[name] == "number" and is_keylike(name))
    ]

    def likelihood(name: str) -> tuple[bool, bool, bool]:
        return (name not in side.primary_keys, plain(name) not in wanted, not is_keylike(name))

    return sorted(fitting, key=likelihood)[:MEASURED_MAX]


def external_id_choice(target: TargetObject, unique: Sequence[str]) -> Choice:
    """Propose the field that rows are matched by.

    Of several the one is clearly right that is called as one column whose values are unique.
    """
    fields = external_ids(target)
    called = {plain(name) for name in unique}
    named = [field.name for field in fields if plain(field.name) in called]
    return Choice(
        question=f"Which field of {target.name} are rows matched by?",
        option="--external-id",
        candidates=tuple(Candidate(field.name, fact_of(field)) for field in fields),
        best=named[0] if len(named) == 1 else None,
    )


def key_choice(side: SourceSide, measured: Mapping[str, Distinctness], external_id: str) -> Choice:
    """Propose the column that is the external id.

    Clearly right is the column that is called as the field, else the primary key, else the one that
    is called as keys are; each of them with a value of its own in every row.
    """
    unique = [name for name, found in measured.items() if found.is_unique]
    signs = (
        [name for name in unique if plain(name) == plain(external_id)],
        [name for name in unique if name in side.primary_keys],
        [name for name in unique if is_keylike(name)],
    )
    best = next((found[0] for found in signs if len(found) == 1), None)
    return Choice(
        question=f"Which column of {side.place.name} holds the id for {external_id}?",
        option="--key",
        candidates=tuple(Candidate(name, _key_fact(side, name, measured)) for name in unique),
        best=best,
    )


def nearest(measured: Mapping[str, Distinctness]) -> str:
    """Say which three columns come nearest to a key, where none is one."""
    ordered = sorted(measured.items(), key=lambda item: -item[1].distinct)[:3]
    return "; ".join(f"{name}: {found.fact}" for name, found in ordered)


def _key_fact(side: SourceSide, name: str, measured: Mapping[str, Distinctness]) -> str:
    primary = "primary key, " if name in side.primary_keys else ""
    return f"{primary}{measured[name].fact}"


def fact_of(field: TargetField) -> str:
    """Return type and size of a field for people, and whether it is unique.

    >>> fact_of(TargetField("Key__c", "string", length=40, external_id=True, unique=True))
    'text (40), unique'
    """
    kind = {"string": "text", "double": "number"}.get(field.type, field.type)
    if field.precision and field.scale is not None:
        kind = f"{kind} ({field.precision},{field.scale})"
    elif field.length and field.type in KEY_TYPES:
        kind = f"{kind} ({field.length:,})"
    if not field.external_id:
        return kind
    return f"{kind}, {'unique' if field.unique else 'not unique: tick Unique in the org'}"
