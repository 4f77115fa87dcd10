"""Names of a SOQL query looked up in the schema, and the parameters of its SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from dc_assets.emulator.engines.soql_ast import FieldRef
from dc_assets.emulator.engines.soql_tokens import fail
from dc_assets.emulator.schema import Field, ObjectType, Schema
from dc_assets.emulator.stores.duck import quoted

CUSTOM_HINT = (
    "If you are attempting to use a custom {what}, be sure to append the '__c' after the "
    "{name} name. Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(slots=True)
class Scope:
    """One query being compiled: its object, the parents it joins, its parameters."""

    soql: str
    schema: Schema
    item: ObjectType
    joins: dict[str, str] = field(default_factory=dict[str, str])
    joined: dict[str, Field] = field(default_factory=dict[str, Field])
    values: list[object] = field(default_factory=list[object])

    def resolve(self, ref: FieldRef) -> tuple[str, Field, tuple[str, ...]]:
        """The SQL of a field, the field, and its path with the names of the schema."""
        path = ref.path[1:] if ref.path[0].lower() == self.item.name.lower() else ref.path
        if len(path) == 1:
            found = self.item.field(path[0])
            if found is None:
                self._no_column(ref, path[0], self.item)
            return f"t.{quoted(found.name)}", found, (found.name,)
        return self._parent_field(ref, path)

    def _parent_field(
        self, ref: FieldRef, path: tuple[str, ...]
    ) -> tuple[str, Field, tuple[str, ...]]:
        names = list(path)
        reference = self.item.relation(names[0]) if len(names) == 2 else None  # noqa: PLR2004
        if reference is None:
            text = f"Didn't understand relationship '{names[0] if names else ''}' in field path. "
            hint = CUSTOM_HINT.format(what="relationship", name="custom relationship")
            fail(self.soql, ref.at, text + hint.replace("__c", "__r"), "INVALID_FIELD")
        parent = self.schema.parent_of(reference)
        found = parent.field(names[1])
        if found is None:
            self._no_column(ref, names[1], parent)
        alias = f"p_{reference.name}"
        self.joins[alias] = (
            f' LEFT JOIN {quoted(parent.name)} {quoted(alias)} ON {quoted(alias)}."Id" = '
            f"t.{quoted(reference.name)}"
        )
        self.joined[alias] = reference
        name = (reference.relationship, found.name)
        return f"{quoted(alias)}.{quoted(found.name)}", found, name

    def _no_column(self, ref: FieldRef, name: str, item: ObjectType) -> NoReturn:
        hint = CUSTOM_HINT.format(what="field", name="custom field")
        text = f"No such column '{name}' on entity '{item.name}'. {hint}"
        fail(self.soql, ref.at, text, "INVALID_FIELD")

    def bind(self, value: object) -> str:
        """Keep a value as the next parameter; the answer is its place in the text."""
        self.values.append(value)
        return "?"

    def parents(self) -> list[tuple[str, str, str]]:
        """Each joined parent: its alias, its object, its relationship."""
        return [(alias, f.refers_to, f.relationship) for alias, f in self.joined.items()]
