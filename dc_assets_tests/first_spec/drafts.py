"""Targets, sources and drafts of the tests, as data."""

from __future__ import annotations

from collections.abc import Mapping

from dc_assets.core.first_spec.draft import Draft, lane_choice
from dc_assets.core.first_spec.mapping import MappedColumn
from dc_assets.core.first_spec.sides import SourcePlace, SourceSide
from dc_assets.core.target_fields import TargetField, TargetObject
from dc_assets.core.value_kinds import ValueKind


def field(name: str, type_: str = "string", **more: object) -> TargetField:
    """Return a field that our user may write, unless ``more`` says otherwise."""
    told = {"createable": True, "updateable": True, "nillable": True, "defaulted_on_create": False}
    return TargetField(name, type_, **{**told, **more})  # type: ignore[arg-type]


def key(name: str, type_: str = "string", **more: object) -> TargetField:
    """Return an External ID."""
    return field(name, type_, **{"external_id": True, "id_lookup": True, "unique": True, **more})


def lookup(name: str, *kinds: str, relationship: str = "", **more: object) -> TargetField:
    """Return a lookup to some objects."""
    way = relationship or name.removesuffix("Id").replace("__c", "__r")
    return field(name, "reference", reference_to=kinds, relationship_name=way, **more)


def thing(*fields: TargetField, name: str = "Thing__c") -> TargetObject:
    """Return an object with some fields."""
    return TargetObject(name, {one.name: one for one in fields})


def dmo(kinds: Mapping[str, ValueKind] | tuple[str, ...], *primary_keys: str) -> SourceSide:
    """Return an object of Data Cloud; columns without a kind hold text."""
    told = kinds if isinstance(kinds, Mapping) else dict.fromkeys(kinds, "text")
    return SourceSide(SourcePlace(object="Things__dlm"), told, primary_keys)  # type: ignore[arg-type]


def files(kinds: Mapping[str, ValueKind]) -> SourceSide:
    """Return a file."""
    return SourceSide(SourcePlace(files="/data/things.csv"), kinds)


def draft(*columns: tuple[str, str], files: str = "/data/x.csv", **more: object) -> Draft:
    """Return a draft whose first column is the key."""
    mapped = tuple(MappedColumn(source, target) for source, target in columns)
    target = thing(key(columns[0][1]), *(field(name) for _, name in columns[1:]))
    told: dict[str, object] = {
        "name": "things",
        "place": SourcePlace(files=files),
        "key": columns[0][0],
        "key_fact": "3 rows",
        "target": target,
        "external_id": columns[0][1],
        "columns": mapped,
        "left": {},
        "lanes": lane_choice(mapped, {}),
        "parent": None,
    }
    return Draft(**{**told, **more})  # type: ignore[arg-type]
