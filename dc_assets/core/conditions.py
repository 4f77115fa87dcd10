"""Conditions that an operator writes in SQL or SOQL: each must stay inside its brackets.

A condition is put into a query as ``(condition)`` beside conditions of ours. One that closes our
bracket (``1=1) OR (1=1``), leaves a text open or ends in a comment would select other rows than
those of the range, and the counts of both sides would be of different rows.
"""

from __future__ import annotations

import re
from typing import Literal

Dialect = Literal["SQL", "SOQL"]

_TOKENS: dict[Dialect, re.Pattern[str]] = {
    # In SQL a quote is doubled and a backslash is plain text; names stand in double quotes.
    "SQL": re.compile(
        r"""(?P<whole>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
        r"""|(?P<refused>;|--|/\*|\*/|\$\$|\b[eE]'|\x00)|(?P<quote>['"])|(?P<bracket>[()])"""
    ),
    # In SOQL a backslash escapes, and there are no names in quotes.
    "SOQL": re.compile(
        r"""(?P<whole>'(?:[^'\\]|\\.)*')"""
        r"""|(?P<refused>;|--|/\*|\*/|\x00)|(?P<quote>['"])|(?P<bracket>[()])""",
        re.DOTALL,
    ),
}

_WHY = {
    ";": "a condition is one expression, without ;",
    "--": "a comment would hide what follows: leave it out",
    "/*": "a comment would hide what follows: leave it out",
    "*/": "a comment would hide what follows: leave it out",
    "$$": "write a text as 'text'",
    "e'": "write a text as 'text', without E before it",
    "\x00": "a NUL character is no part of a condition",
}


def flaw(condition: str, dialect: Dialect) -> str | None:
    r"""Return why a condition cannot stand in brackets, with the position; None if it can.

    >>> flaw("1=1) OR (1=1", "SQL")
    'the bracket ) at character 4 closes none'
    >>> flaw(r"Name = 'O\'Brien (a)'", "SOQL"), flaw("Name = 'O''Brien (a)'", "SQL")
    (None, None)
    """
    if not condition.strip():
        return "it is blank: leave the setting out"
    opened: list[int] = []
    for token in _TOKENS[dialect].finditer(condition):
        at = token.start() + 1
        match token.lastgroup:
            case "refused":
                return f"{_WHY[token.group().lower()]} (character {at})"
            case "quote":
                return f"the quote {token.group()} at character {at} is never closed"
            case "bracket" if token.group() == "(":
                opened.append(at)
            case "bracket" if not opened:
                return f"the bracket ) at character {at} closes none"
            case "bracket":
                opened.pop()
            case _:
                pass
    return f"the bracket ( at character {opened[-1]} is never closed" if opened else None
