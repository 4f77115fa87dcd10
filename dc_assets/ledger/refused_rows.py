"""Refused rows as a report tells them: by code, the first by id, and without their values."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import dead_letter

CODES_MAX = 20
LETTERS_OF_A_CODE = 20
REASON_CHARS_MAX = 300

LONG_CHARS = 20
"""Of a value that is longer an org may quote the begin only."""

OTHER = "UNKNOWN_ERROR"
"""Stands for a code that is no word of Salesforce's: it may quote values."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A dead letter without the row's values, which its reason may quote."""

    partition_key: str
    external_id: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class RefusedCode:
    """The dead letters of one code: how many, and the first by external id."""

    code: str
    rows: int
    first: Sequence[RefusedRow]


def refused_rows(database: Database, load_id: str) -> Sequence[RefusedCode]:
    """Return the most frequent codes of a load with their first rows.

    Of a hundred thousand letters only those that are shown are read.
    """
    with database.begin() as connection:
        counts = connection.execute(
            sa.select(dead_letter.c.code, sa.func.count().label("rows"))
            .where(dead_letter.c.load_id == load_id)
            .group_by(dead_letter.c.code)
            .order_by(sa.desc("rows"), dead_letter.c.code)
            .limit(CODES_MAX)
        ).all()
        letters = connection.execute(_first_letters(load_id, [c.code for c in counts])).all()
    rows: Counter[str] = Counter()
    for one in counts:
        rows[_word(one.code)] += one.rows
    first: dict[str, list[RefusedRow]] = {code: [] for code in rows}
    for row in letters:
        reason = without_values(row.message, row.row_json, row.external_id)
        shown = RefusedRow(row.partition_key, row.external_id, reason, row.attempts)
        first[_word(row.code)].append(shown)
    return [
        RefusedCode(code, number, first[code][:LETTERS_OF_A_CODE])
        for code, number in rows.most_common()
    ]


def _word(code: str) -> str:
    return code if _CODE.fullmatch(code) else OTHER


def without_values(reason: str, row_json: str, external_id: str) -> str:
    """Replace the values of a row that a reason quotes by the names of their fields.

    The external id stays, and so do the ids of parents, whose fields have a dot in their name.

    >>> without_values("bad value: Nope (acc1)", '{"Stage": "Nope", "A.Id": "acc1"}', "x")
    'bad value: [Stage] (acc1)'
    >>> without_values("too large: " + 255 * "x" + " (max 9)", json.dumps({"Name": 300 * "x"}), "")
    'too large: [Name] (max 9)'
    """
    names: dict[str, str] = {}
    for name, value in json.loads(row_json or "{}").items():
        text = "" if value is None else str(value).strip()
        if text and text != external_id and "." not in name:
            names.setdefault(text, name)
    for text, name in names.items():
        reason = _without_begin(reason, text, f"[{name}]")
    if names:
        values = "|".join(re.escape(text) for text in sorted(names, key=len, reverse=True))
        found = re.compile(rf"(?<!\w)(?:{values})(?!\w)")
        reason = found.sub(lambda match: f"[{names[match.group()]}]", reason)
    return reason if len(reason) <= REASON_CHARS_MAX else f"{reason[: REASON_CHARS_MAX - 2]} …"


def _without_begin(reason: str, value: str, name: str) -> str:
    """Replace the begin of a long value, however much of it the org quotes."""
    if len(value) < LONG_CHARS:
        return reason
    before, begin, after = reason.partition(value[:LONG_CHARS])
    if not begin:
        return reason
    pairs = zip(after, value[LONG_CHARS:], strict=False)
    quoted = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return before + name + _without_begin(after[quoted:], value, name)


def _first_letters(load_id: str, codes: Sequence[str]) -> sa.Select[Any]:
    """Select the first letters of each code; the rows of the others stay where they are."""
    place = sa.func.row_number().over(
        partition_by=dead_letter.c.code, order_by=(dead_letter.c.external_id, dead_letter.c.id)
    )
    ranked = (
        sa.select(dead_letter.c.id, place.label("place"))
        .where(dead_letter.c.load_id == load_id, dead_letter.c.code.in_(codes))
        .subquery()
    )
    shown = sa.select(ranked.c.id).where(ranked.c.place <= LETTERS_OF_A_CODE)
    return (
        sa.select(dead_letter)
        .where(dead_letter.c.id.in_(shown))
        .order_by(dead_letter.c.code, dead_letter.c.external_id, dead_letter.c.id)
    )
