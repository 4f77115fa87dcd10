"""The type Hyper gives an expression, or why it refuses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from dc_assets.emulator.engines.hyper.calls import (
    SIGNS,
    called,
    check_constant,
    common,
    compare,
    sign_of,
    signed,
)
from dc_assets.emulator.engines.hyper.errors import (
    NO_FUNCTION,
    NO_TYPE,
    NOT_SUPPORTED,
    SYNTAX,
    Place,
    Unlike,
    refusal,
    syntax_error,
)
from dc_assets.emulator.engines.hyper.list import (
    CONSTANT,
    OTHER,
    UNKNOWN,
    Forms,
    hyper_list,
)
from dc_assets.emulator.engines.hyper.scope import Columns, Node, Scope, column_kind, place_of
from dc_assets.emulator.engines.hyper.texts import Written

Subquery = Callable[[Node, Scope], "Columns | None"]

INTEGER_MAX, BIGINT_MAX = 2**31 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Values:
    """Tells the types of the expressions of one query; ``columns_of`` reads a subquery."""

    sql: str
    columns_of: Subquery
    texts: set[Written]
    """Where doubles become texts, which is filled by the reading."""
    unlike: list[Unlike]
    """What DuckDB would answer otherwise than Hyper, which is filled too."""

    def kind(self, node: Node, scope: Scope) -> str:
        """The type of an expression.

        Raises:
            TenantError: Hyper refuses it.
        """
        reader = READERS.get(str(node.get("class")))
        if reader is None:
            place = place_of(node) or Place(0)
            raise syntax_error(self.sql, place.start)
        try:
            return reader(self, node, scope)
        except Unlike as error:
            self.unlike.append(error)
            return error.kind

    def require_boolean(self, node: Node, scope: Scope, message: str) -> None:
        """Refuse an expression that is no condition."""
        if self.kind(node, scope) not in {"boolean", UNKNOWN, CONSTANT}:
            raise refusal(SYNTAX, message, self.sql, place_of(node))


def parts(node: Node) -> list[Node]:
    """What an expression is made of, in the order of its arguments."""
    given = node.get("arguments")
    if isinstance(given, list):
        return [cast("Node", one["expression"]) for one in cast("list[dict[str, object]]", given)]
    return cast("list[Node]", node.get("children") or [])


def _column(values: Values, node: Node, scope: Scope) -> str:
    return column_kind(values.sql, node, scope)


def _constant(values: Values, node: Node, scope: Scope) -> str:
    del scope
    literal = cast("dict[str, object]", node.get("literal") or {})
    text, kind = str(literal.get("text", "")), str(literal.get("kind"))
    place = place_of(node) or Place(0)
    if kind == "INTEGER":
        if not text.removeprefix("-").isdecimal():  # such as 1_000 or 0x1F
            raise syntax_error(values.sql, place.start + 1)
        if int(text) > BIGINT_MAX:
            raise refusal(SYNTAX, f"invalid integer constant: '{text}'", values.sql, place)
        return "integer" if int(text) <= INTEGER_MAX else "bigint"
    if kind == "NUMERIC":
        return "double precision" if "e" in text.lower() else "numeric"
    if kind in {"HEX", "BIT", "BINARY"}:
        raise refusal(NOT_SUPPORTED, "bit strings not implemented yet", values.sql, place)
    return {"STRING": CONSTANT, "BOOLEAN": "boolean"}.get(kind, UNKNOWN)


def _cast(values: Values, node: Node, scope: Scope) -> str:
    kind = values.kind(cast("Node", node["child"]), scope)
    target = cast("Node", node.get("type_expr") or {})
    place = place_of(target)
    name = str(target.get("type_name", "")).lower()
    if place is not None:
        # The parser has one name for several spellings, of which Hyper knows some.
        name = _spelled(values.sql[place.start : place.start + place.length]) or name
    found = hyper_list().types.get(name)
    if found is None:
        raise refusal(NO_TYPE, f'type "{name}" does not exist', values.sql, place)
    if kind in {UNKNOWN, CONSTANT, OTHER} or found == OTHER:
        return found
    if _becomes(hyper_list().casts_unlike, kind, found):
        raise Unlike(f"the emulated tenant does not cast {kind} to {found} as Hyper does", found)
    if not _becomes(hyper_list().casts, kind, found):
        raise refusal(SYNTAX, "invalid cast", values.sql, place_of(node))
    if (kind, found) == ("double precision", "text"):
        values.texts.add(_written(values, node))
    return found


def _becomes(casts: Forms, kind: str, target: str) -> bool:
    return any(form.result == target and form.takes((kind,)) for form in casts)


def _written(values: Values, node: Node) -> Written:
    """Where a cast stands, from its first sign to its last."""
    place = place_of(node) or Place(0)
    if not values.sql.startswith("::", place.start):
        return Written(place.start, place.start + place.length)
    child = cast("Node", node["child"])
    inner = place_of(child) or Place(0)
    if child.get("class") != "COLUMN_REF" or values.sql[inner.start : place.start].strip() == "":
        text = "the emulated tenant casts a double to text by CAST(… AS …) only"
        raise Unlike(text, "text")
    return Written(inner.start, place.start + place.length)


def _spelled(text: str) -> str:
    """The name of a type without its length."""
    return " ".join(re.sub(r"\([^)]*\)", " ", text.replace('"', " ")).lower().split())


def _comparison(values: Values, node: Node, scope: Scope) -> str:
    sides = cast("Node", node["left"]), cast("Node", node["right"])
    return _compared(values, node, scope, sides, SIGNS.get(str(node["type"]), "="))


def _compared(values: Values, node: Node, scope: Scope, sides: tuple[Node, Node], sign: str) -> str:
    left, right = (values.kind(side, scope) for side in sides)
    compare(values.sql, node, (left, right), sign)
    for side, kind, other in ((sides[0], left, right), (sides[1], right, left)):
        if kind == CONSTANT:
            check_constant(values.sql, side, other)
    return "boolean"


def _between(values: Values, node: Node, scope: Scope) -> str:
    for side, sign in (("lower", ">="), ("upper", "<=")):
        sides = cast("Node", node["input"]), cast("Node", node[side])
        _compared(values, node, scope, sides, sign)
    return "boolean"


def _conjunction(values: Values, node: Node, scope: Scope) -> str:
    sign = "and" if node["type"] == "CONJUNCTION_AND" else "or"
    for child in parts(node):
        values.require_boolean(child, scope, f"'{sign}' requires boolean arguments")
    return "boolean"


def _case(values: Values, node: Node, scope: Scope) -> str:
    place = place_of(node)
    if place is not None and not values.sql.startswith("case", place.start):
        raise refusal(NO_FUNCTION, 'function "if" does not exist', values.sql, place)
    checks = cast("list[dict[str, Node]]", node["case_checks"])
    for check in checks:
        text = "'case' requires boolean arguments in WHEN clauses"
        values.require_boolean(check["when_expr"], scope, text)
    results = [check["then_expr"] for check in checks]
    if node.get("else_expr"):
        results.append(cast("Node", node["else_expr"]))
    kinds = [values.kind(result, scope) for result in results]
    return common(values.sql, node, kinds, "'case' requires uniform result types in THEN clauses")


def _operator(values: Values, node: Node, scope: Scope) -> str:
    kind, children = str(node["type"]), parts(node)
    if kind == "OPERATOR_NOT":
        values.require_boolean(children[0], scope, "'not' requires a boolean argument")
        return "boolean"
    kinds = [values.kind(child, scope) for child in children]
    if kind in {"COMPARE_IN", "COMPARE_NOT_IN"}:
        common(values.sql, node, kinds[1:], "'VALUES' elements must have generalizable types")
        for other in children[1:]:
            _compared(values, node, scope, (children[0], other), "=")
        return "boolean"
    if kind == "OPERATOR_COALESCE":
        return common(values.sql, node, kinds, "'coalesce' requires identical types", by="coalesce")
    if kind in {"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"}:
        return "boolean"
    if kind in {"ARRAY_CONSTRUCTOR", "ARRAY_EXTRACT", "ARRAY_SLICE"}:
        return OTHER
    place = place_of(node) or Place(0)
    raise syntax_error(values.sql, place.start)


def _function(values: Values, node: Node, scope: Scope) -> str:
    name = str(node["function_name"])
    if name == "row":
        raise refusal(NOT_SUPPORTED, "ROW types are disabled")
    place = place_of(node)
    if place is not None and values.sql[place.start] in "[{":
        raise syntax_error(values.sql, place.start)
    if place is not None and values.sql.startswith("count_star", place.start):
        raise refusal(NO_FUNCTION, 'function "count_star" does not exist', values.sql, place)
    for condition in filter(None, (node.get("filter"), node.get("filter_expr"))):
        text = "boolean expression requires as argument for filter"
        values.require_boolean(cast("Node", condition), scope, text)
    for expression in _beside(node):
        values.kind(expression, scope)
    kinds = [values.kind(part, scope) for part in parts(node)]
    sign = sign_of(values.sql, node)
    return signed(values.sql, node, sign, kinds) if sign else called(values.sql, node, kinds)


def _beside(node: Node) -> Iterator[Node]:
    """Expressions that order or part the rows of a call."""
    inner = cast("Node", node.get("order_bys") or {})
    for name in ("orders", "partitions"):
        for one in cast("list[Node]", node.get(name) or []):
            yield cast("Node", one.get("expression", one))
    for one in cast("list[Node]", inner.get("orders") or []):
        yield cast("Node", one["expression"])


def _subquery(values: Values, node: Node, scope: Scope) -> str:
    inner = cast("Node", cast("Node", node["subquery"])["node"])
    columns = values.columns_of(inner, scope)
    kind = str(node.get("subquery_type"))
    if kind in {"EXISTS", "NOT_EXISTS"}:
        return "boolean"
    if columns is not None and len(columns) != 1:
        text = "subquery expressions must produce a single value"
        raise refusal(SYNTAX, text, values.sql, place_of(node))
    found = columns[0].kind if columns else UNKNOWN
    if kind != "ANY":
        return found
    compared = values.kind(cast("Node", node["child"]), scope)
    return compare(
        values.sql, node, (compared, found), SIGNS.get(str(node["comparison_type"]), "=")
    )


def _collate(values: Values, node: Node, scope: Scope) -> str:
    return values.kind(cast("Node", node["child"]), scope)


def _star(values: Values, node: Node, scope: Scope) -> str:
    del scope
    place = place_of(node) or Place(0)
    if node.get("columns"):
        raise refusal(NO_FUNCTION, 'function "columns" does not exist', values.sql, place)
    raise syntax_error(values.sql, place.start)


READERS: Mapping[str, Callable[[Values, Node, Scope], str]] = {
    "COLUMN_REF": _column,
    "CONSTANT": _constant,
    "CAST": _cast,
    "COMPARISON": _comparison,
    "BETWEEN": _between,
    "CONJUNCTION": _conjunction,
    "CASE": _case,
    "OPERATOR": _operator,
    "FUNCTION": _function,
    "WINDOW": _function,
    "SUBQUERY": _subquery,
    "COLLATE": _collate,
    "STAR": _star,
}
"""How each class of expression of DuckDB's tree is read; the others Hyper does not know."""
