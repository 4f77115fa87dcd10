"""The objects of the org and what its user sees of them: code names no object."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from dc_assets.emulator.profile import Profile, ProfileError

TEXT_TYPES = frozenset(
    {"string", "textarea", "picklist", "multipicklist", "combobox", "encryptedstring"}
    | {"id", "reference", "email", "phone", "url"}
)
NUMBER_TYPES = frozenset({"currency", "double", "percent", "int"})
NULL_MARK = "#N/A"
"""The cell of an upload that says null; an empty one says nothing."""
NAMED = re.compile(r"\{(\w+)\}")
"""A field in a formula."""


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
    createable: bool
    updateable: bool
    external_id: bool
    unique: bool
    case_sensitive: bool
    id_lookup: bool
    restricted: bool
    encrypted: bool
    calculated: bool
    filterable: bool
    groupable: bool
    sortable: bool
    values: tuple[str, ...]
    refers_to: tuple[str, ...]
    relationship: str
    formula: str
    """SQL of a value that is computed when it is read, with fields of the record in braces."""
    auto_number: str
    """The form of a number the org draws, such as ``A-{0000}``."""
    default: str
    """The value of a record that was created without one."""
    trims: bool
    """Whether blanks around a text are dropped when it is stored."""

    @property
    def is_text(self) -> bool:
        """Whether its values are text."""
        return self.type in TEXT_TYPES

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type in NUMBER_TYPES

    @property
    def is_stored(self) -> bool:
        """Whether it has a column; a formula has none."""
        return not self.formula

    @property
    def is_polymorphic(self) -> bool:
        """Whether it may point to records of several objects."""
        return len(self.refers_to) > 1

    @property
    def writable(self) -> bool:
        """Whether a caller may set it on some occasion."""
        return self.createable or self.updateable

    @property
    def is_defaulted(self) -> bool:
        """Whether the org gives it a value when the caller gives none."""
        return bool(self.default) or self.type == "boolean" or not self.createable

    @property
    def is_aggregatable(self) -> bool:
        """Whether COUNT and its like take it."""
        return self.type not in {"boolean", "multipicklist"} and self.filterable

    @property
    def has_key(self) -> bool:
        """Whether records are found by it."""
        return self.is_stored and (self.external_id or self.id_lookup or self.type == "id")

    def sql_type(self) -> str:
        """The DuckDB type of its column."""
        if self.type in {"currency", "percent"}:
            return f"DECIMAL({self.precision},{self.scale})"
        return SQL_TYPES.get(self.type, "VARCHAR")

    def default_sql(self) -> str:
        """SQL of the value of a record that was created without one."""
        if self.type == "boolean":
            return "true" if self.default.lower() == "true" else "false"
        text = "'" + self.default.replace("'", "''") + "'"
        return f"CAST({text} AS {self.sql_type()})" if self.default else "NULL"

    def folded(self, expression: str) -> str:
        """SQL of a value made equal to each value this field takes as equal."""
        if self.is_number:
            return f"TRY_CAST({expression} AS DOUBLE)"
        text = f"trim({expression}, {BLANKS})" if self.trims else expression
        return text if self.case_sensitive else f"lower({text})"

    def read_sql(self, alias: str) -> str:
        """SQL of its value in the record that is called `alias`, a quoted name."""
        if self.is_stored:
            return f'{alias}."{self.name}"'
        value = NAMED.sub(lambda match: f'{alias}."{match.group(1)}"', self.formula)
        return f"CAST({value} AS {self.sql_type()})"


BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
SQL_TYPES = {
    "double": "DOUBLE",
    "int": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One sObject: its names and its fields in the order of the file.

    ``records`` are those it begins with. ``is_setup`` says that it belongs to the org itself, as
    its users do: nothing is loaded into it.
    """

    name: str
    label: str
    plural: str
    key_prefix: str
    fields: tuple[Field, ...]
    records: tuple[tuple[tuple[str, object], ...], ...] = ()
    is_setup: bool = False
    denied: frozenset[str] = frozenset()
    """What the user may not do with its records: create, edit."""

    def may(self, deed: str) -> bool:
        """Whether the user may do something with its records."""
        return not self.is_setup and deed not in self.denied

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


@dataclass(slots=True)
class Schema:
    """All objects of the org, and what its user sees of them.

    Args:
        stored: the objects as they are.
        first_profile: what the user may not see or write at the start and after a reset.
    """

    stored: tuple[ObjectType, ...]
    first_profile: Profile = field(default_factory=Profile)
    profile: Profile = field(init=False)
    objects: tuple[ObjectType, ...] = field(init=False)
    """The objects as the user sees them."""

    def __post_init__(self) -> None:
        """Begin with the first profile."""
        self.restore()

    def restore(self) -> None:
        """Take the first profile again."""
        self.take(self.first_profile)

    def take(self, profile: Profile) -> None:
        """Let the user see what a profile lets him see.

        Raises:
            ProfileError: it names what is not there, or hides what an org never hides.
        """
        seen = tuple(_seen(item, profile) for item in self.stored)
        for name in profile.objects():
            if _named(self.stored, name) is None:
                raise ProfileError(f"There is no object {name}, which the profile names.")
        self.profile, self.objects = profile, seen

    def find(self, name: str) -> ObjectType | None:
        """The object of this name in any case as the user sees it, or None."""
        return _named(self.objects, name)

    def whole(self, name: str) -> ObjectType | None:
        """The object of this name in any case with all its fields, or None."""
        return _named(self.stored, name)

    def of_id(self, record_id: str) -> ObjectType | None:
        """The object whose records have ids like this one, or None."""
        return next((item for item in self.stored if item.key_prefix == record_id[:3]), None)

    def parents_of(self, reference: Field) -> tuple[ObjectType, ...]:
        """The objects a reference field points to."""
        found = [self.find(name) for name in reference.refers_to]
        return tuple(item for item in found if item is not None)

    def parent_of(self, reference: Field) -> ObjectType:
        """The one object a reference field that is not polymorphic points to."""
        return self.parents_of(reference)[0]


def _named(objects: tuple[ObjectType, ...], name: str) -> ObjectType | None:
    wanted = name.lower()
    return next((item for item in objects if item.name.lower() == wanted), None)


def _seen(item: ObjectType, profile: Profile) -> ObjectType:
    hidden, read_only = profile.hidden_of(item.name), profile.read_only_of(item.name)
    denied = profile.denied_of(item.name)
    if not hidden and not read_only:
        return replace(item, denied=denied) if denied else item
    by_name = {entry.name.lower(): entry for entry in item.fields}
    for name in sorted(hidden | read_only):
        entry = by_name.get(name)
        if entry is None:
            raise ProfileError(f"The object {item.name} has no field {name} to hide or to lock.")
        if entry.required or not entry.writable:
            raise ProfileError(
                f"The field {entry.name} of {item.name} is required or belongs to the org: no "
                "profile hides or locks it."
            )
    kept = (entry for entry in item.fields if entry.name.lower() not in hidden)
    locked = tuple(
        replace(entry, createable=False, updateable=False)
        if entry.name.lower() in read_only
        else entry
        for entry in kept
    )
    return replace(item, fields=locked, denied=denied)
