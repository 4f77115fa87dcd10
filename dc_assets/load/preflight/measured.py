"""Rules whose broken rows are counted on the source, all of them by one query.

Limits of values: sObject Describe, REST API Developer Guide; days of 1700 to 4000 and 100 choices
of a multi-select picklist, Salesforce Help, "Custom Field Types" and "General Limits".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dc_assets.core.spec import ColumnSpec, LoadSpec
from dc_assets.core.target_fields import TargetDescription, TargetField
from dc_assets.core.value_kinds import OF_SPEC, OF_TARGET, ValueKind

RuleKind = Literal[
    "required",
    "length",
    "picklist",
    "multipicklist",
    "choices",
    "digits",
    "decimals",
    "number",
    "boolean",
    "date",
    "datetime",
    "days",
    "record_id",
]

FIRST_YEAR, YEAR_BEHIND = "1700", "4001"
CHOICES_MAX = 100
VALUES_MAX = 50
"""Values of a multi-select picklist that a query can take apart."""

TRUTHS = ("true", "false", "t", "f", "1", "0", "yes", "no")
NUMBER_SIGNS = "0123456789+-.eE"
RECORD_ID_CHARS = (15, 18)
DAY_SHAPES = ("____-__-__", "____-__-__ 00:00:00%", "____-__-__T00:00:00%")
MOMENT_SHAPES = ("____-__-__ __:__%", "____-__-__T__:__%")
"""Patterns of LIKE; another text would be sent as it is, and refused."""

TEXT_TYPES = frozenset({"string", "textarea", "email", "phone", "url", "multipicklist"})

KEPT_AS_THEY_ARE = frozenset({"text", "picklist", "reference"})
"""Types of columns whose blanks are sent, unless the spec strips them."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What befalls a row that breaks a rule, and what to do.

    Attributes:
        code: Salesforce's, "" if the row lands.
    """

    code: str
    why: str
    remedy: str


_UNREADABLE = "INVALID_FIELD"
"""The code of a value that cannot be deserialized."""

MEASURES: Mapping[RuleKind, Measure] = {
    "required": Measure(
        "REQUIRED_FIELD_MISSING",
        "it has no value.",
        "Fill it, or leave the rows out with source.where.",
    ),
    "length": Measure(
        "STRING_TOO_LONG",
        "the text is longer than {bound:,} characters.",
        "Shorten it, or lengthen the field in the org.",
    ),
    "picklist": Measure(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "the value is none of the restricted picklist.",
        "Fix it, or add it in the org.",
    ),
    "multipicklist": Measure(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "one of the values is none of the restricted picklist.",
        "Fix it, or add it in the org; values stand between semicolons.",
    ),
    "choices": Measure(
        "TOO_MANY_ENUM_VALUE",
        "more than {bound} values are chosen.",
        "Choose fewer, or use a text field.",
    ),
    "digits": Measure(
        "NUMBER_OUTSIDE_VALID_RANGE",
        "the number has more than {bound} digits before the point.",
        "Correct it, or enlarge the field in the org.",
    ),
    "decimals": Measure(
        "",
        "more decimals than the {bound} that the field keeps: the org rounds them.",
        "Say scale: {bound} in the column to round them before they are sent.",
    ),
    "number": Measure(
        _UNREADABLE,
        "the text is no number.",
        "Correct it, or map it to a text field.",
    ),
    "boolean": Measure(
        _UNREADABLE,
        "the text is neither true nor false.",
        "Correct it, or map it to a text field.",
    ),
    "date": Measure(
        _UNREADABLE,
        "the value is no day (yyyy-MM-dd, or a time at midnight).",
        "Correct it, cut the time off in the source, or map it to a date/time field.",
    ),
    "datetime": Measure(
        _UNREADABLE,
        "the value is no time (yyyy-MM-dd HH:mm:ss).",
        "Correct it, or map it to a date field.",
    ),
    "days": Measure(
        "FIELD_INTEGRITY_EXCEPTION",
        "the day is not in 1700 to 4000, which is all that an org stores.",
        "Correct it, or leave the rows out with source.where.",
    ),
    "record_id": Measure(
        "MALFORMED_ID",
        "it is no record id of 15 or 18 characters.",
        "To name the record by an external id of its own, write target: "
        "{relationship}.ExternalIdField",
    ),
}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the org's description says of a field that a source column fills.

    Attributes:
        bound: most characters, choices, digits before the point or decimals, as its kind counts.
        values: the values of a restricted picklist.
        strips: whether blanks around a value are dropped before it is sent.
        relationship: of a lookup that is filled by record ids.
    """

    column: str
    target: str
    kind: RuleKind
    bound: int = 0
    values: tuple[str, ...] = ()
    strips: bool = False
    relationship: str = ""

    @property
    def code(self) -> str:
        """The code that Salesforce refuses a row with that breaks it; "" if it does not."""
        return MEASURES[self.kind].code

    @property
    def why(self) -> str:
        """What is wrong with a row that breaks the rule."""
        return MEASURES[self.kind].why.format(bound=self.bound)

    @property
    def remedy(self) -> str:
        """What to do about it."""
        told = MEASURES[self.kind].remedy
        return told.format(bound=self.bound, relationship=self.relationship)


