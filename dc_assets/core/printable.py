"""Text from outside as people may see it: nothing in it moves a cursor, hides or turns around.

Values, ids and messages come from orgs and files that we do not write. `--json` keeps them exactly:
JSON has escapes of its own.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, format characters (bidi, zero width, tags), lone surrogates, ends of lines."""

_UNSEEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Signs of other classes that have no width or no ink."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text on one line, with a visible escape for each sign that is none to see.

    A backslash stays as it is, so doing it twice changes nothing. `keep` names signs that the
    place can show, such as the line ends of a page.

    >>> printable("\x1b[31mred\u202e|" + chr(0xD800) + "\r\n")
    '\\x1b[31mred\\u202e|\\ud800\\r\\n'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign in keep else _SHORT.get(sign) or _seen(sign) for sign in text)


def _seen(sign: str) -> str:
    if unicodedata.category(sign) not in _UNSEEN and sign not in _UNSEEN_LETTERS:
        return sign
    code = ord(sign)
    if code <= 0xFF:  # noqa: PLR2004 - two digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits


def markdown_code(text: str) -> str:
    """Return a text as Markdown that shows it as it is: no link, image, HTML or table in it.

    CommonMark: a code span ends with as many backticks as it began with, and one blank at each end
    is not shown.

    >>> markdown_code("a`b|<img>")
    '`` a`b|<img> ``'
    """
    shown = printable(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if longest or not shown.strip() else ""
    return f"{fence}{blank}{shown}{blank}{fence}"
