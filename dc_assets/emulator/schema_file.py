"""Read a schema file: objects, fields, records of the start, the profile of the user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import yaml

from dc_assets.emulator.ids import USER_ID
from dc_assets.emulator.profile import ProfileError, profile_of
from dc_assets.emulator.schema import NAMED, NUMBER_TYPES, Field, ObjectType, Schema, SchemaError

PACKAGED = Path(__file__).with_name("schema.yaml")
STANDARD = Path(__file__).with_name("standard.yaml")
"""Objects of the org itself, which each schema has."""

USER = {"type": "reference", "refers_to": "User", "writable": False, "required": True}
FIRST_FIELDS: dict[str, dict[str, object]] = {
    "Id": {"type": "id", "length": 18, "required": True, "id_lookup": True, "writable": False},
    "IsDeleted": {"label": "Deleted", "type": "boolean", "writable": False},
}
OWNER: dict[str, object] = {
    "label": "Owner ID",
    "type": "reference",
    "refers_to": ["Group", "User"],
    "relationship": "Owner",
    "required": True,
    "default": USER_ID,
}
STAMP = {"type": "datetime", "required": True, "writable": False, "groupable": False}
LAST_FIELDS: dict[str, dict[str, object]] = {
    "CreatedDate": {"label": "Created Date", **STAMP},
    "CreatedById": {**USER, "relationship": "CreatedBy", "formula": f"'{USER_ID}'"},
    "LastModifiedDate": {"label": "Last Modified Date", **STAMP},
    "LastModifiedById": {**USER, "relationship": "LastModifiedBy", "formula": f"'{USER_ID}'"},
    "SystemModstamp": {"label": "System Modstamp", **STAMP},
}
"""Fields the org itself writes; each object has them first and last, no caller may set them."""

FIELD_KEYS = frozenset(
    {"label", "type", "length", "precision", "scale", "digits", "required", "values", "restricted"}
    | {"external_id", "unique", "case_sensitive", "id_lookup", "refers_to", "relationship"}
    | {"createable", "updateable", "filterable", "groupable", "sortable", "encrypted"}
    | {"calculated", "formula", "auto_number", "default", "writable"}
)
OBJECT_KEYS = frozenset({"label", "plural", "key_prefix", "fields", "records", "owner", "setup"})

LONG_TEXT: Final = 255
"""A text area of more characters is kept where no index reaches it."""

UNGROUPED = NUMBER_TYPES - {"int"} | {"datetime", "multipicklist"}
PREFIX = re.compile("[0-9A-Za-z]{3}")
NUMBER_FORM = re.compile(r"([^{}]*)\{(0+)\}([^{}]*)")


def load_schema(path: Path = PACKAGED, *, trims: bool = False, production: bool = False) -> Schema:
    """Read a YAML or JSON schema file (JSON is YAML), and add the objects of each org.

    Args:
        path: the file.
        trims: whether the org drops blanks around the texts it stores.
        production: whether the org is no sandbox.

    Raises:
        SchemaError: the file cannot be read or says something else than the format allows.
    """
    loaded = _loaded(path)
    own = cast("Mapping[str, Mapping[str, Any]]", loaded["objects"])
    entries = {**own, **{name: item for name, item in _standard().items() if name not in own}}
    try:
        if production:
            entries["Organization"] = _of_production(entries["Organization"])
        objects = tuple(_object(name, entry, trims=trims) for name, entry in entries.items())
        _check(objects)
        return Schema(objects, profile_of(loaded.get("profile", {})))
    except (TypeError, KeyError, ValueError, AttributeError, ProfileError) as error:
        reason = error if isinstance(error, ValueError | ProfileError) else repr(error)
        raise SchemaError(f"The schema file {path} is not in the format: {reason}.") from error


def _of_production(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    records = [{**record, "IsSandbox": False} for record in entry.get("records", ())]
    return {**entry, "records": records}


def _loaded(path: Path) -> Mapping[str, Any]:
    try:
        loaded: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SchemaError(f"The schema file {path} cannot be read: {error}.") from error
    if not isinstance(loaded, dict) or "objects" not in loaded:
        raise SchemaError(f"The schema file {path} has no `objects`.")
    return cast("Mapping[str, Any]", loaded)


@cache
def _standard() -> Mapping[str, Mapping[str, Any]]:
    return cast("Mapping[str, Mapping[str, Any]]", _loaded(STANDARD)["objects"])


def _object(name: str, entry: Mapping[str, Any], *, trims: bool) -> ObjectType:
    _check_names(name, entry, OBJECT_KEYS)
    prefix = str(entry["key_prefix"])
    if not PREFIX.fullmatch(prefix):
        raise ValueError(f"key_prefix of {name} must be three letters or digits")
    own = cast("Mapping[str, Mapping[str, Any]]", entry["fields"])
    entries = dict(FIRST_FIELDS)
    if entry.get("owner", not entry.get("setup", False)):
        entries["OwnerId"] = OWNER
    # A field of the file stands in the place of ours that has its name.
    entries = {key: value for key, value in entries.items() if key not in own} | dict(own)
    entries |= {key: value for key, value in LAST_FIELDS.items() if key not in own}
    fields = tuple(_field(key, value, trims=trims) for key, value in entries.items())
    label = str(entry.get("label", name))
    return ObjectType(
        name=name,
        label=label,
        plural=str(entry.get("plural", f"{label}s")),
        key_prefix=prefix,
        fields=fields,
        records=tuple(tuple(record.items()) for record in entry.get("records", ())),
        is_setup=bool(entry.get("setup", False)),
    )


def _check_names(name: str, entry: Mapping[str, Any], known: frozenset[str]) -> None:
    for key in entry:
        if key not in known:
            raise ValueError(f"{name} has the unknown entry {key}")


def _field(name: str, entry: Mapping[str, Any], *, trims: bool) -> Field:
    _check_names(name, entry, FIELD_KEYS)
    kind, length = str(entry["type"]), int(entry.get("length", 0))
    formula, number = str(entry.get("formula", "")), str(entry.get("auto_number", ""))
    if number and not NUMBER_FORM.fullmatch(number):
        raise ValueError(f"auto_number of {name} must be like A-{{0000}}")
    encrypted = bool(entry.get("encrypted", False)) or kind == "encryptedstring"
    is_long = kind == "textarea" and length > LONG_TEXT
    is_found = not encrypted and not is_long
    writable = bool(entry.get("writable", not formula and not number))
    refers_to = entry.get("refers_to", ())
    external_id = bool(entry.get("external_id", False))
    return Field(
        name=name,
        label=str(entry.get("label", name)),
        type=kind,
        length=length or (18 if kind == "reference" else 0),
        precision=int(entry.get("precision", 18 if kind in NUMBER_TYPES else 0)),
        scale=int(entry.get("scale", 0)),
        required=bool(entry.get("required", False)),
        createable=bool(entry.get("createable", writable)),
        updateable=bool(entry.get("updateable", writable)),
        external_id=external_id,
        unique=bool(entry.get("unique", False)),
        case_sensitive=bool(entry.get("case_sensitive", kind in {"id", "reference"})),
        id_lookup=bool(entry.get("id_lookup", external_id)),
        restricted=bool(entry.get("restricted", False)),
        encrypted=encrypted,
        calculated=bool(entry.get("calculated", bool(formula) and name.endswith("__c"))),
        filterable=bool(entry.get("filterable", is_found)),
        groupable=bool(
            entry.get("groupable", is_found and kind not in UNGROUPED and not _is_formula(entry))
        ),
        sortable=bool(entry.get("sortable", is_found and kind != "multipicklist")),
        values=tuple(str(value) for value in entry.get("values", ())),
        refers_to=(refers_to,) if isinstance(refers_to, str) else tuple(refers_to),
        relationship=str(entry.get("relationship", "")),
        formula=formula,
        auto_number=number,
        default=str(entry.get("default", "")),
        trims=trims and kind not in {"id", "reference", "picklist", "multipicklist"},
    )


def _is_formula(entry: Mapping[str, Any]) -> bool:
    """Whether users made the formula: what the org computes of itself can be grouped."""
    return "formula" in entry and bool(entry.get("calculated", "writable" not in entry))


def _check(objects: tuple[ObjectType, ...]) -> None:
    """See that key prefixes are one object's alone, and that each name is known.

    Raises:
        ValueError: they are not.
    """
    names = {item.name for item in objects}
    if len({item.key_prefix for item in objects}) < len(objects):
        raise ValueError("two objects have one key_prefix")
    for item in objects:
        for field in item.fields:
            for parent in field.refers_to:
                if parent not in names:
                    raise ValueError(f"{field.name} refers to {parent}, which is no object")
            _check_stored(item, NAMED.findall(field.formula), f"the formula of {field.name}")
        for record in item.records:
            _check_stored(item, [name for name, _ in record], f"a record of {item.name}")


def _check_stored(item: ObjectType, names: Iterable[str], where: str) -> None:
    stored = {field.name for field in item.fields if field.is_stored}
    for name in names:
        if name not in stored:
            raise ValueError(f"{where} names {name}, which is no stored field of {item.name}")
