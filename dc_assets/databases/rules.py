"""Conditions of the rows that break a rule, in SQLAlchemy's words; an empty text is no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa

from dc_assets.databases.dialects import SQLDialect, Text, Value
from dc_assets.load.preflight import measured
from dc_assets.load.preflight.measured import FieldRule, RuleKind

Condition = sa.ColumnElement[bool]


def breaks(rule: FieldRule, dialect: SQLDialect) -> Condition:
    """Return the condition of the rows that break a rule."""
    column: Value = sa.column(rule.column)
    if rule.kind in RULES_OF_NUMBER:
        return RULES_OF_NUMBER[rule.kind](column, rule)
    text = dialect.text(column)
    value: Text = dialect.ordered(sa.func.trim(text)) if rule.strips else text
    return RULES_OF_TEXT[rule.kind](value, rule)


def _chars(value: Value) -> sa.ColumnElement[int]:
    return sa.func.length(value, type_=sa.Integer())


def _without(value: Value, *parts: str) -> Text:
    """Return a text from which some parts are taken out."""
    for part in parts:
        value = sa.func.replace(value, part, "", type_=sa.Text())
    return value


def _unlike(value: Text, shapes: Sequence[str]) -> Condition:
    return sa.and_(value != "", *(value.not_like(shape) for shape in shapes))


def _other_choices(value: Text, rule: FieldRule) -> Condition:
    """Put each choice between semicolons of its own, and take the known ones out."""
    doubled = sa.func.replace(value, ";", ";;", type_=sa.Text())
    bounded = sa.literal(";") + doubled + sa.literal(";")
    rest = _without(bounded, *(f";{one};" for one in rule.values), ";")
    return sa.and_(value != "", rest != "")


RULES_OF_TEXT: Mapping[RuleKind, Callable[[Text, FieldRule], Condition]] = {
    "required": lambda value, _: sa.or_(value.is_(None), value == ""),
    "length": lambda value, rule: _chars(value) > rule.bound,
    "picklist": lambda value, rule: sa.and_(value != "", value.not_in(rule.values)),
    "multipicklist": _other_choices,
    "choices": lambda value, rule: _chars(value) - _chars(_without(value, ";")) >= rule.bound,
    "number": lambda value, _: _without(value, *measured.NUMBER_SIGNS) != "",
    "boolean": lambda value, _: sa.and_(value != "", sa.func.lower(value).not_in(measured.TRUTHS)),
    "date": lambda value, _: _unlike(value, measured.DAY_SHAPES),
    "datetime": lambda value, _: _unlike(value, measured.MOMENT_SHAPES),
    "days": lambda value, _: sa.and_(
        value != "", sa.or_(value < measured.FIRST_YEAR, value >= measured.YEAR_BEHIND)
    ),
    "record_id": lambda value, _: sa.and_(
        value != "", _chars(value).not_in(measured.RECORD_ID_CHARS)
    ),
}
RULES_OF_NUMBER: Mapping[RuleKind, Callable[[Value, FieldRule], Condition]] = {
    "digits": lambda number, rule: sa.func.abs(number) >= 10**rule.bound,
    "decimals": lambda number, rule: number != sa.func.round(number, rule.bound),
}
"""Those of columns that are numbers in the source; the others are asked of the text."""
