"""The body of a query for Query API V3: what it may name, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from dc_assets.emulator.engines.parameters import STYLES, typed, with_values
from dc_assets.emulator.errors import TenantError

FIELDS = frozenset(
    {
        "sql",
        "transferMode",
        "paramStyle",
        "parameters",
        "settings",
        "resultRange",
        "queryRowLimit",
    }
)
MODES = frozenset({"ASYNC", "ADAPTIVE"})
SETTINGS = frozenset({"timezone", "language"})
TYPES = re.compile(
    r"varchar|bigint|integer|numeric(\(\d{1,2}, ?\d{1,2}\))?|double|date|timestamp|timestamptz"
)
"""Types of parameters as the engine takes them; `text`, `boolean` and `Varchar` are none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it is asked for.

    Attributes:
        sql: with its parameters written as literals.
        is_async: whether the answer has no rows.
        first_rows_max: rows of the first answer, if it says so.
        rows_max: rows of the whole result, if it says so.
    """

    sql: str
    is_async: bool
    first_rows_max: int | None
    rows_max: int | None


def read_body(content: bytes) -> Asked:
    """Read the body of a POST.

    Raises:
        TenantError: 400, it is no JSON, names what is not known, or has a value of another kind.
    """
    body = _object(content)
    unknown = sorted(set(body) - FIELDS)
    if unknown:
        raise TenantError(400, f'Unrecognized field "{unknown[0]}"')
    sql, mode = body.get("sql"), body.get("transferMode", "ADAPTIVE")
    if not isinstance(sql, str) or not sql.strip():
        raise TenantError(400, "The request has no sql")
    if mode not in MODES:
        raise TenantError(400, f"transferMode is ASYNC or ADAPTIVE, not {mode}")
    if not set(_mapping(body, "settings")) <= SETTINGS:
        raise TenantError(400, "settings are timezone and language")
    span = _mapping(body, "resultRange")
    if span and mode == "ASYNC":
        raise TenantError(400, "resultRange is for the transferMode ADAPTIVE")
    return Asked(
        sql=_with_parameters(sql, body),
        is_async=mode == "ASYNC",
        first_rows_max=_count(span, "rowLimit"),
        rows_max=_count(body, "queryRowLimit"),
    )


def _object(content: bytes) -> Mapping[str, object]:
    try:
        loaded: object = json.loads(content or b"{}")
    except ValueError as error:
        raise TenantError(400, f"The body is no JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise TenantError(400, "The body is no JSON object")
    return cast("dict[str, object]", loaded)


def _mapping(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    value: object = body.get(name) or {}
    if not isinstance(value, dict):
        raise TenantError(400, f"{name} is an object")
    return cast("dict[str, object]", value)


def _count(body: Mapping[str, object], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (type(value) is not int or value < 1):
        raise TenantError(400, f"{name} is a whole number from 1")
    return value


def _with_parameters(sql: str, body: Mapping[str, object]) -> str:
    style = body.get("paramStyle", "QUESTION_MARK")
    given: object = body.get("parameters") or []
    if style not in STYLES:
        raise TenantError(400, f"paramStyle is one of: {', '.join(sorted(STYLES))}")
    if not isinstance(given, list):
        raise TenantError(400, "parameters is a list")
    values: dict[str, str] = {}
    for number, one in enumerate(cast("list[dict[str, object]]", given), 1):
        kind, value = str(one.get("type")), one.get("value")
        if TYPES.fullmatch(kind) is None:
            raise TenantError(400, f'type "{kind}" does not exist', sqlstate="42704")
        if value is not None and not isinstance(value, str):
            raise TenantError(400, "the value of a parameter is a text", sqlstate="22023")
        values[str(one.get("name") if style == "NAMED" else number)] = typed(value, kind)
    return with_values(sql, str(style), values, _absent) if values or "parameters" in body else sql


def _absent(name: str) -> TenantError:
    return TenantError(400, f"parameter {name} has no value", sqlstate="42P02")
