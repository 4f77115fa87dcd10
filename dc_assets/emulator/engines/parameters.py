"""Parameters of a query, written into its text as literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import count

from dc_assets.emulator.stores.duck import literal

APART = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|::"""
"""What may hold the sign of a parameter and is none: texts, names, casts."""

STYLES = {
    "NAMED": re.compile(rf"{APART}|:(?P<name>[A-Za-z_]\w*)"),
    "DOLLARED": re.compile(rf"{APART}|\$(?P<name>[1-9]\d*)"),
    "QUESTION_MARK": re.compile(rf"{APART}|(?P<name>\?)"),
}
"""How a parameter is written, by the service's own names."""

SQL_NAMES = {"double": "double precision"}
"""Types that SQL calls otherwise than a parameter does."""


def typed(value: object, kind: str) -> str:
    """A value as a literal of a type."""
    text = "NULL" if value is None else literal(str(value))
    return f"CAST({text} AS {SQL_NAMES.get(kind, kind)})"


def with_values(
    sql: str, style: str, values: Mapping[str, str], absent: Callable[[str], Exception]
) -> str:
    """The query with its parameters written as literals.

    ``values`` are literals by name, or by number from 1; ``absent`` makes the error of a parameter
    that has none.
    """
    numbers = count(1)

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match.group()
        key = str(next(numbers)) if name == "?" else name
        if key not in values:
            raise absent(key)
        return values[key]

    return STYLES[style].sub(written, sql)
