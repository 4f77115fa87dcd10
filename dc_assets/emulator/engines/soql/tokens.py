"""Tokens of SOQL, and the one form all its errors have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from dc_assets.emulator.errors import APIError

TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>'(?:[^'\\]|\\.)*')
    |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    |(?P<date>\d{4}-\d\d-\d\d)
    |(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<sign><=|>=|!=|<>|[=<>(),])""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {
    "'": "'",
    '"': '"',
    "\\": "\\",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    "N": "\n",
    "R": "\r",
    "T": "\t",
    "B": "\b",
    "F": "\f",
}
SNIPPET_BEFORE, SNIPPET_AFTER = 40, 25


@dataclass(frozen=True, slots=True)
class SoqlToken:
    """A piece of a query: its kind, its text, where it starts."""

    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """The text in upper case when it is a word, else empty."""
        return self.text.upper() if self.kind == "word" else ""


def fail(soql: str, at: int, message: str, code: str = "MALFORMED_QUERY") -> NoReturn:
    """Raise the error of a place in a query: snippet, caret, row and column, message."""
    start = max(0, at - SNIPPET_BEFORE)
    snippet = re.sub(r"\s", " ", soql[start : at + SNIPPET_AFTER])
    row = soql.count("\n", 0, at) + 1
    column = at - (soql.rfind("\n", 0, at) + 1) + 1
    caret = " " * (at - start) + "^"
    text = f"\n{snippet}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}"
    raise APIError(400, code, text)


def tokens_of(soql: str) -> list[SoqlToken]:
    """All tokens of a query, with one of the kind ``end`` as the last."""
    found: list[SoqlToken] = []
    at = 0
    while at < len(soql):
        match = TOKEN.match(soql, at)
        if match is None or match.lastgroup is None:
            fail(soql, at, f"line 1:{at} no viable alternative at character '{soql[at]}'")
        if match.lastgroup != "space":
            found.append(SoqlToken(match.lastgroup, match.group(), at))
        at = match.end()
    found.append(SoqlToken("end", "<EOF>", len(soql)))
    return found


def decoded(soql: str, token: SoqlToken, *, as_pattern: bool = False) -> str:
    r"""The value of a text token.

    For a LIKE pattern ``\%`` and ``\_`` stay as they are, and so does a doubled backslash.

    >>> decoded("", SoqlToken("text", r"'it\'s'", 0))
    "it's"
    """
    body = token.text[1:-1]
    out: list[str] = []
    at = 0
    while at < len(body):
        char = body[at]
        at += 1
        if char != "\\":
            out.append(char)
            continue
        mark = body[at]
        at += 1
        if mark == "u" and re.fullmatch("[0-9a-fA-F]{4}", body[at : at + 4]):
            out.append(chr(int(body[at : at + 4], 16)))
            at += 4
        elif mark in "%_" or (mark == "\\" and as_pattern):
            out.append("\\" + mark)
        elif mark in ESCAPES:
            out.append(ESCAPES[mark])
        else:
            fail(soql, token.at, f"Invalid string literal {token.text}. Illegal character sequence")
    return "".join(out)
