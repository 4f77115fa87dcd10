"""Rules for each column of a spec, by what describe and the source say of it.

Source: sObject Describe, REST API Developer Guide; "Relationship Fields in a Header Row" and
"Polymorphic" of the Bulk API 2.0 Developer Guide v66.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.core.target_fields import FilledField, TargetDescription, TargetField
from dc_assets.core.value_kinds import (
    OF_SPEC,
    OF_TARGET,
    ValueKind,
    is_possible,
    is_typed,
    right_type,
)
from dc_assets.load.preflight.findings import Advice, Finding, meant

KEYS_NAMED = 3
NO_FIELD = TargetField("")


@dataclass(frozen=True, slots=True)
class Mapped:
    """One column, with what both sides say of it."""

    spec: LoadSpec
    column: ColumnSpec
    described: TargetDescription
    filled: FilledField
    source_kind: ValueKind

    @property
    def field(self) -> TargetField:
        """The field that is written: the lookup, for a relationship."""
        return self.filled.field or NO_FIELD

    @property
    def parent_field(self) -> TargetField:
        """The field by which a parent is named."""
        return self.filled.parent_field or NO_FIELD

    @property
    def only_updates(self) -> bool:
        """Whether the load creates no record."""
        return self.spec.target.operation == "update"

    @property
    def is_reference(self) -> bool:
        """Whether the column names parents by a field of theirs."""
        return bool(self.filled.path.relationship)

    @property
    def kinds(self) -> Sequence[str]:
        """The objects that the lookup may lead to."""
        return self.field.reference_to

    @property
    def target_kind(self) -> ValueKind:
        """The kind of the values that the field takes."""
        return "text" if self.is_reference else OF_TARGET.get(self.field.type, "unknown")

    @property
    def spec_kind(self) -> ValueKind:
        """The kind that the spec says."""
        return OF_SPEC[self.column.type]

    def words(self) -> Mapping[str, str]:
        """Return what a rule may say of the column."""
        path, field = self.filled.path, self.field
        target, parent = self.described.object, self.filled.parent
        relations = [one.relationship_name for one in target.fields.values()]
        keys = [one.name for one in parent.fields.values() if _is_key(one)] if parent else []
        kind = parent.name if parent else self.kinds[0] if self.kinds else ""
        named = f"{path.relationship}.{path.field}"
        return {
            "object": target.name,
            "target": self.column.target,
            "field": f"{target.name}.{field.name or path.field}",
            "type": field.type,
            "relationship": path.relationship,
            "kind": path.kind,
            "kinds": " or ".join(self.kinds),
            "with_kind": f"{kind}:{named}",
            "without_kind": named,
            "parent": parent.name if parent else " or ".join(self.kinds),
            "parent_field": path.field,
            "keys": ", ".join(f"{path.relationship}.{key}" for key in keys[:KEYS_NAMED])
            or f"{field.name} (record ids)",
            "meant": meant(path.field, target.fields),
            "meant_relationship": meant(path.relationship, filter(None, relations)),
            "meant_parent_field": meant(path.field, parent.fields if parent else ()),
            "spec_type": self.column.type,
            "source": self.column.source,
            "source_kind": self.source_kind,
            "line": column_line(self.column, field, is_reference=self.is_reference),
        }


def _is_key(field: TargetField) -> bool:
    return field.names_records and field.name != "Id"


def column_line(column: ColumnSpec, field: TargetField, *, is_reference: bool = False) -> str:
    """Return the line of a column with the type that its field wants, ready to paste."""
    kind = "reference" if is_reference else right_type(field.type) or column.type
    settings: dict[str, object] = {"source": column.source, "target": column.target, "type": kind}
    rest = column.model_dump(mode="json", exclude_defaults=True, exclude={"type", *settings})
    if OF_SPEC[kind] != "number":
        rest.pop("scale", None)
    shown = (f"{name}: {_plain(value)}" for name, value in {**settings, **rest}.items())
    return f"- {{ {', '.join(shown)} }}"


def _plain(value: object) -> str:
    text = str(value)
    return text if text.replace("_", "").replace(".", "").isalnum() else json.dumps(text)


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One thing that may be wrong with a column; the texts are filled with `Mapped.words`."""

    advice: Advice
    is_broken: Callable[[Mapped], bool]
    reason: str
    remedy: str
    bars: bool = False


EXISTENCE = (
    ColumnRule(
        Advice.STOP,
        lambda at: not at.is_reference and at.filled.field is None,
        "{object} has no field {target} that our user can see{meant}",
        "Correct the column, or let the integration user see the field (field-level security).",
        bars=True,
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.is_reference and not at.kinds,
        "{object} has no relationship {relationship}{meant_relationship}",
        "Correct the column {target}: Relationship.ExternalIdField, without Id or __c.",
        bars=True,
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: bool(at.filled.path.kind) and at.filled.path.kind not in at.kinds,
        "{relationship} of {object} leads to {kinds}, not to {kind}.",
        "Correct the column {target}.",
        bars=True,
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.is_reference and at.filled.parent_field is None,
        "{parent} has no field {parent_field} that our user can see{meant_parent_field}",
        "Correct the column {target}, or let the integration user see the field.",
        bars=True,
    ),
)
"""The first that is broken is said; then nothing more can be known of the column."""

