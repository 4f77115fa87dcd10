"""Cron lines: the mistakes that can be told without a scheduler.

What is refused here no scheduler takes. Dagster knows more forms (``L``, ``#``, ``?``), and has the
latest result when its schedule is made.
"""

from __future__ import annotations

import re

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
"""Name, lowest and highest number of each field, in order."""

_SHORT = frozenset(
    {"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}
)
_EXAMPLE = 'Write five fields, such as "0 2 * * *"'
_FIELD = re.compile(r"[\w*?#/,\-]+")
_NUMBER = re.compile(r"(?<![\w#/])\d+(?!\w)", re.ASCII)
"""A number that is a moment: what follows ``/`` or ``#`` is not."""


def flaw(line: str) -> str | None:
    """Return why a line is none of cron's, or None.

    >>> flaw("0 2 * * *"), flaw("0 25 * * *")
    (None, 'there is no hour 25. Write five fields, such as "0 2 * * *"')
    """
    if line.strip().lower() in _SHORT:
        return None
    fields = line.split()
    if len(fields) != len(_FIELDS):
        return f"{line[:60]!r} is no cron line. {_EXAMPLE}"
    for text, (name, lowest, highest) in zip(fields, _FIELDS, strict=True):
        if not _FIELD.fullmatch(text):
            return f"{text[:60]!r} is no {name}. {_EXAMPLE}"
        for number in _NUMBER.findall(text):
            if len(number) > len("0000") or not lowest <= int(number) <= highest:
                return f"there is no {name} {number[:60]}. {_EXAMPLE}"
    return None
