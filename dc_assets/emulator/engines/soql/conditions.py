"""WHERE and HAVING as SQL: text compares without regard to case, as an org compares it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NoReturn

from dc_assets.emulator.engines.soql.scope import Scope
from dc_assets.emulator.engines.soql.tokens import SoqlToken, decoded, fail
from dc_assets.emulator.engines.soql.tree import (
    Aggregate,
    Comparison,
    Condition,
    Expression,
    Junction,
    Membership,
    Negation,
)
from dc_assets.emulator.errors import APIError
from dc_assets.emulator.ids import SHORT_ID, case_suffix
from dc_assets.emulator.schema import Field

LONG_ID = 18
XSD = {"currency": "double", "percent": "double", "datetime": "dateTime"}
LITERAL_KINDS = {
    "int": frozenset({"number"}),
    "currency": frozenset({"number"}),
    "percent": frozenset({"number"}),
    "double": frozenset({"number"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
    "boolean": frozenset({"word"}),
}
"""Kinds of literals each type of field compares with; all others take text."""


def condition_sql(scope: Scope, condition: Condition) -> str:
    """SQL of a condition."""
    match condition:
        case Junction(word, parts):
            return "(" + f" {word} ".join(condition_sql(scope, part) for part in parts) + ")"
        case Negation(inner):
            # SOQL knows no third truth value: a comparison with null is false.
            return f"(NOT coalesce({condition_sql(scope, inner)}, false))"
        case Membership():
            return _membership(scope, condition)
        case Comparison():
            return _comparison(scope, condition)


def _left(scope: Scope, left: Expression) -> tuple[str, Field | None]:
    if isinstance(left, Aggregate):
        return aggregate_sql(scope, left), None
    expression, field, path = scope.resolve(left)
    if scope.groups is not None and expression not in scope.groups:
        fail(scope.soql, left.at, f"Field must be grouped or aggregated: {'.'.join(path)}")
    if not field.filterable:
        text = f"field '{field.name}' can not be filtered in a query call"
        fail(scope.soql, left.at, text, "INVALID_FIELD")
    return expression, field


def _membership(scope: Scope, condition: Membership) -> str:
    left, field = _left(scope, condition.left)
    values = [_bound(scope, token, field, condition.left) for token in condition.values]
    listed = f"{_folded(left, field)} IN ({', '.join(values)})"
    return f"(NOT coalesce({listed}, false))" if condition.negated else f"({listed})"


def _comparison(scope: Scope, condition: Comparison) -> str:
    left, field = _left(scope, condition.left)
    operator = "!=" if condition.operator == "<>" else condition.operator
    token = condition.value
    if token.word == "NULL" or token.text == "''":
        if operator not in {"=", "!="}:
            fail(scope.soql, token.at, f"unexpected token: '{token.text}'")
        return f"({left} IS {'NOT ' if operator == '!=' else ''}NULL)"
    if operator == "LIKE":
        return _like(scope, condition, left, field)
    value = _bound(scope, token, field, condition.left)
    if operator == "!=":
        return f"({_folded(left, field)} IS DISTINCT FROM {value})"
    return f"({_folded(left, field)} {operator} {value})"


def _like(scope: Scope, condition: Comparison, left: str, field: Field | None) -> str:
    token = condition.value
    if token.kind != "text" or field is None or not field.is_text:
        fail(scope.soql, condition.left.at, "invalid operator LIKE", "INVALID_FIELD")
    pattern = scope.bind(decoded(scope.soql, token, as_pattern=True))
    like = "LIKE" if field.case_sensitive else "ILIKE"
    return f"({left} {like} {pattern} ESCAPE '\\')"


def _folded(expression: str, field: Field | None) -> str:
    return field.folded(expression) if field is not None and field.is_text else expression


def _bound(scope: Scope, token: SoqlToken, field: Field | None, left: Expression) -> str:
    kinds = LITERAL_KINDS.get(field.type, frozenset({"text"})) if field else {"number"}
    if token.word == "NULL":
        return "NULL"
    if token.kind not in kinds:
        _wrong_type(scope, token, field, left)
    if field is None or field.is_number:
        return f"CAST({scope.bind(token.text)} AS DOUBLE)"
    if token.kind == "date":
        return scope.bind(_date(scope, token))
    if token.kind == "datetime":
        return scope.bind(_moment(scope, token))
    if token.kind == "word":
        return scope.bind(token.word == "TRUE")
    return _bound_text(scope, decoded(scope.soql, token), field)


def _date(scope: Scope, token: SoqlToken) -> date:
    try:
        return date.fromisoformat(token.text)
    except ValueError:
        return fail(scope.soql, token.at, f"Invalid date: {token.text}")


def _moment(scope: Scope, token: SoqlToken) -> datetime:
    """The whole second of a moment: an org keeps no parts of it."""
    try:
        at = datetime.fromisoformat(token.text).astimezone(UTC)
    except (ValueError, OverflowError):
        return fail(scope.soql, token.at, f"Invalid date: {token.text}")
    return at.replace(tzinfo=None, microsecond=0)


def _bound_text(scope: Scope, value: str, field: Field) -> str:
    if field.type in {"id", "reference"}:
        value = _whole_id(value)
    return field.folded(scope.bind(value))


def _whole_id(value: str) -> str:
    """The id with its suffix.

    Raises:
        APIError: it has not the form of an id.
    """
    if not (value.isascii() and value.isalnum() and len(value) in {SHORT_ID, LONG_ID}):
        raise APIError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")
    return value + case_suffix(value) if len(value) == SHORT_ID else value


def _wrong_type(scope: Scope, token: SoqlToken, field: Field | None, left: Expression) -> NoReturn:
    name = field.name if field else "expr0"
    kind = XSD.get(field.type, field.type) if field else "double"
    kind = "string" if field and field.type not in LITERAL_KINDS else kind
    rule = "should not be enclosed in quotes"
    if token.kind != "text":
        rule = "should be enclosed in quotes" if kind == "string" else f"is {token.text}"
    text = f"value of filter criterion for field '{name}' must be of type {kind} and {rule}"
    fail(scope.soql, left.at, text, "INVALID_FIELD")


def aggregate_sql(scope: Scope, aggregate: Aggregate) -> str:
    """SQL of COUNT, COUNT_DISTINCT, MIN, MAX, SUM or AVG of a field."""
    expression, field, _ = scope.resolve(aggregate.field)
    folded = _folded(expression, field)
    function = aggregate.function
    # A field that no aggregate takes, and a sum of texts.
    is_refused = not field.is_aggregatable or (function in {"SUM", "AVG"} and not field.is_number)
    if is_refused:
        text = f"field {field.name} does not support aggregate operator {function}"
        fail(scope.soql, aggregate.at, text)
    if function == "COUNT_DISTINCT":
        return f"count(DISTINCT {folded})"
    if function in {"MIN", "MAX"} and field.is_text:
        return f"arg_{function.lower()}({expression}, {folded})"
    return f"{function.lower()}({expression})"