REFERENCES = (
    ColumnRule(
        Advice.STOP,
        lambda at: (
            at.is_reference
            and at.parent_field.external_id is False
            and at.parent_field.id_lookup is False
        ),
        "{target} names parents by a field that is no key: field {parent_field} of {parent} is no "
        "external id and no idLookup.",
        "Name them by {keys}.",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.is_reference and len(at.kinds) > 1 and not at.filled.path.kind,
        "{relationship} of {object} may lead to {kinds}, and {target} does not say to which: an "
        "ingest job would not find the column.",
        "Write target: {with_kind}",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.is_reference and len(at.kinds) == 1 and bool(at.filled.path.kind),
        "{relationship} of {object} leads to {kinds} alone, so {target} names no column of an "
        "ingest job.",
        "Write target: {without_kind}",
    ),
)

WRITING = (
    ColumnRule(
        Advice.STOP,
        lambda at: at.field.type == "id",
        "{field} is the record id, which the org gives.",
        "Leave the column out; rows are matched by target.external_id.",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.field.calculated is True,
        "{field} is computed by the org, so every row with a value would be refused "
        "(INVALID_FIELD_FOR_INSERT_UPDATE).",
        "Leave the column out.",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.field.auto_number is True,
        "{field} is numbered by the org, so every row with a value would be refused "
        "(INVALID_FIELD_FOR_INSERT_UPDATE).",
        "Leave the column out.",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.field.createable is False and at.field.updateable is False,
        "Our user may not write {field}: every row would be refused "
        "(INVALID_FIELD_FOR_INSERT_UPDATE).",
        "Give the integration user the right to edit it (field-level security, in a permission "
        "set), or leave the column out if the org alone writes it.",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: at.field.updateable is False and at.only_updates,
        "{field} can only be set on new records, and the load updates: every row would be refused "
        "(INVALID_FIELD_FOR_INSERT_UPDATE).",
        "Leave the column out.",
    ),
    ColumnRule(
        Advice.CARE,
        lambda at: at.field.createable is False and not at.only_updates,
        "{field} can only be set on records that exist: new rows would be refused.",
        "Leave the column out of the first load, or give the integration user the right to "
        "create records with it.",
    ),
    ColumnRule(
        Advice.CARE,
        lambda at: at.field.updateable is False,
        "{field} can only be set on new records: rows of records that exist would be refused.",
        "Leave the column out once the records are there.",
    ),
)

TYPES = (
    ColumnRule(
        Advice.STOP,
        lambda at: not is_possible(at.spec_kind, at.target_kind),
        "The spec says {spec_type} for {field}, which is a {type} field: the org would refuse the "
        "values.",
        "Write: {line}",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: not is_possible(at.source_kind, at.target_kind),
        "{source} holds {source_kind} values, and {field} is a {type} field: the org would refuse "
        "them.",
        "Map another source column, or another target.",
    ),
    ColumnRule(
        Advice.STOP,
        lambda at: not is_possible(at.source_kind, at.spec_kind),
        "The spec says {spec_type} for {source}, which holds {source_kind} values.",
        "Write: {line}",
    ),
    ColumnRule(
        Advice.CARE,
        lambda at: at.spec_kind != at.target_kind and is_typed(at.target_kind),
        "The spec says {spec_type} for {field}, which is a {type} field: its values are compared "
        "in another form than the org answers them in.",
        "Write: {line}",
    ),
    ColumnRule(
        Advice.CARE,
        lambda at: "multipicklist" in {at.field.type, at.column.type} and _one_is_multiple(at),
        "The spec says {spec_type} for {field}, which is a {type} field: several values in one "
        "cell are compared in another order than the org answers them in.",
        "Write: {line}",
    ),
)

GROUPS = (REFERENCES, WRITING, TYPES)
"""Of each the first that is broken is said."""


def _one_is_multiple(at: Mapped) -> bool:
    return not at.is_reference and at.field.type != at.column.type and bool(at.field.type)


def findings_of_columns(
    spec: LoadSpec, described: TargetDescription, source: Mapping[str, ValueKind]
) -> Iterator[Finding]:
    """Judge each column by describe and by the kinds of the source's columns.

    The external id has rules of its own (`preflight.key`).
    """
    for number, column in enumerate(spec.columns):
        filled = described.filled_by(column.target)
        kind = source.get(column.source, "unknown")
        at = Mapped(spec, column, described, filled, kind)
        is_key = column.target == spec.target.external_id
        groups = (EXISTENCE,) if is_key or _first(EXISTENCE, at) else GROUPS
        for rule in filter(None, (_first(group, at) for group in groups)):
            yield _said(rule, at, number)


def _first(group: Sequence[ColumnRule], at: Mapped) -> ColumnRule | None:
    return next((rule for rule in group if rule.is_broken(at)), None)


def _said(rule: ColumnRule, at: Mapped, number: int) -> Finding:
    words = at.words()
    return Finding(
        rule.advice,
        rule.reason.format_map(words),
        rule.remedy.format_map(words),
        column=at.column.target,
        setting=("columns", number),
        bars=rule.bars,
    )
