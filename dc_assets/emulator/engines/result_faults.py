"""Result files as another server would write them: other order, other texts of the same values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from random import Random

from dc_assets.emulator.clock import api_datetime
from dc_assets.emulator.schema import NULL_MARK, Field, ObjectType
from dc_assets.emulator.stores.jobs import DELIMITERS, StoredJob

Rows = list[list[str]]


def shuffled(body: bytes, job: StoredJob, dice: Random) -> bytes:
    """The same file with its columns and its rows in another order."""
    rows = _read(body, job)
    if not rows:
        return body
    order = _another_order(len(rows[0]), dice)
    moved = [[row[place] for place in order] for row in rows]
    lines = [moved[1:][place] for place in _another_order(len(moved) - 1, dice)]
    return _written([moved[0], *lines], job)


def rerendered(body: bytes, job: StoredJob, item: ObjectType) -> bytes:
    """The same file with other texts of numbers, times and texts; keys and ids stay."""
    rows = _read(body, job)
    if not rows:
        return body
    renders = [_render_of(name, job, item) for name in rows[0]]
    changed = [
        [render(cell) if cell not in {"", NULL_MARK} else cell for render, cell in pairs]
        for pairs in (zip(renders, row, strict=True) for row in rows[1:])
    ]
    return _written([rows[0], *changed], job)


def _another_order(count: int, dice: Random) -> list[int]:
    order = list(range(count))
    dice.shuffle(order)
    if order == sorted(order):
        order.reverse()
    return order


def _read(body: bytes, job: StoredJob) -> Rows:
    text = io.StringIO(body.decode(), newline="")
    return list(csv.reader(text, delimiter=DELIMITERS[job.column_delimiter]))


def _written(rows: Sequence[Sequence[str]], job: StoredJob) -> bytes:
    text = io.StringIO()
    delimiter = DELIMITERS[job.column_delimiter]
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows(rows)
    return text.getvalue().encode()


def _render_of(name: str, job: StoredJob, item: ObjectType) -> Callable[[str], str]:
    field = item.field(name)
    is_key = name.lower() == job.external_id_field.lower()
    if field is None or is_key or field.type in {"id", "reference"} or field.external_id:
        return str
    return _by_type(field)


def _by_type(field: Field) -> Callable[[str], str]:
    if field.is_number:
        return _number
    return RENDERS.get(field.type, str.strip if field.is_text else str)


def _number(cell: str) -> str:
    """A number without exponent and without zeros that say nothing.

    >>> _number("1.50"), _number("9.12260031E8"), _number("7.0")
    ('1.5', '912260031', '7')
    """
    try:
        text = f"{Decimal(cell):f}"
    except InvalidOperation:
        return cell
    return text.rstrip("0").rstrip(".") if "." in text else text


def _datetime(cell: str) -> str:
    """A moment as the API writes it.

    >>> _datetime("2026-01-31T12:00:00+02:00")
    '2026-01-31T10:00:00.000+0000'
    """
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    return api_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


RENDERS: dict[str, Callable[[str], str]] = {
    "datetime": _datetime,
    "boolean": lambda cell: "true" if cell.lower() in {"true", "1"} else "false",
}
