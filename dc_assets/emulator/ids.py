"""Salesforce record ids: 15 case-sensitive characters and a 3-character suffix that keeps the case.

The suffix has one character per group of five; bit k of it says that character k of the group
is an upper-case letter.
"""

from __future__ import annotations

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
INSTANCE = "Ov"
"""Characters 4 and 5 of each id: the instance that made it."""

ORG_ID_NUMBER = 1
SHORT_ID = 15
"""Characters of an id without its suffix."""
COUNTER_WIDTH = 6
"""Base-62 digits of the counter; 62**6 is 56 thousand million ids for each object."""


def case_suffix(body: str) -> str:
    """The three characters that make a 15-character id safe where case is lost.

    >>> case_suffix("0018c00002FInbo")
    'AAD'
    """
    groups = (body[0:5], body[5:10], body[10:15])
    bits = (sum(1 << k for k, char in enumerate(group) if char.isupper()) for group in groups)
    return "".join(SUFFIX[bit] for bit in bits)


def record_id(prefix: str, number: int) -> str:
    """The 18-character id of the ``number``-th record of the object with this key prefix."""
    digits: list[str] = []
    for _ in range(COUNTER_WIDTH):
        number, digit = divmod(number, len(DIGITS))
        digits.append(DIGITS[digit])
    body = f"{prefix}{INSTANCE}0000{''.join(reversed(digits))}"
    return body + case_suffix(body)


def id_macro_sql(prefix: str) -> str:
    """The SQL macro ``sf_id(n)``: the same ids as `record_id`, made by the column."""
    digit = [f"((n // {62**k}) % 62)" for k in range(COUNTER_WIDTH)]
    text = [f"substr('{DIGITS}', ({d} + 1)::BIGINT, 1)" for d in digit]
    upper = [f"({d} BETWEEN 10 AND 35)::BIGINT" for d in digit]
    middle = f"(16 * {upper[5]} + 1)"
    last = "(" + " + ".join(f"{1 << k} * {upper[4 - k]}" for k in range(5)) + " + 1)"
    body = " || ".join(reversed(text))
    first = case_suffix(f"{prefix}{INSTANCE}0000000000")[0]
    suffix = f"'{first}' || substr('{SUFFIX}', {middle}, 1) || substr('{SUFFIX}', {last}, 1)"
    return (
        f"CREATE OR REPLACE TEMP MACRO sf_id(n) AS '{prefix}{INSTANCE}0000' || {body} || {suffix}"
    )


ORG_ID = record_id("00D", ORG_ID_NUMBER)
USER_ID = record_id("005", 1)
USERNAME = "integration@emulator.invalid"
"""Of the Run As user of the app."""
