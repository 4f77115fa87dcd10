"""The objects of the org, read from data: code names no object, and only the system fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

PACKAGED = Path(__file__).with_name("schema.yaml")

TEXT_TYPES = frozenset(
    {"string", "textarea", "picklist", "id", "reference", "email", "phone", "url"}
)
NUMBER_TYPES = frozenset({"currency", "double", "percent", "int"})

SYSTEM_FIELDS: dict[str, dict[str, object]] = {
    "Id": {"type": "id", "length": 18, "required": True, "id_lookup": True},
    "IsDeleted": {"label": "Deleted", "type": "boolean"},
    "CreatedDate": {"label": "Created Date", "type": "datetime", "required": True},
    "LastModifiedDate": {"label": "Last Modified Date", "type": "datetime", "required": True},
    "SystemModstamp": {"label": "System Modstamp", "type": "datetime", "required": True},
}
"""Fields the org itself writes; each object has them first and last, no caller may set them."""


class SchemaError(Exception):
    """The schema file cannot be used; the text is one sentence for the person who started us."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object, with what the describe answer says of it."""

    name: str
    label: str
    type: str
    length: int
    precision: int
    scale: int
    required: bool
    writable: bool
    external_id: bool
    unique: bool
    case_sensitive: bool
    id_lookup: bool
    restricted: bool
    values: tuple[str, ...]
    refers_to: str
    relationship: str

    @property
    def is_text(self) -> bool:
        """Whether its values are text."""
        return self.type in TEXT_TYPES

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type in NUMBER_TYPES

    @property
    def has_key(self) -> bool:
        """Whether records are found by it, so that a hash of it is kept."""
        return self.external_id or self.type == "id"

    @property
    def key_column(self) -> str:
        """The hidden column with the hash of the field."""
        return f"_key_{self.name}"

    def sql_type(self) -> str:
        """The DuckDB type of its column."""
        if self.type in {"currency", "percent"}:
            return f"DECIMAL({self.precision},{self.scale})"
        return SQL_TYPES.get(self.type, "VARCHAR")

    def folded(self, expression: str) -> str:
        """SQL of a text made equal to each text this field takes as equal."""
        return expression if self.case_sensitive else f"lower({expression})"


SQL_TYPES = {
    "double": "DOUBLE",
    "int": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One sObject: its names and its fields in the order of the file."""

    name: str
    label: str
    plural: str
    key_prefix: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of this name in any case, or None."""
        wanted = name.lower()
        return next((field for field in self.fields if field.name.lower() == wanted), None)

    def relation(self, name: str) -> Field | None:
        """The reference field whose relationship has this name in any case, or None."""
        wanted = name.lower()
        return next((f for f in self.fields if f.relationship.lower() == wanted and wanted), None)

    @property
    def id_field(self) -> Field:
        """The field Id."""
        return self.fields[0]


@dataclass(frozen=True, slots=True)
class Schema:
    """All objects of the org."""

    objects: tuple[ObjectType, ...]

    def find(self, name: str) -> ObjectType | None:
        """The object of this name in any case, or None."""
        wanted = name.lower()
        return next((item for item in self.objects if item.name.lower() == wanted), None)

    def parent_of(self, field: Field) -> ObjectType:
        """The object a reference field points to."""
        parent = self.find(field.refers_to)
        if parent is None:
            raise SchemaError(f"{field.name} refers to {field.refers_to}, which is no object.")
        return parent


def load_schema(path: Path = PACKAGED) -> Schema:
    """Read a YAML or JSON schema file (JSON is YAML).

    Raises:
        SchemaError: the file cannot be read or says something else than the format allows.
    """
    try:
        loaded: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SchemaError(f"The schema file {path} cannot be read: {error}.") from error
    if not isinstance(loaded, dict) or "objects" not in loaded:
        raise SchemaError(f"The schema file {path} has no `objects`.")
    entries = cast("Mapping[str, Mapping[str, Any]]", loaded["objects"])
    try:
        schema = Schema(tuple(_object(name, entry) for name, entry in entries.items()))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise SchemaError(f"The schema file {path} is not in the format: {error!r}.") from error
    for item in schema.objects:
        for field in item.fields:
            if field.refers_to:
                schema.parent_of(field)
    return schema


def _object(name: str, entry: Mapping[str, Any]) -> ObjectType:
    first = {"Id": SYSTEM_FIELDS["Id"], "IsDeleted": SYSTEM_FIELDS["IsDeleted"]}
    last = {key: value for key, value in SYSTEM_FIELDS.items() if key not in first}
    own = cast("Mapping[str, Mapping[str, Any]]", entry["fields"])
    fields = (
        *(_field(key, value, writable=False) for key, value in first.items()),
        *(_field(key, value, writable=True) for key, value in own.items()),
        *(_field(key, value, writable=False) for key, value in last.items()),
    )
    label = str(entry.get("label", name))
    prefix = str(entry["key_prefix"])
    if len(prefix) != 3 or not prefix.isdigit():  # noqa: PLR2004  the length of a key prefix
        raise ValueError(f"key_prefix of {name} must be three digits")
    return ObjectType(name, label, str(entry.get("plural", f"{label}s")), prefix, fields)


def _field(name: str, entry: Mapping[str, Any], *, writable: bool) -> Field:
    kind = str(entry["type"])
    return Field(
        name=name,
        label=str(entry.get("label", name)),
        type=kind,
        length=int(entry.get("length", 18 if kind == "reference" else 0)),
        precision=int(entry.get("precision", 18 if kind in NUMBER_TYPES else 0)),
        scale=int(entry.get("scale", 0)),
        required=bool(entry.get("required", False)),
        writable=writable,
        external_id=bool(entry.get("external_id", False)),
        unique=bool(entry.get("unique", False)),
        case_sensitive=bool(entry.get("case_sensitive", kind in {"id", "reference"})),
        id_lookup=bool(entry.get("id_lookup", entry.get("external_id", False))),
        restricted=bool(entry.get("restricted", False)),
        values=tuple(str(value) for value in entry.get("values", ())),
        refers_to=str(entry.get("refers_to", "")),
        relationship=str(entry.get("relationship", "")),
    )
