"""What the org says of the fields that a load fills: the facts of describe, as plain data.

Source: sObject Describe, REST API Developer Guide. What describe leaves out is None, 0 or empty
here, and proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

KEY_TYPES = frozenset({"string", "email", "phone", "url", "textarea", "encryptedstring"})
"""Types whose values come back as they were sent; an External ID is Text or Email of these."""


@dataclass(frozen=True, slots=True)
class TargetPath:
    """The name of a column's target, taken apart: ``[Kind:][Relationship.]Field``.

    Attributes:
        kind: the object that a lookup to several kinds leads to, "" if the target does not say it.
        relationship: "" for a field of the object itself.
        field: the field, of the parent when there is a relationship.
    """

    kind: str
    relationship: str
    field: str

    @classmethod
    def of(cls, target: str) -> TargetPath:
        """Take a target apart.

        >>> TargetPath.of("User:Owner.Username")
        TargetPath(kind='User', relationship='Owner', field='Username')
        >>> TargetPath.of("Name")
        TargetPath(kind='', relationship='', field='Name')
        """
        relationship, dot, field_name = target.partition(".")
        if not dot:
            return cls("", "", target)
        kind, colon, name = relationship.partition(":")
        return cls(kind, name, field_name) if colon else cls("", relationship, field_name)

    @property
    def queried(self) -> str:
        """The name in SOQL, which knows no kinds.

        >>> TargetPath.of("User:Owner.Username").queried
        'Owner.Username'
        """
        return f"{self.relationship}.{self.field}" if self.relationship else self.field


def flaw(target: str) -> str | None:
    """Return what is wrong with a target that has a colon; None for a right one.

    >>> flaw("Owner:Username") is None, flaw("User:Owner.Username") is None
    (False, True)
    """
    if ":" not in target or re.fullmatch(r"\w+:\w+\.\w+", target, re.ASCII):
        return None
    return (
        f"{target!r} has a colon: a lookup that may lead to several objects is "
        "Kind:Relationship.Field, such as User:Owner.Username"
    )


@dataclass(frozen=True, slots=True)
class TargetField:
    """One field of an object, as our user sees it.

    Attributes:
        type: as describe writes it, such as string, double, currency, reference.
        length: most characters of a text, 0 if that does not bound it.
        precision: digits of a number in all; `scale` of them stand behind the point. Both are None
            where describe does not say them.
        restricted_values: the active values of a restricted picklist; empty if any is taken.
        reference_to: the objects that a lookup may lead to.
    """

    name: str
    type: str = ""
    length: int = 0
    precision: int | None = None
    scale: int | None = None
    createable: bool | None = None
    updateable: bool | None = None
    nillable: bool | None = None
    defaulted_on_create: bool | None = None
    calculated: bool | None = None
    auto_number: bool | None = None
    external_id: bool | None = None
    id_lookup: bool | None = None
    unique: bool | None = None
    case_sensitive: bool | None = None
    filterable: bool | None = None
    groupable: bool | None = None
    encrypted: bool | None = None
    restricted_values: tuple[str, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship_name: str = ""

    @property
    def is_required(self) -> bool:
        """Whether a new record is refused without a value for it."""
        return (
            bool(self.createable) and self.nillable is False and self.defaulted_on_create is False
        )

    @property
    def names_records(self) -> bool:
        """Whether another record may be named by a value of it."""
        return bool(self.external_id) or bool(self.id_lookup)


@dataclass(frozen=True, slots=True)
class TargetObject:
    """An object of the org, with the fields that our user sees.

    Attributes:
        createable: whether our user may create records of it; None where describe does not say.
        updateable: whether it may edit them, likewise.
    """

    name: str
    fields: Mapping[str, TargetField] = field(default_factory=dict[str, TargetField])
    createable: bool | None = None
    updateable: bool | None = None

    def lookup(self, relationship: str) -> TargetField | None:
        """Return the field whose relationship has a name."""
        found = (one for one in self.fields.values() if one.relationship_name == relationship)
        return next(found, None) if relationship else None

    def unfilled(self, filled: AbstractSet[str]) -> Sequence[str]:
        """Return required fields that are not among the filled ones, by field or relationship."""
        return [
            name
            for name, one in self.fields.items()
            if one.is_required and not {name, one.relationship_name} & filled
        ]


@dataclass(frozen=True, slots=True)
class FilledField:
    """What one column of a spec fills.

    Attributes:
        field: the field of the target object; for a relationship its lookup. None if our user sees
            none.
        parent: the object that a relationship leads to, None without one or if it is not seen.
        parent_field: the field by which the parent is named.
    """

    path: TargetPath
    field: TargetField | None
    parent: TargetObject | None = None
    parent_field: TargetField | None = None


@dataclass(frozen=True, slots=True)
class TargetDescription:
    """The target object and the parents that relationship columns name, read once a run.

    Attributes:
        parents: by name; those that our user does not see are left out.
    """

    object: TargetObject
    parents: Mapping[str, TargetObject] = field(default_factory=dict[str, TargetObject])

    def filled_by(self, target: str) -> FilledField:
        """Return what the target of a column names.

        Of several kinds without a named one, the first that has the field is taken.
        """
        path = TargetPath.of(target)
        if not path.relationship:
            return FilledField(path, self.object.fields.get(path.field))
        lookup = self.object.lookup(path.relationship)
        kinds: Sequence[str] = () if lookup is None else lookup.reference_to
        seen = [
            self.parents[kind] for kind in kinds if kind in self.parents and path.kind in {"", kind}
        ]
        fitting = (parent for parent in seen if path.field in parent.fields)
        parent = next(fitting, seen[0] if seen else None)
        return FilledField(path, lookup, parent, parent and parent.fields.get(path.field))

    def leads_home(self, target: str) -> bool:
        """Tell whether a column names a record of the target object itself."""
        parent = self.filled_by(target).parent
        return parent is not None and parent.name == self.object.name

    def has_case(self, target: str) -> bool:
        """Tell whether values of a field that differ in case only are two values to the org."""
        field = self.field_of(target)
        return field is not None and bool(field.case_sensitive)

    def locked_by(self, parent_target: str | None) -> str | None:
        """Return the object whose records are locked with rows that a column names a parent of."""
        if not parent_target:
            return None
        filled = self.filled_by(parent_target)
        if filled.parent is not None:
            return filled.parent.name
        if filled.field is None or filled.path.relationship:
            return None
        return next(iter(filled.field.reference_to), None)  # it is filled with record ids

    def field_of(self, target: str) -> TargetField | None:
        """Return the field whose values a column carries: of the parent for a relationship."""
        filled = self.filled_by(target)
        return filled.parent_field if filled.path.relationship else filled.field


UNDESCRIBED = TargetDescription(TargetObject(""))
"""An org that says nothing of its fields."""
