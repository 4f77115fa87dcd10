"""Words and signs that Hyper's parser refuses and of which DuckDB's tree says nothing."""

from __future__ import annotations

import re

from dc_assets.emulator.engines.hyper.errors import SYNTAX, Place, refusal, syntax_error

HIDDEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
"""Texts and quoted names, in which no word is one of the language."""

FIRST = re.compile(r"\s*\(*\s*([a-z]+)")
QUERIES = frozenset({"select", "with", "values", "table", "insert", "update", "delete", "merge"})
COMMANDS = frozenset({"create", "drop", "alter", "copy", "set", "begin", "commit", "explain"})
"""Words a statement may begin with: queries, and what is refused as none."""

NO_SIGNS = ("==", "//")
"""Signs of DuckDB, whose parser makes the same of them as of ``=`` and ``/``."""

MISPLACED = (
    re.compile(r"(?:^|\()\s*(?P<at>from)\b"),
    re.compile(r"\binterval\s+(?P<at>[0-9(])"),
    re.compile(r"\bas\s+(?P<at>\?)"),
    re.compile(
        r",\s*(?P<at>$|\)|(?:from|where|group|order|having|limit|offset|fetch|union|except)\b)"
    ),
    re.compile(r"(?:\bselect|,)\s*\w+\s*(?P<at>:)(?![:=])"),
)
"""Forms of DuckDB that are none of Hyper, with the word or sign its parser stops at."""


def check_words(sql: str) -> None:
    """Refuse a query, whose words are in lower case, by what it is written with.

    Raises:
        TenantError: 400 with the SQLSTATE Hyper gives.
    """
    plain = HIDDEN.sub(_blanked, sql)
    first = FIRST.match(plain)
    if first is not None and first.group(1) not in QUERIES | COMMANDS:
        raise syntax_error(sql, first.start(1))
    for sign in NO_SIGNS:
        at = plain.find(sign)
        if at >= 0:
            raise refusal(SYNTAX, f"unknown operator '{sign}'", sql, Place(at))
    for pattern in MISPLACED:
        found = pattern.search(plain)
        if found is not None:
            raise syntax_error(sql, found.start("at"))


def _blanked(match: re.Match[str]) -> str:
    """As many signs that mean nothing: ``?`` for a text, ``n`` for a quoted name."""
    return ("?" if match.group()[0] == "'" else "n") * len(match.group())
