"""The calls of a query, of operators and of functions, held against what Hyper knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from dc_assets.emulator.engines.hyper.errors import (
    NO_FUNCTION,
    SYNTAX,
    Unlike,
    refusal,
    syntax_error,
)
from dc_assets.emulator.engines.hyper.list import CONSTANT, UNKNOWN, hyper_list, result_of
from dc_assets.emulator.engines.hyper.scope import Node, place_of

SIGNS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "is distinct from",
    "COMPARE_NOT_DISTINCT_FROM": "is distinct from",
    "~~": "like",
    "!~~": "not like",
    "~~*": "ilike",
    "!~~*": "ilike",
    "like_escape": "like",
    "not_like_escape": "like",
    "ilike_escape": "ilike",
    "not_ilike_escape": "ilike",
    "regexp_full_match": "similar to",
    "//": "/",
}
"""What Hyper calls the comparisons of DuckDB's tree."""

FUNCTIONS = {"count_star": "count", "position": "strpos"}
"""What Hyper calls the functions of DuckDB's tree, where DuckDB's parser renames them."""

MANY = frozenset({"concat", "concat_ws"})
"""Functions of as many values as are given; the list knows them with two."""

NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "double precision"})

REFUSALS = {
    "like": "'LIKE' requires string arguments",
    "not like": "'LIKE' requires string arguments",
    "ilike": "'ILIKE' requires string arguments",
    "similar to": "'SIMILAR TO' requires string arguments",
    "||": "'||' requires at least one string argument",
}
"""What Hyper says of an operator that does not take its sides; the others ask for numbers."""


def common(sql: str, node: Node, kinds: Sequence[str], message: str, *, by: str = "least") -> str:
    """The type that values have together, as the function ``by`` joins two of them.

    Raises:
        TenantError: they have none.
    """
    found = UNKNOWN
    for kind in kinds:
        joined = _joined(found, kind, by)
        if joined is None:
            raise refusal(SYNTAX, message, sql, place_of(node))
        found = joined
    return found


def _joined(left: str, right: str, by: str) -> str | None:
    if left == right or UNKNOWN in {left, right}:
        return left or right
    return result_of(hyper_list().functions[by], (left, right))


def compare(sql: str, node: Node, kinds: tuple[str, str], sign: str) -> str:
    """The type of a comparison, which is boolean.

    Raises:
        TenantError: values of these types are not compared.
    """
    if result_of(hyper_list().operators.get(sign, ()), kinds) is None:
        left, right = ("text" if kind == CONSTANT else kind for kind in kinds)
        raise refusal(SYNTAX, f"cannot compare '{left}' and '{right}'", sql, place_of(node))
    return "boolean"


CONSTANTS = {
    **dict.fromkeys(NUMBERS, r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"),
    **dict.fromkeys(("date", "timestamp", "timestamptz"), r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"),
    "boolean": r"(?i)\s*(t|true|f|false|y|yes|n|no|on|off|1|0)\s*",
}
"""What a text literal is like that stands beside a value of a type."""


def check_constant(sql: str, node: Node, kind: str) -> None:
    """Refuse a text literal that cannot become what it is compared with.

    Raises:
        TenantError: it cannot.
    """
    text = str(cast("dict[str, object]", node.get("literal") or {}).get("text", ""))
    if re.fullmatch(CONSTANTS.get(kind, ".*"), text, re.DOTALL) is None:
        told = f"implicit cast of 'text' to compare with '{kind}' failed"
        raise refusal(SYNTAX, told, sql, place_of(node))


def sign_of(sql: str, node: Node) -> str:
    """The sign of an operator as it is written, empty when the call is one by name."""
    name, place = str(node["function_name"]), place_of(node)
    written = sql[place.start : place.start + 2] if place is not None else ""
    is_sign = bool(written) and not (written[0].isalnum() or written[0] in '_"')
    if not node.get("is_operator") and not is_sign and name not in SIGNS:
        return ""
    if is_sign and name.startswith("regexp"):
        return "!~" if written == "!~" else "~"
    return SIGNS.get(name, name)


def signed(sql: str, node: Node, sign: str, kinds: Sequence[str]) -> str:
    """The type of an operator's value.

    Raises:
        TenantError: Hyper has no such operator, or none of these sides.
    """
    place = place_of(node)
    if len(kinds) == 1:
        if sign not in {"-", "+"}:
            raise refusal(SYNTAX, f"unknown prefix operator '{sign}'", sql, place)
        if kinds[0] not in NUMBERS | {UNKNOWN, "interval"}:
            raise refusal(SYNTAX, f"'{sign}' requires a numerical argument", sql, place)
        return kinds[0]
    if sign == "similar to":
        raise Unlike("the emulated tenant does not answer SIMILAR TO as Hyper does", "boolean")
    forms = hyper_list().operators.get(sign)
    if forms is None:
        if sign == "~~~":  # DuckDB's name of GLOB
            raise syntax_error(sql, (place.start if place else 0) + len("glob"))
        raise refusal(SYNTAX, f"unknown operator '{sign}'", sql, place)
    result = result_of(forms, kinds[:2])
    if result is None:
        text = REFUSALS.get(sign, f"'{sign}' requires numerical arguments")
        raise refusal(SYNTAX, text, sql, place)
    return result


def called(sql: str, node: Node, kinds: Sequence[str]) -> str:
    """The type of a call by name.

    Raises:
        TenantError: Hyper has no such function, or none of these arguments.
    """
    name = FUNCTIONS.get(str(node["function_name"]), str(node["function_name"]))
    forms, place = hyper_list().functions.get(name, ()), place_of(node)
    if name in {"greatest", "least"}:
        text = f"'{name.upper()}' requires generalizable types"
        return common(sql, node, kinds, text)
    result = result_of(forms, kinds[:2] if name in MANY else kinds)
    if result is not None:
        return result
    unlike = hyper_list().unlike.get(name)
    other = result_of(unlike, kinds) if unlike else None
    if other is not None or unlike == ():
        text = f'the emulated tenant does not answer the function "{name}" as Hyper does'
        raise Unlike(text, other or UNKNOWN)
    if unlike is None and not forms:
        raise refusal(NO_FUNCTION, f'function "{name}" does not exist', sql, place)
    raise refusal(SYNTAX, f"unsupported data types in call to '{name}'", sql, place)
