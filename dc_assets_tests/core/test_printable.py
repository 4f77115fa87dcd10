"""Text from outside, as people may see it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.printable import markdown_code, printable

ANY_TEXT = st.text(st.characters(exclude_categories=()))

SHOWN = {
    "\x00": r"\x00",
    "\x07": r"\x07",
    "\x1b[2J": r"\x1b[2J",
    "\x7f": r"\x7f",
    "\x9b31m": r"\x9b31m",
    "a\r\nb\tc": r"a\r\nb\tc",
    "\x85": r"\x85",
    "\u2028\u2029": r"\u2028\u2029",
    "\u202egnp.exe": r"\u202egnp.exe",
    "\u2066\u2069\u200e\u061c": r"\u2066\u2069\u200e\u061c",
    "a\u200bb\u200d\ufeff": r"a\u200bb\u200d\ufeff",
    "\u3164": r"\u3164",
    chr(0xD800): r"\ud800",
    "\U000e0041": r"\U000e0041",
    "é ñ 漢字 Ω €": "é ñ 漢字 Ω €",
    r"C:\new\table": r"C:\new\table",
    "": "",
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.items(), ids=ascii)
def test_what_nobody_sees_is_shown_as_an_escape(text: str, shown: str) -> None:
    """Letters of all scripts stay as they are."""
    assert printable(text) == shown


@given(ANY_TEXT)
def test_nothing_unseen_is_left(text: str) -> None:
    """The rest is one line that any UTF-8 file takes, and doing it twice changes nothing."""
    shown = printable(text)
    assert {unicodedata.category(sign) for sign in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown
    assert printable(shown) == shown


@given(ANY_TEXT)
def test_a_code_span_ends_where_it_should(text: str) -> None:
    """No run of backticks inside is as long as the fence, so nothing of a value is Markdown."""
    span = markdown_code(text)
    fence = len(span) - len(span.lstrip("`"))
    inner = span[fence:-fence]
    assert span.endswith("`" * fence)

    assert inner.strip(" ").count("`" * fence) == 0