def rules_of(
    spec: LoadSpec, described: TargetDescription, kinds: Mapping[str, ValueKind]
) -> Sequence[FieldRule]:
    """Return the rules of the fields that columns of a spec fill.

    ``kinds`` are those of the source's columns: what a typed column cannot break is not measured.
    """
    return [
        FieldRule(
            column.source,
            column.target,
            rule.kind,
            rule.bound,
            rule.values,
            strips=column.blanks == "strip" or column.type not in KEPT_AS_THEY_ARE,
            relationship=rule.relationship,
        )
        for column in spec.columns
        for rule in _of_column(column, described, kinds.get(column.source, "unknown"))
    ]


def _of_column(
    column: ColumnSpec, described: TargetDescription, source: ValueKind
) -> Iterator[FieldRule]:
    filled = described.filled_by(column.target)
    field = filled.field
    if field is None:
        return
    if field.is_required and not (column.type == "boolean" and column.when_null == "null"):
        yield _rule("required")
    if not filled.path.relationship:
        yield from _of_text(field)
        yield from _of_number(column, field, source)
        yield from _of_form(field, source)


def _rule(kind: RuleKind, bound: int = 0, values: tuple[str, ...] = ()) -> FieldRule:
    return FieldRule("", "", kind, bound, values)


def _of_text(field: TargetField) -> Iterator[FieldRule]:
    if field.type in TEXT_TYPES and field.length:
        yield _rule("length", field.length)
    if field.type == "picklist" and field.restricted_values:
        yield _rule("picklist", values=field.restricted_values)
    if field.type == "multipicklist":
        yield _rule("choices", CHOICES_MAX)
        if 0 < len(field.restricted_values) <= VALUES_MAX:
            yield _rule("multipicklist", values=field.restricted_values)
    if field.type == "reference":
        yield FieldRule("", "", "record_id", relationship=field.relationship_name)


def _of_number(column: ColumnSpec, field: TargetField, source: ValueKind) -> Iterator[FieldRule]:
    """Measure the size of numbers where the source has numbers: a text may be anything."""
    if OF_TARGET.get(field.type) != "number" or source != "number" or not field.precision:
        return
    scale = field.scale or 0
    yield _rule("digits", field.precision - scale)
    if OF_SPEC[column.type] == "number" and (column.scale is None or column.scale > scale):
        yield _rule("decimals", scale)


_FORMS: Mapping[ValueKind, tuple[RuleKind, ...]] = {
    "number": ("number",),
    "boolean": ("boolean",),
    "date": ("date", "days"),
    "datetime": ("datetime", "days"),
}


def _of_form(field: TargetField, source: ValueKind) -> Iterator[FieldRule]:
    target = OF_TARGET.get(field.type, "unknown")
    for kind in _FORMS.get(target, ()):
        if source != target or kind == "days":
            yield _rule(kind)


def unfilled_fields(spec: LoadSpec, described: TargetDescription) -> Sequence[str]:
    """Return required fields that no column fills: every new record would be refused."""
    if spec.target.operation == "update":
        return ()
    filled = {column.path.relationship or column.path.field for column in spec.columns}
    return described.object.unfilled(filled)
