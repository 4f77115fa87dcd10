"""Names of a SOQL query looked up in the schema, and the parameters of its SQL."""
# ruff: noqa: S608  names come from the schema file

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from dc_assets.emulator.engines.soql.tokens import fail
from dc_assets.emulator.engines.soql.tree import FieldRef
from dc_assets.emulator.schema import Field, ObjectType, Schema
from dc_assets.emulator.stores.duck import literal, quoted

CUSTOM_HINT = (
    "If you are attempting to use a custom {what}, be sure to append the '__c' after the "
    "{name} name. Please reference your WSDL or the describe call for the appropriate names."
)
NAME_FIELDS = ("Id", "Name", "Username", "Email", "Alias", "IsActive")
"""What an org shows of a record that a lookup to several objects points to, whatever it is."""

STEPS_MAX = 5
"""Relationships in one path."""

Path = tuple[str, ...]


@dataclass(slots=True)
class Scope:
    """One query being compiled: its object, the parents it joins, its parameters."""

    soql: str
    schema: Schema
    item: ObjectType
    alias: str = ""
    """The name the query gives its object."""
    joins: dict[Path, str] = field(default_factory=dict[Path, str])
    """The SQL of each parent that is joined, by the relationships that lead to it."""
    values: list[object] = field(default_factory=list[object])
    groups: frozenset[str] | None = None
    """SQL of what the rows are grouped by, while the conditions of groups are compiled."""

    def resolve(self, ref: FieldRef) -> tuple[str, Field, Path]:
        """The SQL of a field, the field, and its path with the names of the schema."""
        names = list(ref.path)
        if len(names) > 1 and names[0].lower() in {self.item.name.lower(), self.alias.lower()}:
            del names[0]
        item, joined, path = self.item, "t", ()
        for name in names[:-1]:
            reference = item.relation(name) if len(path) < STEPS_MAX else None
            if reference is None:
                self._no_relation(ref, name)
            item, joined, path = self._join(reference, joined, path)
        found = item.field(names[-1])
        if found is None:
            self._no_column(ref, names[-1], item)
        return found.read_sql(joined), found, (*path, found.name)

    def _join(self, reference: Field, from_alias: str, path: Path) -> tuple[ObjectType, str, Path]:
        """Join the parent that a reference of the record `from_alias` points to."""
        path = (*path, reference.relationship)
        alias = quoted("p." + ".".join(path))
        parents = self.schema.parents_of(reference)
        item, table = parents[0], quoted(parents[0].name)
        if reference.is_polymorphic:
            item = name_object(parents)
            table = f"({' UNION ALL '.join(_named_records(item, parent) for parent in parents)})"
        self.joins[path] = (
            f' LEFT JOIN {table} {alias} ON {alias}."Id" = {reference.read_sql(from_alias)}'
        )
        return item, alias, path

    def _no_relation(self, ref: FieldRef, name: str) -> NoReturn:
        text = f"Didn't understand relationship '{name}' in field path. "
        hint = CUSTOM_HINT.format(what="relationship", name="custom relationship")
        fail(self.soql, ref.at, text + hint.replace("__c", "__r"), "INVALID_FIELD")

    def _no_column(self, ref: FieldRef, name: str, item: ObjectType) -> NoReturn:
        hint = CUSTOM_HINT.format(what="field", name="custom field")
        text = f"No such column '{name}' on entity '{item.name}'. {hint}"
        fail(self.soql, ref.at, text, "INVALID_FIELD")

    def bind(self, value: object) -> str:
        """Keep a value as the next parameter; the answer is its place in the text."""
        self.values.append(value)
        return "?"

    def parents(self) -> list[tuple[str, Path]]:
        """The SQL of the id of each joined parent, and the relationships that lead to it."""
        return [(f'{quoted("p." + ".".join(path))}."Id"', path) for path in self.joins]


def name_object(parents: Sequence[ObjectType]) -> ObjectType:
    """What several objects have in common for a query: the object Name of an org."""
    fields: list[Field] = []
    for name in NAME_FIELDS:
        found = next((f for f in (parent.field(name) for parent in parents) if f), None)
        if found is not None:
            fields.append(replace(found, formula=""))
    kind = replace(fields[0], name="Type", label="Type", type="string")
    return replace(parents[0], name="Name", fields=(*fields, kind))


def _named_records(item: ObjectType, parent: ObjectType) -> str:
    """The records of one object as records of the object Name."""
    columns: list[str] = []
    for wanted in item.fields:
        found = parent.field(wanted.name)
        value = found.read_sql("s") if found is not None else f"CAST(NULL AS {wanted.sql_type()})"
        if wanted is item.fields[-1]:
            value = literal(parent.name)
        columns.append(f"{value} AS {quoted(wanted.name)}")
    return f"SELECT {', '.join(columns)} FROM {quoted(parent.name)} s"
